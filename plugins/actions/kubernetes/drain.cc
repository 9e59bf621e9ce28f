// drain: cordons a node and evicts its pods, as fast as their disruption budgets allow. Every pod
// is classified before the first one is evicted. A drain that isn't finished by the call's
// deadline, or that meets anything but a budget, makes the node schedulable again if it was what
// cordoned it.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "plugins/actions/kubernetes/drain_pods.h"
#include "plugins/actions/kubernetes/node.h"
#include "plugins/actions/kubernetes/pods.h"
#include "plugins/actions/kubernetes/targets.h"
#include "plugins/support/json_at.h"

namespace heald::kubernetes {
namespace {

using sdk::Effect;
using sdk::EffectState;
using sdk::Failure;
using sdk::Plan;
using support::At;
using support::Number;
using support::Text;

constexpr int64_t kLeastPauseNs = 250'000'000;
constexpr int64_t kMostPauseNs = 2'000'000'000;
constexpr size_t kNamesShown = 5;
// For all evictions together, where the action has no deadline.
constexpr sdk::Duration kDrainsWithin = sdk::Minutes(15);

std::string Some(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kNamesShown); ++i)
    text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kNamesShown)
    text += " and " + std::to_string(names.size() - kNamesShown) + " more";
  return text;
}

std::string PodCount(size_t count) {
  return std::to_string(count) + (count == 1 ? " pod" : " pods");
}

std::string NameOf(const Json& pod) {
  return Text(pod, "/metadata/namespace") + "/" + Text(pod, "/metadata/name");
}

std::vector<std::string> NamesOf(const std::vector<Json>& pods) {
  std::vector<std::string> names;
  names.reserve(pods.size());
  for (const Json& pod : pods) names.push_back(NameOf(pod));
  std::sort(names.begin(), names.end());
  return names;
}

// The evictions of one Execute: what was refused and when it may be tried again.
class Evictions {
 public:
  explicit Evictions(const Context& context) : context_(context) {}

  // Tries all that may go now. True: something has gone on.
  bool Round(const std::vector<Json>& pods);
  // Why those that are left are left.
  std::string Why() const;
  size_t evicted() const { return evicted_.size(); }

 private:
  bool Try(const Json& pod);

  Context context_;
  std::set<std::string> evicted_;  // uids
  struct Refusal {
    std::string why;
    int64_t again_ns = 0;
    bool by_budget = false;
  };
  std::map<std::string, Refusal> refused_;  // by uid
};

bool Evictions::Round(const std::vector<Json>& pods) {
  std::set<std::string> left;
  for (const Json& pod : pods) left.insert(Text(pod, "/metadata/uid"));
  std::erase_if(refused_, [&](const auto& refusal) { return !left.contains(refusal.first); });
  std::vector<Json> budgets;
  const bool waiting = !refused_.empty();
  // What was refused is tried again as soon as its budget says that it may, and now and then.
  if (waiting) budgets = context_.client().List({kPodDisruptionBudgets});
  bool any = false;
  for (const Json& pod : pods) {
    const std::string uid = Text(pod, "/metadata/uid");
    if (IsEnding(pod) || evicted_.contains(uid)) continue;
    if (!context_.HasTimeFor(0)) break;
    if (const auto refusal = refused_.find(uid);
        refusal != refused_.end() && context_.host.MonotonicNs() < refusal->second.again_ns) {
      std::vector<Json> own;
      for (const Json& budget : budgets)
        if (Text(budget, "/metadata/namespace") == Text(pod, "/metadata/namespace"))
          own.push_back(budget);
      if (!WhyNoDisruption(own, pod).empty()) continue;
    }
    if (!Try(pod)) continue;
    any = true;
    // One less for the others of this round.
    for (Json& budget : budgets)
      if (Text(budget, "/metadata/namespace") == Text(pod, "/metadata/namespace") &&
          Selects(At(budget, "/spec/selector"), pod))
        budget["status"]["disruptionsAllowed"] = Number(budget, "/status/disruptionsAllowed") - 1;
  }
  return any;
}

bool Evictions::Try(const Json& pod) {
  const std::string uid = Text(pod, "/metadata/uid");
  const Ref ref{kPods, Text(pod, "/metadata/namespace"), Text(pod, "/metadata/name")};
  try {
    context_.client().Evict(ref, EvictionOptions(context_.params, uid));
  } catch (const ApiError& error) {
    // What the server can't do for this pod now needn't hold up the others.
    if (error.DisruptionBudget() || (error.Unreachable() && error.status().code != 0)) {
      refused_[uid] = {error.what(),
                       context_.host.MonotonicNs() + context_.params.eviction_retry.ns,
                       error.DisruptionBudget()};
      return false;
    }
    // Gone, or another one of the same name elsewhere: the next list shows it.
    if (!error.NotFound() && !error.Conflict()) throw;
  }
  refused_.erase(uid);
  return evicted_.insert(uid).second;
}

