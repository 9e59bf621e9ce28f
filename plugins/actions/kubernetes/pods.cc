#include "plugins/actions/kubernetes/pods.h"

#include <algorithm>
#include <utility>

#include "plugins/actions/kubernetes/workload.h"
#include "plugins/support/clock.h"
#include "plugins/support/json_at.h"

namespace heald::kubernetes {
namespace {

using sdk::Effect;
using sdk::EffectState;
using sdk::Failure;
using support::At;
using support::Number;
using support::Text;

using support::kSecond;
// Of a random uid: enough to tell the pods of one controller apart.
constexpr size_t kUidKept = 8;
// From so many on a crash is no accident any more.
constexpr int64_t kCrashes = 2;

const Json* ConditionOf(const Json& object, std::string_view type) {
  const Json& conditions = At(object, "/status/conditions");
  if (conditions.is_array())
    for (const Json& condition : conditions)
      if (Text(condition, "/type") == type) return &condition;
  return nullptr;
}

bool LabelMatches(const Json& labels, const Json& expression) {
  const std::string key = Text(expression, "/key");
  const std::string op = Text(expression, "/operator");
  const bool has = labels.is_object() && labels.contains(key);
  if (op == "Exists" || op == "DoesNotExist") return has == (op == "Exists");
  const Json& values = At(expression, "/values");
  const bool in = has && values.is_array() &&
                  std::find(values.begin(), values.end(), labels[key]) != values.end();
  return in == (op == "In");
}

std::string SecondsText(int64_t ns) {
  return std::to_string(ns / kSecond) + " s";
}

// What keeps a container from running, where that won't pass by itself.
std::string WhyStuck(const Json& status) {
  const std::string reason = Text(status, "/state/waiting/reason");
  const std::string what = "container " + Text(status, "/name") + ": " + reason;
  if (reason == "CrashLoopBackOff" && Number(status, "/restartCount") >= kCrashes) {
    const Json& last = At(status, "/lastState/terminated");
    return what + ", " + std::to_string(Number(status, "/restartCount")) +
           " restarts, the last one after exit code " + std::to_string(Number(last, "/exitCode")) +
           " (" + Text(last, "/reason") + ")";
  }
  for (const char* hopeless :
       {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError",
        "CreateContainerError", "RunContainerError"})
    if (reason == hopeless) return what + ": " + Text(status, "/state/waiting/message");
  return "";
}

}  // namespace

bool IsReady(const Json& pod) {
  const Json* const ready = ConditionOf(pod, "Ready");
  return ready != nullptr && Text(*ready, "/status") == "True";
}

bool IsEnding(const Json& pod) {
  return !Text(pod, "/metadata/deletionTimestamp").empty();
}

bool IsFinished(const Json& pod) {
  const std::string phase = Text(pod, "/status/phase");
  return phase == "Succeeded" || phase == "Failed";
}

bool Selects(const Json& selector, const Json& pod) {
  if (!selector.is_object()) return false;
  const Json& labels = At(pod, "/metadata/labels");
  if (const Json& wanted = At(selector, "/matchLabels"); wanted.is_object())
    for (const auto& [name, value] : wanted.items())
      if (!labels.is_object() || !labels.contains(name) || labels[name] != value) return false;
  if (const Json& expressions = At(selector, "/matchExpressions"); expressions.is_array())
    for (const Json& expression : expressions)
      if (!LabelMatches(labels, expression)) return false;
  return true;
}

std::vector<Json> PodsOf(const Context& context, const std::string& name_space,
                         const Owner& owner) {
  ListOptions options;
  const Resource* const resource = FindKind(owner.kind);
  if (resource != nullptr)
    if (const auto controller = context.client().Find({*resource, name_space, owner.name}))
      options.label_selector = SelectorText(At(*controller, "/spec/selector"));
  std::vector<Json> pods = context.client().List({kPods, name_space}, options);
  std::erase_if(pods, [&](const Json& pod) { return ControllerOf(pod).uid != owner.uid; });
  return pods;
}

Replaced ReadReplaced(const Context& context, const Json& pod, const Owner& owner) {
  Replaced replaced{{kPods, Text(pod, "/metadata/namespace"), Text(pod, "/metadata/name")},
                    Text(pod, "/metadata/uid"),
                    owner,
                    {}};
  for (const Json& other : PodsOf(context, replaced.ref.name_space, owner))
    if (const std::string uid = Text(other, "/metadata/uid"); uid != replaced.uid)
      replaced.beside.push_back(uid.substr(0, kUidKept));
  std::sort(replaced.beside.begin(), replaced.beside.end());
  return replaced;
}

Json ToJson(const Replaced& replaced) {
  return {
      {"namespace", replaced.ref.name_space},
      {"name", replaced.ref.name},
      {"uid", replaced.uid},
      {"owner",
       {{"kind", replaced.owner.kind}, {"name", replaced.owner.name}, {"uid", replaced.owner.uid}}},
      {"beside", replaced.beside}};
}

Replaced FromJson(const Json& json) {
  return {{kPods, Text(json, "/namespace"), Text(json, "/name")},
          Text(json, "/uid"),
          {Text(json, "/owner/kind"), Text(json, "/owner/name"), Text(json, "/owner/uid")},
          json.at("beside").get<std::vector<std::string>>()};
}

DeleteOptions EvictionOptions(const Config& params, const std::string& uid) {
  DeleteOptions options{.uid = uid};
  if (params.grace_period) options.grace_period_s = params.grace_period->ns / kSecond;
  return options;
}

std::optional<std::string> Evict(const Context& context, const Ref& pod, const std::string& uid) {
  std::string refused;
  for (;;) {
    // Looked at right before: an eviction with a wrong uid would be charged to the budget.
    const std::optional<Json> now = context.client().Find(pod);
    if (!now || Text(*now, "/metadata/uid") != uid) {
      if (!refused.empty()) return std::nullopt;
      throw Failure(HEALD_CONFLICT, pod.Shown() + " was replaced since the plan was made");
    }
    if (IsEnding(*now)) return std::nullopt;
    try {
      context.client().Evict(pod, EvictionOptions(context.params, uid));
      return std::nullopt;
    } catch (const ApiError& error) {
      if (error.NotFound()) return std::nullopt;
      if (error.NotServed() && refused.empty()) {
        context.client().Delete(pod, EvictionOptions(context.params, uid));
        return std::nullopt;
      }
      if (!error.DisruptionBudget()) throw;
      refused = error.what();
    }
    const int64_t pause_ns = context.params.eviction_retry.ns;
    if (!context.HasTimeFor(pause_ns)) return refused;
    if (!context.client().Sleep(pause_ns))
      throw Failure(HEALD_CANCELLED, std::string(context.WhyCutOff()) + " while waiting to evict " +
                                         pod.Shown() + ": " + refused);
  }
}

std::string WhyNoDisruption(const std::vector<Json>& budgets, const Json& pod) {
  for (const Json& budget : budgets)
    if (Number(budget, "/status/disruptionsAllowed") < 1 &&
        Selects(At(budget, "/spec/selector"), pod))
      return "the disruption budget " + Text(budget, "/metadata/name") +
             " allows none now: " + std::to_string(Number(budget, "/status/currentHealthy")) +
             " pods are healthy, it "
             "wants " +
             std::to_string(Number(budget, "/status/desiredHealthy"));
  return "";
}

Effect JudgePod(const Json& pod, int64_t now_ns, int64_t stable_for_ns) {
  const std::string name = Text(pod, "/metadata/name");
  if (IsFinished(pod))
    return {EffectState::kFailed,
            name + " has ended: " + Text(pod, "/status/phase") + " " + Text(pod, "/status/reason")};
  int64_t well_since_ns = 0;
  for (const char* const where : {"/status/initContainerStatuses", "/status/containerStatuses"})
    for (const Json& status : At(pod, where)) {
      if (const std::string why = WhyStuck(status); !why.empty())
        return {EffectState::kFailed, name + ", " + why};
      if (Number(status, "/restartCount") > 0)
        well_since_ns = std::max(well_since_ns, TimeNs(status, "/state/running/startedAt"));
    }
  if (!IsReady(pod)) {
    const Json* const scheduled = ConditionOf(pod, "PodScheduled");
    if (scheduled != nullptr && Text(*scheduled, "/status") == "False")
      return {EffectState::kPending, name + " isn't given a node: " + Text(*scheduled, "/message")};
    return {EffectState::kPending, name + " isn't ready yet"};
  }
  well_since_ns =
      std::max(well_since_ns, TimeNs(*ConditionOf(pod, "Ready"), "/lastTransitionTime"));
  const int64_t well_ns = std::max<int64_t>(now_ns - well_since_ns, 0);
  if (well_ns < stable_for_ns)
    return {EffectState::kPending,
            name + " is ready for " + SecondsText(well_ns) + " of " + SecondsText(stable_for_ns)};
  return {EffectState::kDone, name + " is ready for " + SecondsText(well_ns)};
}

Effect JudgeReplacement(const Context& context, const Replaced& replaced) {
  const std::string& name = replaced.ref.name;
  const std::optional<Json> old = context.client().Find(replaced.ref);
  if (old && Text(*old, "/metadata/uid") == replaced.uid)
    return IsEnding(*old) ? Effect{EffectState::kPending, name + " is ending"}
                          : Effect{EffectState::kAbsent, name + " was not evicted"};
  const std::vector<Json> pods = PodsOf(context, replaced.ref.name_space, replaced.owner);
  Effect best{EffectState::kPending, name + " is gone, and not replaced yet"};
  bool found = false;
  for (const Json& pod : pods) {
    const std::string uid = Text(pod, "/metadata/uid").substr(0, kUidKept);
    if (uid == replaced.uid.substr(0, kUidKept) || IsEnding(pod) ||
        std::binary_search(replaced.beside.begin(), replaced.beside.end(), uid))
      continue;
    Effect one = JudgePod(pod, context.host.NowNs(), context.params.stable_for.ns);
    if (one.state == EffectState::kDone)
      return {EffectState::kDone, name + " was replaced: " + one.detail};
    if (!found || one.state == EffectState::kPending) best = std::move(one);
    found = true;
  }
  if (found) return best;
  // Nobody wants another one: scaled down or removed meanwhile.
  const Resource* const resource = FindKind(replaced.owner.kind);
  if (resource == nullptr) return best;
  const std::string owner = replaced.owner.kind + " " + replaced.owner.name;
  const auto controller =
      context.client().Find({*resource, replaced.ref.name_space, replaced.owner.name});
  if (!controller || Text(*controller, "/metadata/uid") != replaced.owner.uid)
    return {EffectState::kDone, name + " is gone, and so is its " + owner};
  const auto ready = std::count_if(pods.begin(), pods.end(), &IsReady);
  if (ready >= WantedReplicas(*controller, *resource))
    return {EffectState::kDone, name + " is gone; " + owner + " has all the " +
                                    std::to_string(ready) + " pods that it wants"};
  return best;
}

Effect JudgeRolloutAndPods(const Context& context, const Json& workload, const Resource& resource) {
  Effect effect = JudgeRollout(workload, resource);
  if (effect.state == EffectState::kDone) return effect;
  for (const Json& pod :
       context.client().List({kPods, Text(workload, "/metadata/namespace")},
                             {.label_selector = SelectorText(At(workload, "/spec/selector"))})) {
    if (IsEnding(pod)) continue;
    const Effect one = JudgePod(pod, context.host.NowNs(), 0);
    if (one.state != EffectState::kFailed) continue;
    effect.detail += "; " + one.detail;
    break;
  }
  return effect;
}

}  // namespace heald::kubernetes
