// What the operations share.
#include <algorithm>

#include "plugins/actions/argocd/argocd_action.h"

namespace heald::argocd {

using sdk::Effect;
using sdk::EffectState;
using sdk::Failure;
using sdk::Plan;

namespace {

constexpr int64_t kAnswerMarginNs = 500'000'000;
constexpr int64_t kMinLeftNs = 1'000'000'000;

}  // namespace

int64_t Context::LeftNs() const {
  return std::max(request.deadline_ns - host.MonotonicNs() - kAnswerMarginNs, kMinLeftNs);
}

AppRef AppOf(const Config& params, const sdk::LabelSet& target) {
  AppRef app{params.application, params.app_namespace, params.project};
  for (const std::string& label : params.application_labels) {
    if (!app.name.empty()) break;
    app.name = target.Get(label);
  }
  if (!app.name.empty()) return app;
  std::string labels;
  for (const std::string& label : params.application_labels)
    labels += (labels.empty() ? "" : ", ") + label;
  throw Failure(HEALD_INVALID, "which application isn't known: the target has no label " + labels +
                                   ": set application, or application_labels");
}

Application ReadPlanned(const Context& context, const Plan& plan) {
  Application app = context.client.Get(context.app);
  if (app.uid != plan.target_uid)
    throw Failure(HEALD_CONFLICT,
                  "application " + app.name + " was deleted and made anew since the plan was made");
  if (app.deleting) throw Failure(HEALD_CONFLICT, "application " + app.name + " is being deleted");
  return app;
}

void RefuseBusy(const Application& app) {
  if (app.Busy())
    throw Failure(HEALD_CONFLICT, "another operation on " + app.name +
                                      " is already in progress: " + app.operation->Shown())
        .Retryable();
}

Effect AwaitDryRun(const Context& context, const Plan& plan) {
  for (int64_t left_ns = context.LeftNs();; left_ns -= kPollNs) {
    const Application app = ReadPlanned(context, plan);
    if (!app.operation || !app.operation->dry_run)
      return {EffectState::kFailed, "another operation took the place of the dry run"};
    if (!app.Busy() && app.operation->phase == "Succeeded")
      return {EffectState::kDone,
              "would " + plan.summary + "; Argo CD's dry run: " + app.operation->message};
    if (!app.Busy())
      return {EffectState::kFailed, "Argo CD's dry run: " + WhyFailed(*app.operation)};
    if (left_ns <= 0) return {EffectState::kFailed, "Argo CD's dry run has not ended in time"};
    if (!context.client.Sleep(kPollNs))
      throw Failure(HEALD_CANCELLED, "cancelled while Argo CD's dry run was under way");
  }
}

}  // namespace heald::argocd
