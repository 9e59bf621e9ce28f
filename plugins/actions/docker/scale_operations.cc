// scale of compose services, by cloning and removing containers, and of Swarm services.
#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "plugins/actions/docker/compose.h"
#include "plugins/actions/docker/docker_action.h"
#include "plugins/actions/docker/swarm.h"
#include "plugins/actions/docker/verify.h"
#include "plugins/support/clock.h"

namespace heald::docker {
namespace {

using sdk::Effect;
using sdk::EffectState;
using sdk::Failure;
using sdk::Plan;

constexpr const char* kComposeKind = "compose";
constexpr const char* kSwarmKind = "swarm";
// Behind the name of what an undo is about to remove, so that one that is cut off can be told from
// a container that died.
constexpr std::string_view kLeaving = "-being-undone";
using support::kSecond;
// Pulling an image on another node is part of it.
constexpr int64_t kSwarmWithinNs = 120 * kSecond;
constexpr int kUndoAttempts = 5;

std::string FromTo(const std::string& name, int64_t from, int64_t to) {
  return "scale " + name + " from " + std::to_string(from) + " to " + std::to_string(to) +
         (to == 1 ? " replica" : " replicas");
}

class ComposeScale : public Operations {
 public:
  explicit ComposeScale(const Context& context)
      : context_(context),
        name_(context.params.compose_project + "/" + context.params.compose_service) {}

  Plan MakePlan() override;
  Effect DryRun(const Plan& plan) override;
  Effect Execute(const Plan& plan) override;
  Effect Observe(const Plan& plan) override;
  Effect Undo(const Plan& plan) override;

 private:
  // By number; containers that are not meant to run any more are left out.
  std::map<int64_t, Json> Present();
  std::string WhyNot(const Json& model);
  void Reach(const std::vector<int64_t>& wanted, bool undoes = false);
  void Add(const Json& model, int64_t number);

