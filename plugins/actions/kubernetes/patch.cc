// patch: a patch that the config gives, for what has no operation of its own. Whether it was done
// is told by an annotation that goes with it.
#include <utility>

#include "plugins/actions/kubernetes/targets.h"
#include "plugins/actions/kubernetes/workload.h"
#include "plugins/support/json_at.h"

namespace heald::kubernetes {
namespace {

using sdk::Effect;
using sdk::EffectState;
using sdk::Failure;
using sdk::Plan;
using support::At;
using support::Text;

constexpr const char* kPatchedBy = "heald.io/patched-by";
constexpr const char* kPatchedByPath = "/metadata/annotations/heald.io~1patched-by";
// Of a plan's 64 KiB.
constexpr size_t kMostReverseBytes = 48 * 1024;
constexpr size_t kMostShownBytes = 300;

// The merge patch that brings back what `patch` touches; null where it can't be told.
Json ReverseOf(const Json& patch, const Json& object) {
  Json reverse = Json::object();
  for (const auto& [key, value] : patch.items()) {
    if (key.starts_with("$")) return nullptr;  // a directive of strategic patches
    const bool there = object.is_object() && object.contains(key);
    if (!there) {
      reverse[key] = nullptr;
    } else if (value.is_object() && object[key].is_object()) {
      Json below = ReverseOf(value, object[key]);
      if (below.is_null()) return nullptr;
      reverse[key] = std::move(below);
    } else {
      reverse[key] = object[key];
    }
  }
  return reverse;
}

// Of such a patch what is still as it was set, in `object`: `again` is what that would be if it
// were set again. The paths of the rest go to `others`.
Json StillSet(const Json& reverse, const Json& object, const Json& again, const std::string& path,
              std::string* others) {
  Json left = Json::object();
  for (const auto& [key, value] : reverse.items()) {
    const Json now = object.is_object() ? object.value(key, Json()) : Json();
    const Json set = again.is_object() ? again.value(key, Json()) : Json();
    if (value.is_object() && now.is_object() && set.is_object()) {
      if (Json below = StillSet(value, now, set, path + "/" + key, others); !below.empty())
        left[key] = std::move(below);
    } else if (now == set) {
      left[key] = value;
    } else {
      *others += (others->empty() ? "" : ", ") + path + "/" + key;
    }
  }
  return left;
}

class PatchOperation : public OperationBase {
 public:
  using OperationBase::OperationBase;

  Plan MakePlan() override;
  Effect DryRun(const Plan& plan) override;
  Effect Execute(const Plan& plan) override;
  Effect Observe(const Plan& plan) override;
  Effect Undo(const Plan& plan) override;

