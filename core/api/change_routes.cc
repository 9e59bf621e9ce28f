// What is changed through the API. Each change carries the actor that the journal records.
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "core/api/access.h"
#include "core/api/json.h"
#include "core/api/problem.h"
#include "core/api/routes.h"
#include "core/base/units.h"

namespace heald::api {
namespace {

// A change's body: an object of known members, and who makes the change.
struct Change {
  Json body;
  std::string actor;
};

Result<Change> ParseChange(const Call& call, std::initializer_list<std::string_view> known) {
  const std::string& text = call.request.body;
  Change change{text.empty() ? Json::object() : Json::parse(text, nullptr, false), {}};
  if (change.body.is_discarded() || !change.body.is_object())
    return MakeError(Code::kInvalid, "the body must be a JSON object");
  std::optional<std::string> named;
  for (const auto& [name, value] : change.body.items()) {
    if (name == "actor")
      named = value.is_string() ? value.get<std::string>() : std::string();
    else if (std::find(known.begin(), known.end(), name) == known.end())
      return MakeError(Code::kInvalid, "unknown member '" + name + "' in the body");
  }
  Result<std::string> actor = ActorFor(call.who, named);
  if (!actor) return actor.error();
  change.actor = std::move(*actor);
  return change;
}

std::optional<bool> Flag(const Json& body, const char* name) {
  const auto at = body.find(name);
  return at != body.end() && at->is_boolean() ? std::optional(at->get<bool>()) : std::nullopt;
}

Response PutSwitch(const Call& call) {
  const Result<Change> change = ParseChange(call, {"enabled"});
  if (!change) return Problem(change.error());
  const std::optional<bool> enabled = Flag(change->body, "enabled");
  if (!enabled)
    return Problem(400, "the body must say {\"enabled\": true} or {\"enabled\": false}");
  const Result<SwitchState> state = call.backend.SetSwitch(*enabled, change->actor);
  return state ? Ok(ToJson(*state)) : Problem(state.error());
}

Result<ApprovalAnswer> ParseAnswer(const Change& change, std::string_view decision) {
  ApprovalAnswer answer;
  const std::optional<bool> approve = Flag(change.body, "approve");
  if (!approve)
    return MakeError(Code::kInvalid,
                     "the body must say {\"approve\": true} or {\"approve\": false}");
  answer.approve = *approve;
  answer.decision = decision;
  answer.actor = change.actor;
  if (const auto hash = change.body.find("plan_hash"); hash != change.body.end()) {
    answer.plan_hash = hash->is_string() ? hash->get<std::string>() : "";
    if (answer.plan_hash.size() != 64)
      return MakeError(Code::kInvalid, "'plan_hash' must be the decision's, 64 hex digits");
  }
  if (const auto via = change.body.find("via"); via != change.body.end()) {
    answer.via = via->is_string() ? via->get<std::string>() : "";
    // What came by a link is known to have.
    if (answer.via != "api" && answer.via != "cli" && answer.via != "dashboard")
      return MakeError(Code::kInvalid, "'via' must be \"api\", \"cli\" or \"dashboard\"");
  }
  return answer;
}

Response PutApproval(const Call& call) {
  const Result<Change> change = ParseChange(call, {"approve", "plan_hash", "via"});
  if (!change) return Problem(change.error());
  const Result<ApprovalAnswer> answer = ParseAnswer(*change, call.params[0]);
  if (!answer) return Problem(answer.error());
  // A no makes heald do less, as switching it off does.
  if (answer->approve)
    if (std::optional<Response> refusal = Authorize(call.who, Role::kApprover))
      return *std::move(refusal);
  const Result<void> taken = call.backend.Approve(*answer);
  if (!taken) return Problem(taken.error());
  return Ok({{"decision", answer->decision},
             {"approved", answer->approve},
             {"actor", answer->actor},
             {"via", answer->via}});
}

Result<SilenceRequest> ParseSilence(const Json& body) {
  SilenceRequest silence;
  const auto matchers = body.find("matchers");
  if (matchers == body.end() || !matchers->is_array() || matchers->empty())
    return MakeError(Code::kInvalid, "'matchers' must be a list such as [\"service=payments\"]");
  for (const Json& text : *matchers) {
    Result<Matcher> matcher = text.is_string()
                                  ? Matcher::Parse(text.get<std::string>())
                                  : MakeError(Code::kInvalid, "'matchers' must be a list of texts");
    if (!matcher) return matcher.error();
    silence.matchers.push_back(std::move(*matcher));
  }
  const auto ends = body.find("ends");
  const auto for_seconds = body.find("for_seconds");
  if ((ends == body.end()) == (for_seconds == body.end()))
    return MakeError(Code::kInvalid, "the body must say either 'ends' or 'for_seconds'");
  if (ends != body.end()) {
    const Result<int64_t> ns =
        ends->is_string() ? ParseTime(ends->get<std::string>()) : MakeError(Code::kInvalid, "");
    if (!ns || *ns <= 0)
      return MakeError(Code::kInvalid, "'ends' must be a time such as 2026-11-21T20:14:03Z");
    silence.ends_ns = *ns;
  } else {
    constexpr double kLongest = 400.0 * 86'400;
    if (!for_seconds->is_number() || for_seconds->get<double>() <= 0 ||
        for_seconds->get<double>() > kLongest)
      return MakeError(Code::kInvalid, "'for_seconds' must be a number above 0, a year at most");
    silence.for_ns = static_cast<int64_t>(for_seconds->get<double>() * 1e9);
  }
  if (const auto comment = body.find("comment"); comment != body.end() && comment->is_string())
    silence.comment = comment->get<std::string>();
  return silence;
}

Response PostSilence(const Call& call) {
  const Result<Change> change = ParseChange(call, {"matchers", "ends", "for_seconds", "comment"});
  if (!change) return Problem(change.error());
  const Result<SilenceRequest> wanted = ParseSilence(change->body);
  if (!wanted) return Problem(wanted.error());
  const Result<SilenceEntry> silence = call.backend.AddSilence(*wanted, change->actor);
  return silence ? Ok(ToJson(*silence)) : Problem(silence.error());
}

Response DeleteSilence(const Call& call) {
  const Result<Change> change = ParseChange(call, {});
  if (!change) return Problem(change.error());
  const Result<SilenceEntry> silence =
      call.backend.EndSilence(std::string(call.params[0]), change->actor);
  return silence ? Ok(ToJson(*silence)) : Problem(silence.error());
}

Result<PolicyChange> ParsePolicyChange(const Json& body) {
  PolicyChange change;
  if (body.contains("enabled")) {
    change.enabled = Flag(body, "enabled");
    if (!change.enabled) return MakeError(Code::kInvalid, "'enabled' must be true or false");
  }
  if (const auto mode = body.find("mode"); mode != body.end()) {
    for (const Mode known : {Mode::kShadow, Mode::kApprove, Mode::kEnforce})
      if (*mode == std::string(ToString(known))) change.mode = known;
    if (!change.mode)
      return MakeError(Code::kInvalid, "'mode' must be \"shadow\", \"approve\" or \"enforce\"");
  }
  if (!change.enabled && !change.mode)
    return MakeError(Code::kInvalid, "the body must say what to change: 'mode', 'enabled' or both");
  return change;
}

// Whoever makes a policy do more by itself answers for it: that takes an admin.
bool Raises(const PolicyStatus& now, const PolicyChange& change) {
  return (change.enabled.value_or(false) && !now.enabled) ||
         (change.mode && *change.mode > now.mode);
}

Response PatchPolicy(const Call& call) {
  const Result<Change> change = ParseChange(call, {"enabled", "mode"});
  if (!change) return Problem(change.error());
  const Result<PolicyChange> wanted = ParsePolicyChange(change->body);
  if (!wanted) return Problem(wanted.error());
  const std::string name(call.params[0]);
  for (const PolicyStatus& policy : call.backend.Policies())
    if (policy.name == name && Raises(policy, *wanted))
      if (std::optional<Response> refusal = Authorize(call.who, Role::kAdmin))
        return *std::move(refusal);
  const Result<PolicyStatus> policy = call.backend.SetPolicy(name, *wanted, change->actor);
  return policy ? Ok(ToJson(*policy)) : Problem(policy.error());
}

Result<uint64_t> IncidentOf(const Call& call) {
  const std::string_view text = call.params[0];
  uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id >= INT64_MAX)
    return MakeError(Code::kNotFound,
                     "incident '" + std::string(text) + "': ids are whole numbers");
  return id;
}

Response SetLabel(const Call& call, IncidentLabel label) {
  const Result<uint64_t> id = IncidentOf(call);
  if (!id) return Problem(id.error());
  const Result<Incident> incident = call.backend.LabelIncident(*id, label);
  if (!incident) return Problem(incident.error());
  return Ok({{"incident", incident->id}, {"label", ToJson(incident->label)}});
}

Response PutLabel(const Call& call) {
  const Result<Change> change = ParseChange(call, {"label", "comment"});
  if (!change) return Problem(change.error());
  constexpr size_t kLongestComment = 2000;
  IncidentLabel label;
  label.actor = change->actor;
  if (const auto at = change->body.find("label"); at != change->body.end() && at->is_string())
    label.value = at->get<std::string>();
  if (label.value.empty())
    return Problem(400,
                   "the body must say a 'label': true_positive, false_positive, noise or expected");
  if (const auto at = change->body.find("comment"); at != change->body.end() && !at->is_null()) {
    if (!at->is_string() || at->get_ref<const std::string&>().size() > kLongestComment)
      return Problem(400, "'comment' must be a text of at most 2000 bytes");
    label.comment = at->get<std::string>();
  }
  return SetLabel(call, std::move(label));
}

Response DeleteLabel(const Call& call) {
  const Result<Change> change = ParseChange(call, {});
  if (!change) return Problem(change.error());
  IncidentLabel none;
  none.actor = change->actor;
  return SetLabel(call, std::move(none));
}

Response PostDetections(const Call& call) {
  const Result<Change> change = ParseChange(call, {});
  if (!change) return Problem(change.error());
  const Result<DetectionReport> report = call.backend.Detect(change->actor);
  return report ? Ok(ToJson(*report)) : Problem(report.error());
}

Response PostReload(const Call& call) {
  const Result<Change> change = ParseChange(call, {});
  if (!change) return Problem(change.error());
  const Result<ReloadReport> report = call.backend.Reload(change->actor);
  if (!report) return Problem(report.error());
  if (report->applied) return Ok(ToJson(*report));
  Response response = Problem(422, report->summary);
  Json problem = Json::parse(response.body);
  problem.update(ToJson(*report));
  response.body = Dump(problem);
  return response;
}

constexpr Route kChangeRoutes[] = {
    {"PUT", "/api/v1/switch", Role::kOperator, PutSwitch},
    {"PUT", "/api/v1/approvals/{id}", Role::kOperator, PutApproval},
    {"PATCH", "/api/v1/policies/{name}", Role::kOperator, PatchPolicy},
    {"PUT", "/api/v1/incidents/{id}/label", Role::kOperator, PutLabel},
    {"DELETE", "/api/v1/incidents/{id}/label", Role::kOperator, DeleteLabel},
    {"POST", "/api/v1/silences", Role::kOperator, PostSilence},
    {"DELETE", "/api/v1/silences/{id}", Role::kOperator, DeleteSilence},
    {"POST", "/api/v1/detections", Role::kOperator, PostDetections},
    {"POST", "/api/v1/reload", Role::kOperator, PostReload},
};

}  // namespace

std::span<const Route> ChangeRoutes() {
  return kChangeRoutes;
}

}  // namespace heald::api
