// The engine's way to the action nodes: renders the node's config for the decision, calls it on its
// own lane, and brings the answer back to the engine's lane, in time or as a missed deadline.
// Thread rule: called on the engine's lane.
#pragma once

#include <functional>

#include "core/base/clock.h"
#include "core/pipeline/runner.h"
#include "core/remedy/gateway.h"
#include "core/telemetry/metrics.h"

namespace heald::agent {

class Gateway final : public remedy::ActionGateway {
 public:
  // `post` runs its argument on the engine's lane and then looks at the engine's timers.
  using Post = std::function<void(std::function<void()>)>;
  // Where people see an incident; empty when that isn't known.
  using UrlOf = std::function<std::string(uint64_t incident)>;
  Gateway(Runner& runner, const Clock& clock, Lane& engine_lane, Post post,
          heald::Metric sample_to_action, UrlOf incident_url);

  void Plan(const remedy::ActionRequest& request, PlanDone done) override;
  void DryRun(const remedy::ActionRequest& request, const heald::Plan& plan,
              EffectDone done) override;
  void Execute(const remedy::ActionRequest& request, const heald::Plan& plan,
               EffectDone done) override;
  void Observe(const remedy::ActionRequest& request, const heald::Plan& plan,
               EffectDone done) override;
  void Undo(const remedy::ActionRequest& request, const heald::Plan& plan,
            EffectDone done) override;

 private:
  template <typename T>
  void Run(std::string_view what, const remedy::ActionRequest& request,
           std::function<void(Result<T>)> done,
           std::function<Result<T>(ActionInstance&, const ActionCall&)> call);

  Runner& runner_;
  const Clock& clock_;
  Lane& engine_lane_;
  const Post post_;
  heald::Metric sample_to_action_;
  const UrlOf incident_url_;
};

}  // namespace heald::agent
