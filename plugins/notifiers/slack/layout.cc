#include "plugins/notifiers/slack/layout.h"

#include "plugins/notifiers/slack/escape.h"
#include "plugins/support/abi_text.h"
#include "plugins/support/notice.h"

namespace heald::slack {
namespace {

using support::Text;

constexpr size_t kLinkBytes = 500;
constexpr size_t kStepLimit = 800;
constexpr std::string_view kTimeForm = "{time_secs}";
constexpr std::string_view kDateForm = "{date_short_pretty} {time_secs}";

Json Markdown(std::string text) {
  return {{"type", "mrkdwn"}, {"text", std::move(text)}};
}

Json Section(std::string text) {
  return {{"type", "section"}, {"text", Markdown(std::move(text))}};
}

Json FieldsOf(const heald_notification& notice) {
  Json fields = Json::array();
  for (const support::Fact& fact : support::FactsOf(notice))
    fields.push_back(Markdown("*" + fact.name + "*\n" +
                              (fact.time_ns != 0 ? Date(fact.time_ns, kDateForm)
                                                 : Escape(fact.value, kFieldLimit - 50))));
  return fields;
}

std::string SparklineOf(const heald_finding& finding) {
  const support::Spark spark = support::SparkOf(finding);
  return spark.bars.empty() ? "" : "`" + spark.bars + "`  " + Escape(spark.caption, 250);
}

// The latest ones that fit.
std::string StepsOf(const Story& story) {
  size_t first = story.steps.size();
  size_t used = 40;
  while (first > 0 && used + story.steps[first - 1].size() + 1 <= kTextLimit)
    used += story.steps[--first].size() + 1;
  std::string out;
  if (const uint64_t earlier = first + story.dropped_steps; earlier != 0)
    out = "_… and " + std::to_string(earlier) + " earlier_";
  for (; first < story.steps.size(); ++first) {
    if (!out.empty()) out += '\n';
    out += story.steps[first];
  }
  return out;
}

}  // namespace

std::string StepOf(const heald_notification& notice) {
  const std::string step = support::StepOf(notice);
  return step.empty() ? step : Date(notice.ts_ns, kTimeForm) + "  " + Escape(step, kStepLimit);
}

Json MessageOf(const heald_notification& notice, const Story& story, const Config& written,
               const Config& filled) {
  const Templates& own = filled.templates;
  const heald_finding* finding = support::FindingOf(notice);
  const std::string title =
      support::Blank(own.title) ? support::TitleOf(notice, story.awaits_approval) : own.title;
  Json blocks = Json::array();
  blocks.push_back(
      {{"type", "header"},
       {"text", {{"type", "plain_text"}, {"text", Escape(title, kHeaderLimit)}, {"emoji", true}}}});
  if (!support::Blank(own.text))
    blocks.push_back(
        Section(Escape(own.text, kTextLimit, MarkupOf(written.templates.text, filled.link))));
  else if (finding != nullptr && finding->summary.len != 0)
    blocks.push_back(Section(Escape(Text(finding->summary), kTextLimit)));
  else if (finding == nullptr)
    blocks.push_back(Section(Escape(Text(notice.text), kTextLimit)));
  if (finding != nullptr) {
    blocks.push_back({{"type", "section"}, {"fields", FieldsOf(notice)}});
    if (std::string line = SparklineOf(*finding); !line.empty())
      blocks.push_back(Section(std::move(line)));
  }
  if (const std::string others = support::OthersOf(notice); !others.empty())
    blocks.push_back(Section(Escape(others, kTextLimit)));
  if (std::string steps = StepsOf(story); !steps.empty())
    blocks.push_back(Section(std::move(steps)));
  const bool answered_by_link = story.awaits_approval && !support::Blank(story.approval_link) &&
                                story.approval_link.size() <= kLinkBytes;
  if (answered_by_link)
    blocks.push_back(Section(
        "*" +
        Link(story.approval_link,
             Escape(support::Blank(story.approval_words) ? "Approve or deny" : story.approval_words,
                    200)) +
        "*"));
  if (!support::Blank(filled.link)) {
    std::string words = "Open in heald";
    if (notice.incident != nullptr)
      words = (story.awaits_approval && !answered_by_link ? "Approve or deny, incident #"
                                                          : "Open incident #") +
              std::to_string(notice.incident->id);
    // Half an address would lead nowhere.
    blocks.push_back(Section(Link(filled.link.size() <= kLinkBytes ? filled.link : "", words)));
  }
  const std::string footer =
      support::Blank(own.footer) ? support::FooterOf(notice, story.policy) : own.footer;
  blocks.push_back(
      {{"type", "context"},
       {"elements",
        {Markdown(Escape(footer, 1000, MarkupOf(written.templates.footer, filled.link)))}}});

  std::string text = own.notification;
  if (support::Blank(text)) text = title + ": " + Text(notice.text);
  return {{"text", Escape(text, kTextLimit)}, {"blocks", std::move(blocks)}};
}

}  // namespace heald::slack
