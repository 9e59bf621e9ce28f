#include "core/backtest/pretended_targets.h"

#include "core/base/units.h"

namespace heald::backtest {
namespace {

constexpr int64_t kCallNs = kMillisecond;

}  // namespace

PretendedTargets::PretendedTargets(const Clock& clock, std::map<std::string, TestTarget> by_action,
                                   OnEffect on_effect, OnCall on_call)
    : clock_(clock),
      by_action_(std::move(by_action)),
      on_effect_(std::move(on_effect)),
      on_call_(std::move(on_call)) {}

const TestTarget& PretendedTargets::Of(const std::string& action) {
  return by_action_[action];
}

void PretendedTargets::Answer(std::function<void()> what) {
  At(clock_.NowNs() + kCallNs, std::move(what));
}

void PretendedTargets::Deliver() {
  while (!due_.empty() && due_.begin()->first <= clock_.NowNs()) {
    const std::function<void()> what = std::move(due_.begin()->second);
    due_.erase(due_.begin());
    what();
  }
}

void PretendedTargets::Plan(const remedy::ActionRequest& request, PlanDone done) {
  const TestTarget& target = Of(request.node);
  heald::Plan plan;
  plan.summary = request.node + " " + TargetName(request.target);
  plan.target_uid = request.target.ToString();
  plan.reversible = target.reversible;
  plan.can_canary = target.can_canary;
  plan.before = "{}";
  plan.effect_within_ns = target.takes_ns + kSecond;
  Answer([done = std::move(done), plan = std::move(plan)] { done(plan); });
}

void PretendedTargets::DryRun(const remedy::ActionRequest&, const heald::Plan& plan,
                              EffectDone done) {
  Answer([done = std::move(done), what = plan.summary] {
    done(Effect{EffectState::kDone, "would " + what});
  });
}

void PretendedTargets::Execute(const remedy::ActionRequest& request, const heald::Plan&,
                               EffectDone done) {
  on_call_(request);
  const TestTarget& target = Of(request.node);
  if (target.result == TestTarget::Result::kRefused) {
    Answer([done = std::move(done)] {
      done(MakeError(Code::kDenied, "the pretended target refuses the call"));
    });
    return;
  }
  const int64_t shows_ns = clock_.NowNs() + target.takes_ns;
  if (target.result == TestTarget::Result::kDone) {
    shows_ns_[{request.decision, request.part}] = shows_ns;
    At(shows_ns,
       [this, action = request.node, labels = request.target] { on_effect_(action, labels); });
  }
  Answer([done = std::move(done)] { done(Effect{EffectState::kPending, "called"}); });
}

void PretendedTargets::Observe(const remedy::ActionRequest& request, const heald::Plan&,
                               EffectDone done) {
  const TestTarget& target = Of(request.node);
  Effect effect{EffectState::kPending, "not yet"};
  if (target.result == TestTarget::Result::kFailed)
    effect = {EffectState::kFailed, "the pretended target fails"};
  else if (const auto at = shows_ns_.find({request.decision, request.part}); at == shows_ns_.end())
    effect = {EffectState::kAbsent, "no effect"};
  else if (at->second <= clock_.NowNs())
    effect = {EffectState::kDone, "ready after " + FormatElapsed(target.takes_ns)};
  Answer([done = std::move(done), effect = std::move(effect)] { done(effect); });
}

void PretendedTargets::Undo(const remedy::ActionRequest& request, const heald::Plan& plan,
                            EffectDone done) {
  on_call_(request);
  const bool reversible = Of(request.node).reversible;
  Answer([done = std::move(done), reversible, what = plan.summary]() {
    if (reversible)
      done(Effect{EffectState::kDone, "undone: " + what});
    else
      done(MakeError(Code::kUnsupported, "this action can't be undone"));
  });
}

}  // namespace heald::backtest