std::string Evictions::Why() const {
  if (refused_.empty()) return "they are still ending";
  const Refusal* told = &refused_.begin()->second;
  size_t held = 0;
  for (const auto& [uid, refusal] : refused_) {
    if (!refusal.by_budget) continue;
    if (held++ == 0) told = &refusal;
  }
  if (held == 0) return told->why;
  return std::to_string(held) + (held == 1 ? " is" : " are") +
         " held by a disruption budget: " + told->why;
}

// A person looks after it now, and gives it back.
std::string Drained(const std::string& node) {
  return "Node " + node + " is drained and stays cordoned until `kubectl uncordon " + node + "`";
}

class Drain : public OperationBase {
 public:
  using OperationBase::OperationBase;

  Plan MakePlan() override;
  Effect DryRun(const Plan& plan) override;
  Effect Execute(const Plan& plan) override;
  Effect Observe(const Plan& plan) override;
  Effect Undo(const Plan& plan) override;

 private:
  DrainPods PodsOn(const std::string& node);
  Json ReadNode(const Json& before);
  // Empty: done. Otherwise what is left, and why.
  std::string EvictAll(const std::string& node, Evictions* evictions);
  // "; it is schedulable again", or that it isn't; empty where somebody else has cordoned it.
  std::string Release(const std::string& node, const std::string& why);
};

DrainPods Drain::PodsOn(const std::string& node) {
  return Classify(context_.client().List({kPods}, {.field_selector = "spec.nodeName=" + node}),
                  context_.params);
}

Plan Drain::MakePlan() {
  const Json node = FindNode(context_);
  const std::string name = Text(node, "/metadata/name");
  const DrainPods pods = PodsOn(name);
  if (!pods.refused.empty())
    throw Failure(HEALD_UNSUPPORTED, "Node " + name + " can't be drained: " + Some(pods.refused));
  const bool cordoned = IsCordoned(node);
  Plan plan;
  plan.target_uid = Text(node, "/metadata/uid");
  plan.summary = "drain Node " + name + " (uid " + plan.target_uid +
                 "): " + (cordoned ? "it is cordoned already; " : "cordon it, ") + "evict " +
                 PodCount(pods.evicted.size()) +
                 (pods.evicted.empty() ? "" : " (" + Some(NamesOf(pods.evicted)) + ")") +
                 ", leave " + std::to_string(pods.left.size()) + " of DaemonSets and static ones";
  // What is taken back is the cordon: evicted pods are well elsewhere.
  plan.reversible = true;
  plan.effect_within = kDrainsWithin;
  plan.before = Json{{"operation", word()},
                     {"node", name},
                     {"uid", plan.target_uid},
                     {"cordoned", cordoned},
                     {"by", CordonedBy(node)}}
                    .dump();
  return plan;
}

Json Drain::ReadNode(const Json& before) {
  Json node = context_.client().Get({kNodes, "", Text(before, "/node")});
  if (Text(node, "/metadata/uid") != Text(before, "/uid"))
    throw Failure(HEALD_CONFLICT, "Node " + Text(before, "/node") + " is another one by now");
  return node;
}

Effect Drain::DryRun(const Plan& plan) {
  const Json before = Before(plan);
  const std::string name = Text(before, "/node");
  const Json node = ReadNode(before);
  const DrainPods pods = PodsOn(name);
  if (!pods.refused.empty()) return {EffectState::kFailed, Some(pods.refused)};
  if (!IsCordoned(node)) Cordon(context_, name, true, nullptr);
  const std::vector<Json> budgets = context_.client().List({kPodDisruptionBudgets});
  std::vector<std::string> held;
  for (const Json& pod : pods.evicted) {
    if (IsEnding(pod)) continue;
    DeleteOptions options = EvictionOptions(context_.params, Text(pod, "/metadata/uid"));
    options.dry_run = true;
    try {
      context_.client().Evict(
          {kPods, Text(pod, "/metadata/namespace"), Text(pod, "/metadata/name")}, options);
      continue;
    } catch (const ApiError& error) {
      if (!error.NotFound() && !error.DisruptionBudget()) throw;
    }
    for (const Json& budget : budgets)
      // Such a budget never gives way: it wants more pods than there are. One that is new has yet
      // to be looked at by its controller.
      if (Text(budget, "/metadata/namespace") == Text(pod, "/metadata/namespace") &&
          Number(budget, "/status/observedGeneration") >= Number(budget, "/metadata/generation") &&
          Number(budget, "/status/disruptionsAllowed") < 1 &&
          Number(budget, "/status/desiredHealthy") >= Number(budget, "/status/expectedPods") &&
          Selects(At(budget, "/spec/selector"), pod))
        held.push_back(NameOf(pod) + " by " + Text(budget, "/metadata/name"));
  }
  if (!held.empty())
    return {EffectState::kFailed,
            "held by a disruption budget that never allows any: " + Some(held)};
  return {EffectState::kDone, "would " + plan.summary};
}

