// The containers that an operation is about: found by name or label when it is planned, kept in the
// plan's `before`, and looked at again. Used by the operations on containers.
// Thread rule: as docker::Engine.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "plugins/actions/docker/docker_action.h"
#include "plugins/actions/docker/verify.h"

namespace heald::docker {

// A container as it was when the plan was made.
struct Target {
  std::string id;
  std::string name;
  std::string status;
  std::string started_at;
  int64_t up_within_ns = 0;
};

// The containers that params name, in their order within their service; of several only those that
// are concerned, unless none is. Throws Failure where there is none, or more than max_targets.
std::vector<Container> SelectTargets(const Context& context,
                                     const std::function<bool(const Container&)>& concerned);

// "a (3f2a1b…), b (…)"
std::string NamesAndIds(const std::vector<Container>& containers);

// Puts them into the plan: target_uid and before.
void SetTargets(const std::vector<Container>& containers, const Config& params, sdk::Plan* plan);
std::vector<Target> TargetsOf(const sdk::Plan& plan);

// The container as it is now. Throws Failure(HEALD_NOT_FOUND) when it is gone.
Container ReadTarget(Engine& engine, const Target& target);

// Waits while `judge` says pending: of several, the next one's turn comes when this one is well.
sdk::Effect Settle(const Context& context, const Target& target,
                   const std::function<sdk::Effect()>& judge);

// stop_timeout in whole seconds, as the Engine takes it.
int64_t StopSeconds(const Config& params);

}  // namespace heald::docker
