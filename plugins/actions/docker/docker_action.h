// The action `docker`: restarts, stops, starts, pauses and scales containers through the Engine.
// Thread rule: as every heald::sdk::Action.
#pragma once

#include <memory>

#include "heald/plugin.h"
#include "plugins/actions/docker/config.h"
#include "plugins/support/docker/engine.h"
#include "plugins/support/operations.h"
#include "plugins/support/pool.h"

namespace heald::docker {

using support::Operations;
using support::ReadBefore;

// Beyond what an effect takes by itself.
inline constexpr int64_t kMarginNs = 5'000'000'000;

// What one operation works with; params name the target.
struct Context {
  Engine& engine;
  const Config& params;
  sdk::Host host;
  int64_t deadline_ns = 0;  // of the call, Host::MonotonicNs time
};

std::unique_ptr<Operations> MakeContainerOperations(const Context& context);
std::unique_ptr<Operations> MakeRestartOperations(const Context& context, sdk::Part part);
std::unique_ptr<Operations> MakeComposeScale(const Context& context);
std::unique_ptr<Operations> MakeSwarmScale(const Context& context);

// How many replicas `params` asks for, from `current`. Throws Failure(HEALD_FULL) when max_replicas
// is reached.
int64_t WantedReplicas(const Config& params, const std::string& name, int64_t current);

class DockerAction : public sdk::Action<DockerAction> {
 public:
  using Config = docker::Config;
  static constexpr sdk::Info kInfo{
      .name = "docker",
      .doc = "Restarts, stops, starts, pauses and scales containers through the Docker Engine",
      .flags = HEALD_BLOCKING | HEALD_REENTRANT};
  static void Validate(const Config& config, sdk::Problems& problems);
  static sdk::Abilities AbilitiesOf(const Config& config);

  DockerAction(sdk::Host host, const Config& config);

  sdk::Plan MakePlan(const sdk::Request& request, const Config& params);
  sdk::Effect DryRun(const sdk::Request& request, const sdk::Plan& plan, const Config& params);
  sdk::Effect Execute(const sdk::Request& request, const sdk::Plan& plan, const Config& params);
  sdk::Effect Observe(const sdk::Request& request, const sdk::Plan& plan, const Config& params);
  sdk::Effect Undo(const sdk::Request& request, const sdk::Plan& plan, const Config& params);

 private:
  std::unique_ptr<Operations> For(Engine& engine, const sdk::Request& request,
                                  const Config& params);

  sdk::Host host_;
  support::Pool<Engine> engines_;
};

}  // namespace heald::docker
