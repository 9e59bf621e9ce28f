#include "plugins/actions/docker/swarm.h"

namespace heald::docker {
namespace {

using nlohmann::json;
using sdk::Effect;
using sdk::EffectState;

int64_t ReplicasOf(const json& spec) {
  static const json::json_pointer at("/Mode/Replicated/Replicas");
  return spec.contains(at) ? spec.at(at).get<int64_t>() : -1;
}

}  // namespace

SwarmService ReadService(const json& service) {
  SwarmService read;
  read.id = service.at("ID").get<std::string>();
  read.version = service.at("Version").at("Index").get<uint64_t>();
  read.spec = service.at("Spec");
  read.name = read.spec.value("Name", read.id);
  read.replicas = ReplicasOf(read.spec);
  if (service.contains("PreviousSpec")) read.previous = ReplicasOf(service.at("PreviousSpec"));
  if (read.replicas < 0)
    throw sdk::Failure(HEALD_INVALID, "service " + read.name +
                                          " isn't replicated (global mode or a job), so it has no "
                                          "number of replicas to change");
  return read;
}

json SpecWithReplicas(const SwarmService& service, int64_t replicas) {
  json spec = service.spec;
  spec["Mode"]["Replicated"]["Replicas"] = replicas;
  return spec;
}

Effect JudgeTasks(const std::string& name, const json& tasks, int64_t replicas) {
  int64_t running = 0;
  std::string trouble;
  for (const json& task : tasks) {
    const json status = task.value("Status", json::object());
    if (status.value("State", "") == "running")
      ++running;
    else if (const std::string error = status.value("Err", ""); !error.empty())
      trouble = "; " + error;
  }
  // Tasks beyond the number are still shown until they have ended.
  const bool done = running == replicas && static_cast<int64_t>(tasks.size()) == replicas;
  return {done ? EffectState::kDone : EffectState::kPending, name + ": " + std::to_string(running) +
                                                                 " of " + std::to_string(replicas) +
                                                                 " replicas running" + trouble};
}

}  // namespace heald::docker
