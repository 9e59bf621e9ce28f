#include "core/api/approval_page.h"

#include "core/base/units.h"

namespace heald::api {
namespace {

constexpr std::string_view kStyle =
    "/approve.css";  // a route of its own, so that the page needs no inline style

std::string Page(std::string_view title, std::string_view body) {
  return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=\"robots\" content=\"noindex, nofollow, noarchive\">\n<title>" +
         EscapeHtml(title) + " · heald</title>\n<link rel=\"stylesheet\" href=\"" +
         std::string(kStyle.substr(1)) + "\">\n</head>\n<body>\n<main>\n" + std::string(body) +
         "</main>\n</body>\n</html>\n";
}

Response Html(int status, std::string text) {
  Response response;
  response.status = status;
  response.content_type = "text/html; charset=utf-8";
  response.body = std::move(text);
  response.headers = {{"Content-Security-Policy",
                       "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
                       "frame-ancestors 'none'"},
                      // With no-referrer a browser would post the form with Origin: null.
                      {"Referrer-Policy", "same-origin"}};
  return response;
}

void AddFact(std::string* out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  *out += "<dt>" + std::string(name) + "</dt><dd>" + EscapeHtml(value) + "</dd>\n";
}

}  // namespace

std::string EscapeHtml(std::string_view text) {
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
    else if (c == '\'')
      out += "&#39;";
    else
      out += c;
  }
  return out;
}

Response ApprovalQuestion(const Decision& decision, std::string_view token, std::string_view name,
                          std::string_view problem, int64_t now_ns) {
  std::string body = "<h1>" + EscapeHtml(decision.plan.summary) + "?</h1>\n";
  if (!problem.empty())
    body += "<p class=\"problem\" role=\"alert\">" + EscapeHtml(problem) + "</p>\n";
  body += "<dl>\n";
  AddFact(&body, "Target", TargetName(decision.target) + "  (" + decision.target.ToString() + ")");
  AddFact(&body, "Because", decision.why.empty() ? "its condition held" : decision.why);
  AddFact(&body, "Policy", decision.policy + ", action " + decision.action);
  AddFact(&body, "Incident", "#" + std::to_string(decision.incident));
  AddFact(&body, "Can be undone", decision.plan.reversible ? "yes" : "no");
  if (decision.dry_run) AddFact(&body, "Dry run", "nothing is changed");
  AddFact(&body, "Plan", decision.plan_hash.substr(0, 12));
  AddFact(&body, "Expires",
          FormatTime(decision.expires_ns).substr(0, 19) + "Z, in " +
              FormatElapsed(std::max<int64_t>(decision.expires_ns - now_ns, 0)));
  body += "</dl>\n<details>\n<summary>Guards</summary>\n<ul>\n";
  for (const GuardVerdict& guard : decision.guards)
    body += "<li>" + EscapeHtml(guard.guard + ": " + guard.reason) + "</li>\n";
  body +=
      "</ul>\n</details>\n<form method=\"post\" action=\"approve\">\n"
      "<input type=\"hidden\" name=\"t\" value=\"" +
      EscapeHtml(token) +
      "\">\n<label for=\"name\">Your name, for the records</label>\n"
      "<input id=\"name\" name=\"name\" required maxlength=\"64\" pattern=\"[A-Za-z0-9._@\\-]+\" "
      "autocomplete=\"username\" title=\"letters, digits and . _ - @\" value=\"" +
      EscapeHtml(name) +
      "\">\n<div class=\"answers\">\n"
      "<button name=\"answer\" value=\"approve\" class=\"yes\">Approve</button>\n"
      "<button name=\"answer\" value=\"deny\">Deny</button>\n</div>\n</form>\n"
      "<p class=\"soft\">It runs once, as planned, if the guards still agree then. If the target "
      "has "
      "changed since, it is refused.</p>\n";
  return Html(200, Page(decision.plan.summary, body));
}

Response ApprovalNote(int status, std::string_view title, std::string_view text,
                      uint64_t incident) {
  std::string body = "<h1>" + EscapeHtml(title) + "</h1>\n<p>" + EscapeHtml(text) + "</p>\n";
  body += incident == 0
              ? "<p><a href=\"./#/approvals\">What waits for an answer</a></p>\n"
              : "<p><a href=\"./#/incidents/" + std::to_string(incident) +
                    "\">What comes of it: incident #" + std::to_string(incident) + "</a></p>\n";
  return Html(status, Page(title, body));
}

}  // namespace heald::api
