#include "plugins/actions/argocd/argocd_action.h"

#include "plugins/support/http_metrics.h"

namespace heald::argocd {
namespace {

using sdk::Effect;
using sdk::Plan;
using sdk::Request;

}  // namespace

void ArgocdAction::Validate(const Config& config, sdk::Problems& problems) {
  const auto only = [&](bool given, const char* at, Operation operation) {
    if (given && config.operation != operation)
      problems.Add(at, "only with operation: " +
                           std::string(kOperationWords[static_cast<size_t>(operation)]));
  };
  only(config.history_id.has_value(), "/history_id", Operation::kRollback);
  only(!config.revision.empty(), "/revision", Operation::kSync);
  only(config.refresh != Refresh::kNormal, "/refresh", Operation::kRefresh);
  only(config.reenable_auto_sync != Reenable::kByHand, "/reenable_auto_sync", Operation::kRollback);
  if (config.prune && config.operation != Operation::kRollback &&
      config.operation != Operation::kSync)
    problems.Add("/prune", "only with operation: rollback or sync");
  if (config.url.starts_with("unix:"))
    problems.Add("/url", "Argo CD listens on no socket: write https://host");
  for (const support::HttpConfigProblem& problem : support::CheckHttpConfig(config))
    problems.Add(problem.pointer, problem.message);
}

ArgocdAction::ArgocdAction(sdk::Host host, const Config& config)
    : host_(host),
      config_(config),
      clients_(
          [host, http = support::HttpConfig(config), metrics = support::HttpMetrics::Of(host)] {
            return std::make_unique<Client>(
                http, [host] { return host.Cancelled(); }, metrics);
          }),
      debts_(std::string(host.StateDir()), config),
      keeper_(host, config, debts_,
              [http = support::HttpConfig(config)](std::function<bool()> cancelled) {
                return std::make_unique<Client>(http, std::move(cancelled), nullptr);
              }) {}

void ArgocdAction::Start() {
  keeper_.Start();
}

void ArgocdAction::Stop(bool) {
  keeper_.Stop();
}

template <typename Step>
auto ArgocdAction::With(const Request& request, const Config& params, bool patient, Step step) {
  const auto client = clients_.Borrow();
  const Context context{*client, debts_, params, request, host_, AppOf(params, request.target)};
  // What only looks is asked again by the host.
  client->Within(patient ? context.LeftNs() : 0);
  switch (params.operation) {
    case Operation::kSync:
      return step(*MakeSync(context));
    case Operation::kRefresh:
      return step(*MakeRefresh(context));
    case Operation::kTerminate:
      return step(*MakeTerminate(context));
    case Operation::kRollback:
      break;
  }
  return step(*MakeRollback(context));
}

Plan ArgocdAction::MakePlan(const Request& request, const Config& params) {
  return With(request, params, false, [](Operations& operations) { return operations.MakePlan(); });
}

Effect ArgocdAction::DryRun(const Request& request, const Plan& plan, const Config& params) {
  return With(request, params, true,
              [&](Operations& operations) { return operations.DryRun(plan); });
}

Effect ArgocdAction::Execute(const Request& request, const Plan& plan, const Config& params) {
  try {
    return With(request, params, true,
                [&](Operations& operations) { return operations.Execute(plan); });
  } catch (const CallFailure& failure) {
    // Argo CD never got it: there is no effect to wait for.
    const bool away = failure.code() == HEALD_UNAVAILABLE || failure.code() == HEALD_DEADLINE;
    if (failure.sent() || !away) throw;
    return {sdk::EffectState::kFailed, std::string("not done: ") + failure.what()};
  }
}

Effect ArgocdAction::Observe(const Request& request, const Plan& plan, const Config& params) {
  return With(request, params, false,
              [&](Operations& operations) { return operations.Observe(plan); });
}

Effect ArgocdAction::Undo(const Request& request, const Plan& plan, const Config& params) {
  return With(request, params, true, [&](Operations& operations) { return operations.Undo(plan); });
}

}  // namespace heald::argocd
