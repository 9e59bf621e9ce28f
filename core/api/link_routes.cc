// Where an approval link leads. Looking changes nothing, whoever looks: chats and scanners open
// every link that they see. Only the form's answer does.
#include <algorithm>

#include "core/api/approval_page.h"
#include "core/api/problem.h"
#include "core/api/request_head.h"
#include "core/api/routes.h"
#include "core/api/tokens.h"
#include "core/base/clock.h"
#include "core/base/units.h"

namespace heald::api {
namespace {

constexpr std::string_view kFormType = "application/x-www-form-urlencoded";

constexpr std::string_view kSheet =
    ":root{color-scheme:light "
    "dark;--ink:light-dark(#1a211d,#e4e9e5);--bg:light-dark(#f6f7f6,#121513);"
    "--soft:light-dark(#546059,#9faba4);--edge:light-dark(#87938c,#68746d);"
    "--accent:light-dark(#0b684f,#6fcfab);--on-accent:light-dark(#fff,#0c1f18);"
    "--bad:light-dark(#b0241b,#ff9f94)}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--bg);color:var(--ink);font:1rem/1.5 system-ui,sans-serif;"
    "overflow-wrap:anywhere}\n"
    "main{max-width:40rem;margin:0 auto;padding:2rem 1rem}\n"
    "h1{font-size:1.4rem;margin:0 0 1rem}\n"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:0 0 1rem}\n"
    "dt,.soft{color:var(--soft)}dd{margin:0}\n"
    ".problem{color:var(--bad);font-weight:600}\n"
    "form{margin:1.5rem 0}label{display:block;margin-bottom:.25rem}\n"
    "input{width:100%;max-width:20rem;font:inherit;padding:.5rem;border:1px solid var(--edge);"
    "border-radius:8px;background:transparent;color:inherit}\n"
    ".answers{display:flex;gap:.75rem;margin-top:1rem}\n"
    "button{font:inherit;padding:.5rem 1.25rem;border:1px solid var(--edge);border-radius:8px;"
    "background:transparent;color:inherit;cursor:pointer}\n"
    ".yes{background:var(--accent);border-color:var(--accent);color:var(--on-accent)}\n"
    "a{color:var(--accent)}:focus-visible{outline:2px solid var(--accent);outline-offset:2px}\n";

Response GetStyle(const Call&) {
  Response response;
  response.content_type = "text/css; charset=utf-8";
  response.body = kSheet;
  return response;
}

std::string_view Field(const std::vector<NameValue>& fields, std::string_view name) {
  for (const auto& [field, value] : fields)
    if (field == name) return value;
  return {};
}

// What the link is about, or the page that says why it is about nothing.
std::variant<ApprovalClaim, Response> Claim(const Call& call, std::string_view token) {
  const std::shared_ptr<const ApprovalLinks> links = call.backend.Links();
  if (links == nullptr)
    return ApprovalNote(404, "No links here",
                        "This agent answers no approval links "
                        "(agent.approval.links in its pipeline file).");
  const SystemClock clock;
  const std::string& peer = call.request.peer_address;
  // Somebody's wrong links keep nobody out: behind a proxy all have one address.
  const Result<ApprovalClaim> claim = links->Open(token, clock.NowNs());
  if (claim) return *claim;
  if (const int64_t wait_ns = links->attempts().WaitNs(peer, clock.MonotonicNs()); wait_ns > 0) {
    Response refusal = ApprovalNote(429, "Too many wrong links",
                                    "Too many links that nobody made came from " + peer +
                                        ": try again in " + FormatElapsed(wait_ns) + ".");
    refusal.headers.emplace_back("Retry-After", std::to_string((wait_ns + kSecond - 1) / kSecond));
    return refusal;
  }
  if (claim.error().code == Code::kDeadline)
    return ApprovalNote(410, "Too late", claim.error().message + ".");
  links->attempts().Failed(peer, token, clock.MonotonicNs());
  return ApprovalNote(403, "This link does not work", claim.error().message + ".");
}

Response OverNote(const Error& error) {
  const bool over = error.code == Code::kConflict || error.code == Code::kNotFound;
  return ApprovalNote(over ? 409 : 503, over ? "Nothing to answer any more" : "Not done",
                      error.message + ".");
}

Response GetApprove(const Call& call) {
  const std::string_view token = Field(call.request.query, "t");
  std::variant<ApprovalClaim, Response> claim = Claim(call, token);
  if (Response* note = std::get_if<Response>(&claim)) return std::move(*note);
  const Result<Decision> waiting =
      call.backend.WaitingApproval(std::get<ApprovalClaim>(claim).decision);
  if (!waiting) return OverNote(waiting.error());
  return ApprovalQuestion(*waiting, token, "", "", SystemClock().NowNs());
}

Response PostApprove(const Call& call) {
  if (!call.request.Header("content-type").starts_with(kFormType))
    return ApprovalNote(400, "Not done", "The answer must come from the page's own form.");
  const Result<std::vector<NameValue>> form = ParseForm(call.request.body);
  if (!form) return ApprovalNote(400, "Not done", form.error().message + ".");
  const std::string_view token = Field(*form, "t");
  std::variant<ApprovalClaim, Response> opened = Claim(call, token);
  if (Response* note = std::get_if<Response>(&opened)) return std::move(*note);
  const auto& claim = std::get<ApprovalClaim>(opened);
  const Result<Decision> waiting = call.backend.WaitingApproval(claim.decision);
  if (!waiting) return OverNote(waiting.error());
  const std::string_view name = Field(*form, "name");
  const std::string_view answer = Field(*form, "answer");
  const bool yes = answer == "approve";
  const auto again = [&](std::string_view problem) {
    Response page = ApprovalQuestion(*waiting, token, name, problem, SystemClock().NowNs());
    page.status = 400;
    return page;
  };
  if (!yes && answer != "deny") return again("Say approve or deny.");
  if (!IsActorName(name))
    return again(
        "Your name must be 1 to 64 letters, digits and . _ - @: it goes into the records.");
  const std::string actor = "link:" + claim.channel + "/" + std::string(name);
  const Result<void> taken =
      call.backend.Approve({claim.decision, yes, actor, "link", claim.plan_hash});
  if (!taken) {
    if (!call.backend.WaitingApproval(claim.decision)) return OverNote(taken.error());
    Response page =
        ApprovalQuestion(*waiting, token, name, taken.error().message, SystemClock().NowNs());
    page.status = 409;
    return page;
  }
  return ApprovalNote(200, (yes ? "Approved: " : "Denied: ") + waiting->plan.summary,
                      yes ? "Recorded as " + actor +
                                ". It is done at once if the guards still "
                                "agree and the target is as it was planned."
                          : "Recorded as " + actor + ". Nothing is done for this incident by " +
                                waiting->policy + ".",
                      waiting->incident);
}

constexpr Route kLinkRoutes[] = {
    {"GET", "/approve", std::nullopt, GetApprove},
    {"POST", "/approve", std::nullopt, PostApprove},
    {"GET", "/approve.css", std::nullopt, GetStyle},
};

}  // namespace

std::span<const Route> LinkRoutes() {
  return kLinkRoutes;
}

}  // namespace heald::api
