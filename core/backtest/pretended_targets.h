// The targets of a pipeline's actions, pretended: each call is answered as the test says, on the
// virtual clock. Used by the test runner. Thread rule: one thread.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "core/base/clock.h"
#include "core/pipeline/test_spec.h"
#include "core/remedy/gateway.h"

namespace heald::backtest {

class PretendedTargets final : public remedy::ActionGateway {
 public:
  // `on_effect` is told the action and its target when an effect shows.
  using OnEffect = std::function<void(const std::string& action, const Labels& target)>;
  // ... and of each call and undo that reaches a target.
  using OnCall = std::function<void(const remedy::ActionRequest& request)>;
  PretendedTargets(const Clock& clock, std::map<std::string, TestTarget> by_action,
                   OnEffect on_effect, OnCall on_call);

  void Plan(const remedy::ActionRequest& request, PlanDone done) override;
  void DryRun(const remedy::ActionRequest& request, const heald::Plan& plan,
              EffectDone done) override;
  void Execute(const remedy::ActionRequest& request, const heald::Plan& plan,
               EffectDone done) override;
  void Observe(const remedy::ActionRequest& request, const heald::Plan& plan,
               EffectDone done) override;
  void Undo(const remedy::ActionRequest& request, const heald::Plan& plan,
            EffectDone done) override;

  int64_t next_due_ns() const { return due_.empty() ? INT64_MAX : due_.begin()->first; }
  // Does what is due.
  void Deliver();

 private:
  const TestTarget& Of(const std::string& action);
  void At(int64_t ts_ns, std::function<void()> what) { due_.emplace(ts_ns, std::move(what)); }
  void Answer(std::function<void()> what);

  const Clock& clock_;
  std::map<std::string, TestTarget> by_action_;
  const OnEffect on_effect_;
  const OnCall on_call_;
  std::map<std::pair<std::string, Part>, int64_t> shows_ns_;  // by decision
  std::multimap<int64_t, std::function<void()>> due_;
};

}  // namespace heald::backtest