 private:
  Ref Target() const;
  Json Given() const { return Json::parse(context_.params.patch); }
  Json Reverse(const Json& object) const;
  Json Apply(const Json& before, bool dry_run);
};

// Of a resource that heald doesn't know, whether it is in a namespace is told by `namespace`.
Ref PatchOperation::Target() const {
  const std::string_view text = context_.params.resource;
  const size_t last = text.rfind('/');
  const size_t first = text.find('/');
  Resource resource;
  resource.plural = resource.kind = text.substr(last + 1);
  resource.version =
      first == last ? text.substr(0, last) : text.substr(first + 1, last - first - 1);
  if (first != last) resource.group = text.substr(0, first);
  resource.namespaced = !context_.params.namespace_name.empty();
  for (const Resource& known : KnownResources())
    if (known.group == resource.group && known.plural == resource.plural) {
      resource.kind = known.kind;
      resource.namespaced = known.namespaced;
    }
  return {resource, resource.namespaced ? NamespaceOf(context_) : "", context_.params.name};
}

Json PatchOperation::Reverse(const Json& object) const {
  if (context_.params.patch_type == PatchType::kJson) return nullptr;
  Json reverse = ReverseOf(Given(), object);
  return reverse.dump().size() > kMostReverseBytes ? Json() : reverse;
}

Plan PatchOperation::MakePlan() {
  const Ref ref = Target();
  const Json object = context_.client().Get(ref);
  Plan plan;
  Json before = {
      {"operation", word()}, {"uid", Text(object, "/metadata/uid")}, {"reverse", Reverse(object)}};
  if (ref.resource == kDeployments || ref.resource == kStatefulSets ||
      ref.resource == kDaemonSets) {
    if (const std::string why = WhyBusy(object, ref.resource); !why.empty())
      throw Failure(HEALD_CONFLICT, why).Retryable();
    plan.effect_within = {RolloutWithinNs(object, ref.resource, context_.params.ready_within.ns)};
  }
  plan.target_uid = Text(before, "/uid");
  plan.summary = "patch " + ref.Shown() + " (uid " + plan.target_uid +
                 "): " + Given().dump().substr(0, kMostShownBytes);
  plan.reversible = !before.at("reverse").is_null();
  plan.before = before.dump();
  return plan;
}

Json PatchOperation::Apply(const Json& before, bool dry_run) {
  const Ref ref = Target();
  const PatchType type = context_.params.patch_type;
  return context_.client().Edit(
      ref, type,
      [&](const Json& now) -> std::optional<Json> {
        if (Text(now, kPatchedByPath) == context_.request.decision) return std::nullopt;
        if (Text(now, "/metadata/uid") != Text(before, "/uid") ||
            Reverse(now) != before.at("reverse"))
          throw Failure(HEALD_CONFLICT, ref.Shown() + " was changed since the plan was made");
        Json patch = Given();
        const std::string decision(context_.request.decision);
        if (type != PatchType::kJson) {
          patch["metadata"]["annotations"][kPatchedBy] = decision;
        } else if (At(now, "/metadata/annotations").is_null()) {
          patch.push_back({{"op", "add"},
                           {"path", "/metadata/annotations"},
                           {"value", {{kPatchedBy, decision}}}});
        } else {
          patch.push_back({{"op", "add"}, {"path", kPatchedByPath}, {"value", decision}});
        }
        return patch;
      },
      {.dry_run = dry_run});
}

Effect PatchOperation::DryRun(const Plan& plan) {
  Apply(Before(plan), true);
  return {EffectState::kDone, "would " + plan.summary};
}

Effect PatchOperation::Execute(const Plan& plan) {
  const Json changed = Apply(Before(plan), false);
  Tell(context_, changed, "HealdPatched", plan.summary);
  return {EffectState::kPending, plan.summary};
}

Effect PatchOperation::Observe(const Plan& plan) {
  const Json before = Before(plan);
  const Ref ref = Target();
  const Json now = context_.client().Get(ref);
  if (Text(now, "/metadata/uid") != Text(before, "/uid"))
    return {EffectState::kFailed, ref.Shown() + " is another one by now"};
  if (Text(now, kPatchedByPath) != context_.request.decision)
    return {EffectState::kAbsent, ref.Shown() + " was not patched"};
  if (ref.resource == kDeployments || ref.resource == kStatefulSets || ref.resource == kDaemonSets)
    return JudgeRollout(now, ref.resource);
  return {EffectState::kDone, ref.Shown() + " is patched"};
}

Effect PatchOperation::Undo(const Plan& plan) {
  const Json before = Before(plan);
  const Ref ref = Target();
  bool ours = false;
  // The server knows what the patch comes to, with its defaults and ways of writing numbers.
  const Json again =
      context_.client().Edit(ref, context_.params.patch_type,
                             [&](const Json& now) -> std::optional<Json> {
                               ours = Text(now, kPatchedByPath) == context_.request.decision;
                               return ours ? std::optional(Given()) : std::nullopt;
                             },
                             {.dry_run = true});
  std::string others;
  const Json changed =
      context_.client().Edit(ref, PatchType::kMerge, [&](const Json& now) -> std::optional<Json> {
        ours = ours && Text(now, kPatchedByPath) == context_.request.decision;
        if (!ours) return std::nullopt;
        others.clear();
        Json patch = StillSet(before.at("reverse"), now, again, "", &others);
        patch["metadata"]["annotations"][kPatchedBy] = nullptr;
        return patch;
      });
  if (!ours)
    return {EffectState::kDone, ref.Shown() + " doesn't carry this patch any more: left alone"};
  Tell(context_, changed, "HealdPatchUndone", "undone: " + plan.summary);
  return {EffectState::kDone,
          ref.Shown() + " is as before" +
              (others.empty() ? "" : ", but for what others have set since: " + others)};
}

}  // namespace

std::unique_ptr<Operations> MakePatch(const Context& context) {
  return std::make_unique<PatchOperation>(context);
}

}  // namespace heald::kubernetes
