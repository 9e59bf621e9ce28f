// cordon and uncordon. Whether it was done, and by whom, is told by the node and an annotation.
#include <utility>

#include "plugins/actions/kubernetes/node.h"
#include "plugins/actions/kubernetes/targets.h"
#include "plugins/support/json_at.h"

namespace heald::kubernetes {
namespace {

using sdk::Effect;
using sdk::EffectState;
using sdk::Failure;
using sdk::Plan;
using support::At;
using support::Text;

constexpr const char* kCordonedByField =
    "/fieldsV1/f:metadata/f:annotations/f:heald.io~1cordoned-by";

Json CordonPatch(const Json& by, const Json& unschedulable) {
  return {{"metadata", {{"annotations", {{kCordonedBy, by}}}}},
          {"spec", {{"unschedulable", unschedulable}}}};
}

// What both share: a node, found when planned, and looked at again.
class NodeOperations : public OperationBase {
 public:
  using OperationBase::OperationBase;

 protected:
  Plan PlanFor(const Json& node, const std::string& summary) const {
    Plan plan;
    plan.target_uid = Text(node, "/metadata/uid");
    plan.summary = summary + " (uid " + plan.target_uid + ")";
    plan.reversible = true;
    plan.before = Json{{"operation", word()},
                       {"node", Text(node, "/metadata/name")},
                       {"uid", plan.target_uid},
                       {"cordoned", IsCordoned(node)},
                       {"by", CordonedBy(node)}}
                      .dump();
    return plan;
  }
  // Throws where it is another node by now.
  Json Read(const Json& before) {
    Json node = context_.client().Get({kNodes, "", Text(before, "/node")});
    if (Text(node, "/metadata/uid") != Text(before, "/uid"))
      throw Failure(HEALD_CONFLICT, "Node " + Text(before, "/node") + " is another one by now");
    return node;
  }
};

class CordonOperation : public NodeOperations {
 public:
  using NodeOperations::NodeOperations;

  Plan MakePlan() override {
    const Json node = FindNode(context_);
    const std::string name = Text(node, "/metadata/name");
    if (IsCordoned(node))
      throw Failure(HEALD_CONFLICT, "Node " + name + " is cordoned already, by " +
                                        (CordonedBy(node).empty() ? "somebody else" : "heald"));
    return PlanFor(node, "cordon Node " + name);
  }

  Effect DryRun(const Plan& plan) override {
    const Json before = Before(plan);
    Read(before);
    Cordon(context_, Text(before, "/node"), true, nullptr);
    return {EffectState::kDone, "would " + plan.summary};
  }

  Effect Execute(const Plan& plan) override {
    const Json before = Before(plan);
    Read(before);
    Json node;
    if (!Cordon(context_, Text(before, "/node"), false, &node))
      throw Failure(HEALD_CONFLICT,
                    "Node " + Text(before, "/node") + " was cordoned since the plan was made");
    Tell(context_, node, "HealdCordoned", plan.summary);
    return {EffectState::kDone, "Node " + Text(before, "/node") + " takes no new pods"};
  }

  Effect Observe(const Plan& plan) override {
    const Json before = Before(plan);
    const Json node = Read(before);
    const std::string name = "Node " + Text(before, "/node");
    if (!IsCordoned(node)) return {EffectState::kAbsent, name + " is not cordoned"};
    if (CordonedBy(node) != context_.request.decision)
      return {EffectState::kFailed, name + " was cordoned by somebody else"};
    return {EffectState::kDone, name + " takes no new pods"};
  }

  Effect Undo(const Plan& plan) override {
    const Json before = Before(plan);
    const std::string name = Text(before, "/node");
    Json node;
    if (!GiveBack(context_, name, &node))
      return {EffectState::kDone, "Node " + name + " isn't cordoned by this any more: left alone"};
    Tell(context_, node, "HealdUncordoned", "undone: " + plan.summary);
    return {EffectState::kDone, "Node " + name + " takes pods again"};
  }
};

class UncordonOperation : public NodeOperations {
 public:
  using NodeOperations::NodeOperations;

  Plan MakePlan() override {
    const Json node = FindNode(context_);
    const std::string name = Text(node, "/metadata/name");
    if (!IsCordoned(node)) throw Failure(HEALD_CONFLICT, "Node " + name + " isn't cordoned");
    if (CordonedBy(node).empty() && context_.params.only_own)
      throw Failure(HEALD_CONFLICT, "Node " + name +
                                        " was cordoned by somebody else: `kubectl "
                                        "uncordon` it, or set only_own: false");
    return PlanFor(node, "uncordon Node " + name);
  }

