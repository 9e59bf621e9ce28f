#include "plugins/actions/docker/docker_action.h"

#include <algorithm>

namespace heald::docker {

using sdk::Effect;
using sdk::Failure;
using sdk::Plan;
using sdk::Request;

int64_t WantedReplicas(const Config& params, const std::string& name, int64_t current) {
  const int64_t asked = params.replicas ? *params.replicas : current + *params.scale_up_by;
  const int64_t wanted = std::min(asked, params.max_replicas);
  // A service that is larger already was made so by someone: leave it.
  if (wanted <= current && asked > current)
    throw Failure(HEALD_FULL, name + " has " + std::to_string(current) +
                                  " replicas already (max_replicas " +
                                  std::to_string(params.max_replicas) + ")");
  return wanted;
}

void DockerAction::Validate(const Config& config, sdk::Problems& problems) {
  const bool compose = !config.compose_project.empty() || !config.compose_service.empty();
  if (compose && (config.compose_project.empty() || config.compose_service.empty()))
    problems.Add(config.compose_project.empty() ? "/compose_service" : "/compose_project",
                 "give both compose_project and compose_service");
  const int ways = (config.container.empty() ? 0 : 1) + (config.label.empty() ? 0 : 1) +
                   (compose ? 1 : 0) + (config.swarm_service.empty() ? 0 : 1);
  if (ways != 1)
    problems.Add("", std::string(ways == 0 ? "no target: give" : "more than one target: give") +
                         " one of container, label, compose_project with compose_service, or "
                         "swarm_service");
  if (config.operation == Operation::kScale) {
    if (ways == 1 && !compose && config.swarm_service.empty())
      problems.Add("/operation",
                   "scale needs compose_project with compose_service, or swarm_service");
    if (config.replicas.has_value() == config.scale_up_by.has_value())
      problems.Add("/operation", "scale needs either replicas or scale_up_by");
    if (config.replicas.value_or(1) > config.max_replicas)
      problems.Add("/replicas",
                   "replicas is above max_replicas (" + std::to_string(config.max_replicas) + ")");
  } else {
    if (!config.swarm_service.empty())
      problems.Add("/swarm_service", "a Swarm service can only be scaled: set operation: scale");
    if (config.replicas) problems.Add("/replicas", "only with operation: scale");
    if (config.scale_up_by) problems.Add("/scale_up_by", "only with operation: scale");
  }
  if (config.operation == Operation::kRollingRestart && !config.container.empty())
    problems.Add("/container",
                 "rolling_restart takes several containers one after the other: give label, or "
                 "compose_project with compose_service; for one container set operation: restart");
  for (const support::HttpConfigProblem& problem : CheckEngineConfig(config))
    problems.Add(problem.pointer, problem.message);
}

sdk::Abilities DockerAction::AbilitiesOf(const Config& config) {
  const bool rolling = config.operation == Operation::kRollingRestart;
  return {.undo = config.operation != Operation::kRestart && !rolling, .canary = rolling};
}

DockerAction::DockerAction(sdk::Host host, const Config& config)
    : host_(host), engines_([host, http = support::HttpConfig(config)] {
        return std::make_unique<Engine>(http, [host] { return host.Cancelled(); });
      }) {}

std::unique_ptr<Operations> DockerAction::For(Engine& engine, const Request& request,
                                              const Config& params) {
  const Context context{engine, params, host_, request.deadline_ns};
  if (params.operation == Operation::kRestart || params.operation == Operation::kRollingRestart)
    return MakeRestartOperations(context, request.part);
  if (params.operation != Operation::kScale) return MakeContainerOperations(context);
  return params.swarm_service.empty() ? MakeComposeScale(context) : MakeSwarmScale(context);
}

Plan DockerAction::MakePlan(const Request& request, const Config& params) {
  const auto engine = engines_.Borrow();
  return For(*engine, request, params)->MakePlan();
}

Effect DockerAction::DryRun(const Request& request, const Plan& plan, const Config& params) {
  const auto engine = engines_.Borrow();
  return For(*engine, request, params)->DryRun(plan);
}

Effect DockerAction::Execute(const Request& request, const Plan& plan, const Config& params) {
  const auto engine = engines_.Borrow();
  return For(*engine, request, params)->Execute(plan);
}

Effect DockerAction::Observe(const Request& request, const Plan& plan, const Config& params) {
  const auto engine = engines_.Borrow();
  return For(*engine, request, params)->Observe(plan);
}

Effect DockerAction::Undo(const Request& request, const Plan& plan, const Config& params) {
  const auto engine = engines_.Borrow();
  return For(*engine, request, params)->Undo(plan);
}

}  // namespace heald::docker