  Context context_;
  std::string name_;
};

std::vector<int64_t> NumbersOf(const std::map<int64_t, Json>& containers) {
  std::vector<int64_t> numbers;
  numbers.reserve(containers.size());
  for (const auto& [number, inspect] : containers) numbers.push_back(number);
  return numbers;
}

std::map<int64_t, Json> ComposeScale::Present() {
  std::map<int64_t, Json> present;
  for (const Json& listed :
       context_.engine.List({std::string(kProjectLabel) + "=" + context_.params.compose_project,
                             std::string(kServiceLabel) + "=" + context_.params.compose_service})) {
    const Json labels = listed.value("Labels", Json::object());
    if (labels.value(std::string(kOneOffLabel), "") == "True" || NumberOf(labels) == 0) continue;
    Json inspect = context_.engine.InspectIfExists(listed.at("Id").get<std::string>());
    if (!inspect.empty()) present[NumberOf(labels)] = std::move(inspect);
  }
  if (present.empty())
    throw Failure(HEALD_NOT_FOUND, "docker: no container of compose service " + name_ +
                                       ": at least one is needed, as the model for others");
  return present;
}

std::string ComposeScale::WhyNot(const Json& model) {
  if (std::string why = WhyNotCloned(model); !why.empty()) return why;
  const std::string image = model.at("Config").value("Image", "");
  if (context_.engine.ImageId(image).empty() &&
      context_.engine.ImageId(model.value("Image", "")).empty())
    return "the image " + image + " isn't on this Engine any more: pull it";
  return "";
}

Plan ComposeScale::MakePlan() {
  const std::map<int64_t, Json> present = Present();
  const auto count = static_cast<int64_t>(present.size());
  const int64_t wanted = WantedReplicas(context_.params, name_, count);
  Plan plan;
  plan.summary = FromTo(name_, count, wanted);
  plan.reversible = true;
  int64_t up_within_ns = 0;
  for (const auto& [number, inspect] : present) {
    const Container container = ReadContainer(inspect);
    plan.target_uid += (plan.target_uid.empty() ? "" : ",") + container.id;
    up_within_ns = std::max(up_within_ns, UpWithinNs(container, context_.params.stable_for.ns));
  }
  const int64_t steps = std::abs(wanted - count);
  plan.effect_within = {kMarginNs + up_within_ns + steps * context_.params.stop_timeout.ns};
  plan.before = Json{{"kind", kComposeKind},
                     {"numbers", NumbersOf(present)},
                     {"wanted", WantedNumbers(NumbersOf(present), wanted)}}
                    .dump();
  if (wanted > count)
    if (const std::string why = WhyNot(present.begin()->second); !why.empty())
      throw Failure(HEALD_INVALID, "cannot scale " + name_ + ": " + why);
  return plan;
}

Effect ComposeScale::DryRun(const Plan& plan) {
  ReadBefore(plan, kComposeKind);
  const Json model = Present().begin()->second;
  if (const std::string why = WhyNot(model); !why.empty()) return {EffectState::kFailed, why};
  return {EffectState::kDone, "would " + plan.summary};
}

void ComposeScale::Add(const Json& model, int64_t number) {
  Clone clone = MakeClone(model, number);
  // The name may have moved on to a newer image; a clone has the very same.
  if (const std::string id = model.value("Image", "");
      context_.engine.ImageId(clone.body.value("Image", "")) != id)
    clone.body["Image"] = id;
  const std::string id = context_.engine.Create(clone.name, clone.body);
  try {
    for (const auto& [network, endpoint] : clone.more_networks)
      context_.engine.Connect(network, id, endpoint);
    context_.engine.Start(id);
  } catch (const Failure&) {
    // Nothing half-made stays.
    context_.engine.Remove(id);
    throw;
  }
}

// Sets the numbers that exist to exactly these; doing it twice changes nothing.
void ComposeScale::Reach(const std::vector<int64_t>& wanted, bool undoes) {
  const std::map<int64_t, Json> present = Present();
  const int64_t stop_s = (context_.params.stop_timeout.ns + kSecond - 1) / kSecond;
  for (const int64_t number : wanted) {
    const auto at = present.find(number);
    if (at == present.end())
      Add(present.begin()->second, number);
    else if (ReadContainer(at->second).status == "created")
      // An agent that was killed had made it and not yet started it.
      context_.engine.Start(at->second.at("Id").get<std::string>());
  }
  for (auto at = present.rbegin(); at != present.rend(); ++at) {
    if (std::binary_search(wanted.begin(), wanted.end(), at->first)) continue;
    const std::string id = at->second.at("Id").get<std::string>();
    if (const std::string name = ReadContainer(at->second).name;
        undoes && !name.ends_with(kLeaving))
      context_.engine.Rename(id, name + std::string(kLeaving));
    context_.engine.Stop(id, stop_s);
    context_.engine.Remove(id);
  }
}

Effect ComposeScale::Execute(const Plan& plan) {
  const Json before = ReadBefore(plan, kComposeKind);
  const auto wanted = before.at("wanted").get<std::vector<int64_t>>();
  const std::vector<int64_t> planned_from = before.at("numbers").get<std::vector<int64_t>>();
  // Between the two states is where an execution that was cut off leaves it.
  for (const int64_t number : NumbersOf(Present()))
    if (!std::binary_search(wanted.begin(), wanted.end(), number) &&
        !std::binary_search(planned_from.begin(), planned_from.end(), number))
      throw Failure(HEALD_CONFLICT, name_ + " was scaled by someone else since the plan was made");
  Reach(wanted);
  return {EffectState::kPending, plan.summary};
}

Effect ComposeScale::Observe(const Plan& plan) {
  const Json before = ReadBefore(plan, kComposeKind);
  const auto wanted = before.at("wanted").get<std::vector<int64_t>>();
  const std::map<int64_t, Json> present = Present();
  for (const auto& [number, inspect] : present)
    if (const std::string name = ReadContainer(inspect).name; name.ends_with(kLeaving))
      return {EffectState::kDone, "its undo was begun, and has yet to remove " + name};
  const std::vector<int64_t> numbers = NumbersOf(present);
  if (numbers == before.at("numbers") && numbers != wanted)
    return {EffectState::kAbsent, name_ + " was not scaled"};
  if (numbers != wanted)
    return {EffectState::kPending, name_ + " has " + std::to_string(numbers.size()) + " of " +
                                       std::to_string(wanted.size()) + " containers"};
  for (const auto& [number, inspect] : present) {
    Effect one =
        JudgeUp(ReadContainer(inspect), context_.engine.now_s(), context_.params.stable_for.ns);
    if (one.state != EffectState::kDone) return one;
  }
  return {EffectState::kDone,
          name_ + " has " + std::to_string(wanted.size()) + " replicas, all up"};
}

Effect ComposeScale::Undo(const Plan& plan) {
  const Json before = ReadBefore(plan, kComposeKind);
  const auto numbers = before.at("numbers").get<std::vector<int64_t>>();
  const bool grew = before.at("wanted").size() > numbers.size();
  const std::vector<int64_t> present = NumbersOf(Present());
  // What somebody removed or added meanwhile stays as they left it: only the count goes back.
  std::vector<int64_t> left = present;
  if (grew)
    for (size_t i = left.size(); i-- > 0 && left.size() > numbers.size();)
      if (!std::binary_search(numbers.begin(), numbers.end(), left[i]))
        left.erase(left.begin() + static_cast<std::ptrdiff_t>(i));
  if (!grew)
    for (size_t i = 0; i < numbers.size() && left.size() < numbers.size(); ++i)
      if (const auto at = std::lower_bound(left.begin(), left.end(), numbers[i]);
          at == left.end() || *at != numbers[i])
        left.insert(at, numbers[i]);
  const std::string count = name_ + " has " + std::to_string(left.size()) + " replicas";
  if (left == present && present != numbers)
    return {EffectState::kDone, count + ": nothing to take back, as others changed it meanwhile"};
  Reach(left, true);
  return {EffectState::kDone, count + " again"};
}

class SwarmScale : public Operations {
 public:
  explicit SwarmScale(const Context& context) : context_(context) {}

