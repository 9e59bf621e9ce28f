#include "plugins/notifiers/email/letter.h"

#include "plugins/support/words.h"

namespace heald::email {
namespace {

constexpr size_t kSubject = 250;
constexpr size_t kText = 20'000;
constexpr size_t kLinkBytes = 1000;

std::string Text(heald_str text) {
  return text.len == 0 ? std::string() : std::string(text.ptr, text.len);
}

// Fit for the left side of a Message-ID.
std::string IdText(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 200)) {
    const bool fit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '_';
    out += fit ? c : '.';
  }
  return out;
}

std::string Html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\n')
      out += "<br>\n";
    else
      out += c;
  }
  return out;
}

bool IsLink(std::string_view url) {
  return (url.starts_with("https://") || url.starts_with("http://")) && url.size() <= kLinkBytes;
}

std::string Paragraph(const std::string& html) {
  return html.empty() ? "" : "<p>" + html + "</p>\n";
}

std::string FactTable(const heald_notification& notice) {
  std::string rows;
  for (const support::Fact& fact : support::FactsOf(notice))
    rows += "<tr><td style=\"padding-right:1.5em;color:#666\">" + Html(fact.name) + "</td><td>" +
            Html(fact.value) + "</td></tr>\n";
  return rows.empty() ? "" : "<table>\n" + rows + "</table>\n";
}

struct Links {
  std::string approval;  // empty: nobody is asked, or there is no such link
  std::string page;
  std::string words;    // of an answer; empty: nobody is asked
  std::string command;  // by which it is given from a shell
};

Links LinksOf(const heald_notification& notice, const Config& filled) {
  Links links;
  if (IsLink(filled.link)) links.page = filled.link;
  if (support::EventOf(notice) != support::Event::kAwaitingApproval) return links;
  links.words = support::Blank(filled.approval) ? "Approve or deny" : filled.approval;
  links.command = "heald approve " + Text(notice.decision->id);
  if (IsLink(filled.approval_link)) links.approval = filled.approval_link;
  return links;
}

std::string PlainText(const heald_notification& notice, const Config& filled,
                      const std::string& title, const std::string& footer) {
  std::string out = title + "\n\n";
  out += support::Blank(filled.text) ? support::BodyOf(notice)
                                     : support::Shortened(filled.text, kText);
  const Links links = LinksOf(notice, filled);
  if (!links.words.empty())
    out += "\n\n" + links.words + ": " +
           (links.approval.empty() ? links.command : links.approval + "\nor: " + links.command);
  if (!links.page.empty()) out += "\n\nOpen in heald: " + links.page;
  return out + "\n\n-- \n" + footer + "\n";
}

std::string HtmlText(const heald_notification& notice, const Config& filled,
                     const std::string& title, const std::string& footer) {
  std::string out = "<!doctype html>\n<html><body style=\"font-family:sans-serif\">\n<h2>" +
                    Html(title) + "</h2>\n";
  if (!support::Blank(filled.text)) {
    out += Paragraph(Html(support::Shortened(filled.text, kText)));
  } else {
    const heald_finding* finding = support::FindingOf(notice);
    out += Paragraph(Html(finding == nullptr ? Text(notice.text) : Text(finding->summary)));
    out += FactTable(notice);
    if (finding != nullptr)
      if (const support::Spark spark = support::SparkOf(*finding); !spark.bars.empty())
        out += Paragraph("<code>" + spark.bars + "</code> " + Html(spark.caption));
    out += Paragraph(Html(support::OthersOf(notice)));
    out += Paragraph(Html(support::StepOf(notice)));
  }
  const Links links = LinksOf(notice, filled);
  if (!links.words.empty())
    out += Paragraph((links.approval.empty() ? Html(links.words)
                                             : "<a href=\"" + Html(links.approval) + "\">" +
                                                   Html(links.words) + "</a>") +
                     ", or <code>" + Html(links.command) + "</code>");
  if (!links.page.empty())
    out += Paragraph("<a href=\"" + Html(links.page) + "\">Open in heald</a>");
  return out + "<p style=\"color:#666;font-size:smaller\">" + Html(footer) +
         "</p>\n</body></html>\n";
}

}  // namespace

Mail LetterOf(const heald_notification& notice, const Config& filled) {
  const std::string sender = BareAddress(filled.from);
  const std::string domain = sender.substr(sender.rfind('@') + 1);
  const std::string title =
      support::TitleOf(notice, support::EventOf(notice) == support::Event::kAwaitingApproval);
  const std::string footer = support::FooterOf(
      notice, notice.decision == nullptr ? std::string() : Text(notice.decision->policy));
  Mail mail;
  mail.from = filled.from;
  mail.to = filled.to;
  mail.cc = filled.cc;
  mail.subject =
      support::Shortened(support::Blank(filled.subject) ? title : filled.subject, kSubject);
  mail.message_id = IdText(Text(notice.event_id)) + "@" + domain;
  if (notice.incident != nullptr)
    mail.thread_id = "incident." + IdText(support::KeyOf(notice)) + "@" + domain;
  mail.date_ns = notice.ts_ns;
  mail.headers = {{"X-Heald-Event", IdText(Text(notice.event_id))}};
  if (notice.incident != nullptr)
    mail.headers.emplace_back("X-Heald-Incident", std::to_string(notice.incident->id));
  mail.text = PlainText(notice, filled, title, footer);
  mail.html = HtmlText(notice, filled, title, footer);
  return mail;
}

}  // namespace heald::email
