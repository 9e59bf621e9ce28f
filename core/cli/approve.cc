#include "core/cli/approve.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/base/clock.h"
#include "core/base/units.h"
#include "core/cli/say.h"

namespace heald::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kPath = "/api/v1/approvals";
constexpr size_t kShortId = 8;
constexpr size_t kShortHash = 12;

std::string PlanOf(const Json& decision) {
  return Text(decision.value("plan", Json::object()), "summary");
}

// "expires in 12 m", by this machine's clock.
std::string Expiry(const Json& decision) {
  if (const auto at = decision.find("expires"); at != decision.end() && at->is_null())
    return "doesn't expire while it is held";
  const Result<int64_t> expires = ParseTime(Text(decision, "expires"));
  if (!expires) return "expiry unknown";
  const int64_t left_ns = *expires - SystemClock().NowNs();
  return left_ns > 0 ? "expires in " + FormatElapsed(left_ns) : "expired";
}

// What it waits for, beside an answer.
void PrintWaiting(const Json& decision, const std::string& state) {
  std::printf("%s  %s on %s  %s\n", Text(decision, "id").substr(0, kShortId).c_str(),
              PlanOf(decision).c_str(), Text(decision, "target_name").c_str(), state.c_str());
  std::printf("          incident #%llu  policy %s  plan %s%s\n",
              static_cast<unsigned long long>(decision.value("incident", uint64_t{0})),
              Text(decision, "policy").c_str(),
              Text(decision, "plan_hash").substr(0, kShortHash).c_str(),
              decision.value("dry_run", false) ? "  (dry run)" : "");
  if (const std::string why = Text(decision, "why"); !why.empty())
    std::printf("          because %s\n", why.c_str());
}

// As a decision that waits, for what it waits for.
Json DecisionOf(const Json& undo) {
  Json decision = undo.value("decision", Json::object());
  decision["why"] = Text(undo, "why") + " (since " + Text(undo, "since") + ")";
  return decision;
}

// "not undone yet; `heald deny 5f0c1b9a` leaves it as it is"
std::string WayOut(const Json& decision) {
  return "not undone yet; `heald deny " + Text(decision, "id").substr(0, kShortId) +
         "` leaves it as it is";
}

// The only one that begins so.
int Choose(const std::vector<Json>& waiting, const std::string& begins, Json* chosen) {
  std::vector<const Json*> found;
  for (const Json& decision : waiting)
    if (Text(decision, "id").starts_with(begins)) found.push_back(&decision);
  if (found.size() > 1)
    return Complain(kUsage, std::to_string(found.size()) + " decisions begin with '" + begins +
                                "': write more of the id; `heald approve` lists them");
  if (!found.empty()) *chosen = *found[0];
  return kDone;
}

}  // namespace

int Approve(const ApproveOptions& options, const PipelineOptions& pipeline) {
  Json answer;
  int code = AskAgent(options.remote, pipeline, "GET", kPath, {}, &answer);
  if (code != kDone) return code;
  const std::vector<Json> approvals = answer.value("approvals", Json::array());
  std::vector<Json> undos = answer.value("undos", Json::array());
  std::transform(undos.begin(), undos.end(), undos.begin(), DecisionOf);
  std::vector<Json> waiting = approvals;
  waiting.insert(waiting.end(), undos.begin(), undos.end());
  if (options.decision.empty()) {
    if (options.deny || !options.plan_hash.empty())
      return Complain(kUsage, "name the decision to answer; `heald approve` lists those that wait");
    if (options.format == "json") {
      PrintJson(waiting);
      return kDone;
    }
    for (const Json& decision : approvals) PrintWaiting(decision, Expiry(decision));
    for (const Json& decision : undos) PrintWaiting(decision, WayOut(decision));
    if (waiting.empty()) std::puts("nothing awaits approval");
    return kDone;
  }
  Json chosen = Json::object();
  if (code = Choose(waiting, options.decision, &chosen); code != kDone) return code;
  const std::string hash = Text(chosen, "plan_hash");
  if (!hash.starts_with(options.plan_hash))
    return Complain(kNo, "not done: the plan that you saw (" + options.plan_hash +
                             ") is not the one that waits: " + PlanOf(chosen) + " on " +
                             Text(chosen, "target_name") + " (" + hash.substr(0, kShortHash) +
                             "); look at it and answer again");
  // One that doesn't wait is asked for all the same: the agent knows what became of it.
  const std::string id = chosen.empty() ? options.decision : Text(chosen, "id");
  Json body = {{"approve", !options.deny}, {"via", "cli"}};
  if (!hash.empty()) body["plan_hash"] = hash;
  if (!options.actor.empty()) body["actor"] = options.actor;
  code = AskAgent(options.remote, pipeline, "PUT", std::string(kPath) + "/" + PathPart(id),
                  body.dump(-1, ' ', false, Json::error_handler_t::replace), &answer);
  if (code != kDone) return code;
  if (options.format == "json") {
    PrintJson(answer);
    return kDone;
  }
  const char* said = options.deny ? "denied" : "approved";
  if (std::find(undos.begin(), undos.end(), chosen) != undos.end()) said = "left as it is";
  if (chosen.empty()) {
    std::printf("%s by %s: decision %s\n", said, Text(answer, "actor").c_str(), id.c_str());
    return kDone;
  }
  std::printf("%s by %s: %s on %s, plan %s; `heald explain %llu` shows what comes of it\n", said,
              Text(answer, "actor").c_str(), PlanOf(chosen).c_str(),
              Text(chosen, "target_name").c_str(), hash.substr(0, kShortHash).c_str(),
              static_cast<unsigned long long>(chosen.value("incident", uint64_t{0})));
  return kDone;
}

}  // namespace heald::cli
