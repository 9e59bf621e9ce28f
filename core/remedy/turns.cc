// Issuing in turn: what an action has no thread for isn't issued yet.
#include "core/base/sha256.h"
#include "core/model/value_text.h"
#include "core/pipeline/action_threads.h"
#include "core/remedy/engine.h"
#include "core/remedy/hash.h"

namespace heald::remedy {
namespace {

constexpr int64_t kNextLookNs = kSecond;

const NodeSpec* FindAction(const PipelineSpec& spec, std::string_view name) {
  for (const NodeSpec& node : spec.nodes)
    if (node.kind == Kind::kAction && node.name == name) return &node;
  return nullptr;
}

}  // namespace

size_t Engine::RoomOf(const std::string& action) const {
  const NodeSpec* node = FindAction(spec_, action);
  return node == nullptr ? 1 : ActionRoom(*node);
}

std::string Engine::WhyNotAsked(const std::string& action) const {
  if (const NodeSpec* node = FindAction(spec_, action); node != nullptr && node->enabled) return {};
  return "there is no action '" + action + "' in the pipeline now";
}

bool Engine::MustWait(const Run& run) const {
  const std::string& action = run.decision.action;
  return turns_.MustWait(action, RoomOf(action), run.id);
}

// Back to where it is looked at from time to time whether it is still needed.
void Engine::AwaitTurn(Run& run) {
  const int64_t now_ns = deps_.clock->NowNs();
  if (run.phase == Phase::kCanary) {
    LeaveLine(run);
    BeginCheck(run);  // the rest is left for another check
  } else {
    run.phase = Phase::kRevalidating;
    run.deadline_ns = std::max(run.deadline_ns, now_ns + run.policy->spec.verify_within_ns);
  }
  Schedule(run, now_ns + kNextLookNs);
}

void Engine::LeaveLine(const Run& run) {
  const std::string& action = run.decision.action;
  turns_.Leave(action, run.id);
  WakeNext(action);
}

void Engine::CallEnded(const std::string& action) {
  turns_.End(action);
  WakeNext(action);
}

void Engine::WakeNext(const std::string& action) {
  const int64_t now_ns = deps_.clock->NowNs();
  for (const uint64_t id : turns_.Next(action, RoomOf(action))) {
    if (Run* next = FindRun(id)) Schedule(*next, now_ns);
    if (UndoTask* task = FindUndo(id)) Schedule(*task, now_ns);
  }
}

// The turn ends with the call, whatever became of the caller.
ActionGateway::EffectDone Engine::EndingTurn(std::string action, ActionGateway::EffectDone done) {
  return [this, alive = std::weak_ptr<bool>(alive_), action = std::move(action),
          done = std::move(done)](Result<Effect> effect) {
    if (alive.expired()) return;
    done(std::move(effect));
    Post([this, action] { CallEnded(action); });
  };
}

// ---- what an approval agrees to -----------------------------------------------------------------

// The plan says what is done in short; the action's config says it whole.
std::string Engine::ConfigDigest(const std::string& action) const {
  const NodeSpec* node = FindAction(spec_, action);
  if (node == nullptr) return {};
  std::string text = node->plugin + "\n";
  AppendCanonical(text, node->config);
  return Sha256Hex(text);
}

std::string Engine::HashOf(const Decision& decision) const {
  return PlanHash(decision.action, ConfigDigest(decision.action), decision.target, decision.plan);
}

}  // namespace heald::remedy