Effect Drain::Execute(const Plan& plan) {
  const Json before = Before(plan);
  const std::string name = Text(before, "/node");
  Json node;
  Evictions evictions(context_);
  std::string why;
  bool cordons = false;
  try {
    ReadNode(before);
    if (const DrainPods pods = PodsOn(name); !pods.refused.empty())
      throw Failure(HEALD_CONFLICT, "Node " + name + " can't be drained: " + Some(pods.refused));
    cordons = true;
    Cordon(context_, name, false, &node);
  } catch (const ApiError& error) {
    // What can't be reached is told at once, rather than looked at for as long as a drain may take.
    if (!error.Unreachable()) throw;
    why = error.what();
    if (cordons) why += Release(name, why);
    return {EffectState::kFailed, "Node " + name + " was not drained: " + why};
  }
  Tell(context_, node, "HealdDraining", plan.summary);
  try {
    why = EvictAll(name, &evictions);
  } catch (const Failure& failure) {
    why = failure.what();
  }
  const std::string done = PodCount(evictions.evicted()) + " evicted";
  if (why.empty()) {
    Tell(context_, node, "HealdDrained", done);
    return {EffectState::kDone, Drained(name) + "; " + done};
  }
  const bool stops =
      context_.host.Cancelled() && context_.host.MonotonicNs() < context_.request.deadline_ns;
  why = "Node " + name + " was not drained: " + done + ", " + why;
  why += Release(name, why);
  // Nothing is left of it, so the next agent may begin anew.
  if (stops) throw Failure(HEALD_CANCELLED, why);
  return {EffectState::kFailed, why};
}

std::string Drain::EvictAll(const std::string& node, Evictions* evictions) {
  int64_t pause_ns = kLeastPauseNs;
  for (size_t before = 0;;) {
    std::string left = "the API server isn't answering";
    try {
      const DrainPods pods = PodsOn(node);
      if (!pods.refused.empty()) return Some(pods.refused);
      if (pods.evicted.empty()) return "";
      const bool any = evictions->Round(pods.evicted);
      left = std::to_string(pods.evicted.size()) + " are left: " + evictions->Why();
      // Quick while it goes on, rarer while it doesn't.
      pause_ns = any || pods.evicted.size() != before ? kLeastPauseNs
                                                      : std::min(pause_ns * 5 / 4, kMostPauseNs);
      before = pods.evicted.size();
    } catch (const ApiError& error) {
      if (!error.Unreachable()) throw;
      left = error.what();
    }
    if (!context_.HasTimeFor(pause_ns)) return left;
    if (!context_.client().Sleep(pause_ns))
      throw Failure(HEALD_CANCELLED, std::string(context_.WhyCutOff()) + "; " + left);
  }
}

std::string Drain::Release(const std::string& node, const std::string& why) {
  // By a client that is not cut off with the call: heald leaves no node cordoned when it stops.
  Session last(context_.host, context_.client().cluster(), nullptr);
  last.client.SetTimeout(kDeadlineMarginNs / 2);
  const Context context{last, context_.params, context_.request, context_.under_way, context_.host};
  try {
    Json changed;
    if (!Uncordon(context, node, context_.request.decision, false, &changed)) return "";
    Tell(context, changed, "HealdDrainFailed", why + "; it takes pods again", true);
    return "; it takes pods again";
  } catch (const Failure& failure) {
    return std::string("; it may still be cordoned: ") + failure.what();
  }
}

Effect Drain::Observe(const Plan& plan) {
  const Json before = Before(plan);
  const std::string name = Text(before, "/node");
  const Json node = ReadNode(before);
  const bool ours = CordonedBy(node) == context_.request.decision;
  const size_t left = PodsOn(name).evicted.size();
  const std::string pods = PodCount(left) + (left == 1 ? " is" : " are") + " left on Node " + name;
  if (!ours && (!IsCordoned(node) || left > 0)) return {EffectState::kAbsent, pods};
  if (left == 0) return {EffectState::kDone, Drained(name)};
  if (context_.under_way.Has(context_.request.decision)) return {EffectState::kPending, pods};
  return {EffectState::kFailed, "the drain was cut off: " + pods};
}

Effect Drain::Undo(const Plan& plan) {
  const Json before = Before(plan);
  const std::string name = Text(before, "/node");
  Json node;
  if (!GiveBack(context_, name, &node))
    return {EffectState::kDone, "Node " + name + " isn't cordoned by this: left alone"};
  Tell(context_, node, "HealdUncordoned", "undone: " + plan.summary);
  return {EffectState::kDone, "Node " + name + " takes pods again"};
}

}  // namespace

std::unique_ptr<Operations> MakeDrain(const Context& context) {
  return std::make_unique<Drain>(context);
}

}  // namespace heald::kubernetes