  Effect DryRun(const Plan& plan) override { return Change(plan, true); }
  Effect Execute(const Plan& plan) override { return Change(plan, false); }

  Effect Observe(const Plan& plan) override {
    const Json before = Before(plan);
    const bool cordoned = IsCordoned(Read(before));
    return {cordoned ? EffectState::kAbsent : EffectState::kDone,
            "Node " + Text(before, "/node") + (cordoned ? " is cordoned" : " takes pods")};
  }

  Effect Undo(const Plan& plan) override {
    const Json before = Before(plan);
    const Json by = Text(before, "/by").empty() ? Json() : before.at("by");
    context_.client().Edit({kNodes, "", Text(before, "/node")}, PatchType::kStrategic,
                           [&](const Json& now) -> std::optional<Json> {
                             if (IsCordoned(now)) return std::nullopt;
                             return CordonPatch(by, true);
                           });
    return {EffectState::kDone, "Node " + Text(before, "/node") + " is cordoned again"};
  }

 private:
  Effect Change(const Plan& plan, bool dry_run) {
    const Json before = Before(plan);
    Read(before);
    const std::string name = Text(before, "/node");
    Json node;
    if (!Uncordon(context_, name, Text(before, "/by"), dry_run, &node))
      throw Failure(HEALD_CONFLICT, "Node " + name + "'s cordon has changed since the plan");
    if (dry_run) return {EffectState::kDone, "would " + plan.summary};
    Tell(context_, node, "HealdUncordoned", plan.summary);
    return {EffectState::kDone, "Node " + name + " takes pods"};
  }
};

}  // namespace

bool IsCordoned(const Json& node) {
  return At(node, "/spec/unschedulable") == true;
}

// An annotation outlives `kubectl uncordon`. So where the API server's account of who wrote what
// has the cordon as the work of another than the annotation, somebody has cordoned the node since.
std::string CordonedBy(const Json& node) {
  const Json& annotations = At(node, "/metadata/annotations");
  if (!IsCordoned(node) || !annotations.is_object()) return "";
  for (const Json& writer : At(node, "/metadata/managedFields"))
    if (!At(writer, "/fieldsV1/f:spec/f:unschedulable").is_null() &&
        At(writer, kCordonedByField).is_null())
      return "";
  return annotations.value(kCordonedBy, "");
}

bool Cordon(const Context& context, const std::string& node, bool dry_run, Json* changed) {
  bool ours = false;
  Json after = context.client().Edit({kNodes, "", node}, PatchType::kStrategic,
                                     [&](const Json& now) -> std::optional<Json> {
                                       // An answer that got lost is no reason to leave one's own
                                       // cordon to others.
                                       const bool done =
                                           CordonedBy(now) == context.request.decision;
                                       ours = done || !IsCordoned(now);
                                       if (done || !ours) return std::nullopt;
                                       return CordonPatch(context.request.decision, true);
                                     },
                                     {.dry_run = dry_run});
  if (changed != nullptr) *changed = std::move(after);
  return ours;
}

bool Uncordon(const Context& context, const std::string& node, std::string_view by, bool dry_run,
              Json* changed) {
  bool ours = false;
  Json after = context.client().Edit({kNodes, "", node}, PatchType::kStrategic,
                                     [&](const Json& now) -> std::optional<Json> {
                                       ours = IsCordoned(now) && CordonedBy(now) == by;
                                       if (!ours) return std::nullopt;
                                       return CordonPatch(nullptr, nullptr);
                                     },
                                     {.dry_run = dry_run});
  if (changed != nullptr) *changed = std::move(after);
  return ours;
}

bool GiveBack(const Context& context, const std::string& node, Json* changed) {
  constexpr int64_t kPauseNs = 1'000'000'000;
  for (;;) {
    try {
      return Uncordon(context, node, context.request.decision, false, changed);
    } catch (const ApiError& error) {
      if (!error.Unreachable() || !context.HasTimeFor(kPauseNs) ||
          !context.client().Sleep(kPauseNs))
        throw;
    }
  }
}

std::unique_ptr<Operations> MakeCordon(const Context& context) {
  return std::make_unique<CordonOperation>(context);
}

std::unique_ptr<Operations> MakeUncordon(const Context& context) {
  return std::make_unique<UncordonOperation>(context);
}

}  // namespace heald::kubernetes