  Plan MakePlan() override;
  Effect DryRun(const Plan& plan) override;
  Effect Execute(const Plan& plan) override;
  Effect Observe(const Plan& plan) override;
  Effect Undo(const Plan& plan) override;

 private:
  SwarmService Read() {
    return ReadService(context_.engine.Service(context_.params.swarm_service));
  }

  Context context_;
};

Plan SwarmScale::MakePlan() {
  const SwarmService service = Read();
  const int64_t wanted = WantedReplicas(context_.params, service.name, service.replicas);
  Plan plan;
  plan.summary = FromTo("service " + service.name, service.replicas, wanted);
  plan.reversible = true;
  plan.target_uid = service.id;
  plan.effect_within = {kSwarmWithinNs + context_.params.stop_timeout.ns};
  plan.before = Json{
      {"kind", kSwarmKind},
      {"version", service.version},
      {"replicas", service.replicas},
      {"wanted",
       wanted}}.dump();
  return plan;
}

Effect SwarmScale::DryRun(const Plan& plan) {
  if (Read().version != ReadBefore(plan, kSwarmKind).at("version").get<uint64_t>())
    return {EffectState::kFailed, "the service was changed since the plan was made"};
  return {EffectState::kDone, "would " + plan.summary};
}

Effect SwarmScale::Execute(const Plan& plan) {
  const Json before = ReadBefore(plan, kSwarmKind);
  const SwarmService service = Read();
  if (service.version != before.at("version").get<uint64_t>())
    throw Failure(HEALD_CONFLICT,
                  "service " + service.name + " was changed since the plan was made");
  context_.engine.UpdateService(service.id,
                                SpecWithReplicas(service, before.at("wanted").get<int64_t>()),
                                {.version = service.version});
  return {EffectState::kPending, plan.summary};
}

Effect SwarmScale::Observe(const Plan& plan) {
  const Json before = ReadBefore(plan, kSwarmKind);
  const SwarmService service = Read();
  const auto wanted = before.at("wanted").get<int64_t>();
  if (service.replicas == before.at("replicas").get<int64_t>() && service.replicas != wanted)
    return {EffectState::kAbsent, "service " + service.name + " was not scaled"};
  if (service.replicas != wanted)
    return {EffectState::kFailed, "service " + service.name + " was scaled to " +
                                      std::to_string(service.replicas) + " by someone else"};
  return JudgeTasks(service.name, context_.engine.Tasks(service.id), wanted);
}

Effect SwarmScale::Undo(const Plan& plan) {
  const auto replicas = ReadBefore(plan, kSwarmKind).at("replicas").get<int64_t>();
  for (int attempt = 1;; ++attempt) {
    const SwarmService service = Read();
    // The server's own rollback, unless another update came after ours: then its previous spec
    // isn't the one to go back to.
    const bool rollback = service.previous == replicas;
    try {
      context_.engine.UpdateService(service.id, SpecWithReplicas(service, replicas),
                                    {.version = service.version, .rollback = rollback});
      return {EffectState::kDone,
              service.name + " goes back to " + std::to_string(replicas) + " replicas"};
    } catch (const Failure& failure) {
      // The orchestrator writes into the service as well, while its tasks come and go.
      if (failure.code() != HEALD_CONFLICT || attempt == kUndoAttempts) throw;
    }
  }
}

}  // namespace

std::unique_ptr<Operations> MakeComposeScale(const Context& context) {
  return std::make_unique<ComposeScale>(context);
}

std::unique_ptr<Operations> MakeSwarmScale(const Context& context) {
  return std::make_unique<SwarmScale>(context);
}

}  // namespace heald::docker
