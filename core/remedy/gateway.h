// How the engine reaches actions. The runner implements it on the action node's own thread; tests
// use a fake target. Thread rule: called on the engine's strand. `done` is called exactly once, on
// that strand, from inside the call or later; the engine may be gone by then.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/base/result.h"
#include "core/pipeline/instance.h"

namespace heald::remedy {

struct ActionRequest {
  std::string node;      // the action node
  std::string decision;  // idempotency key; the same again means the same execution
  std::string policy;
  Incident incident;  // without its findings; for ${incident.…}
  Labels target;
  Finding finding;          // the one that triggered
  int64_t deadline_ns = 0;  // on the wall clock; the gateway answers kDeadline by then
  Part part = Part::kAll;   // another only where the plan says can_canary
};

// After these a call surely changed nothing; after any other only the target knows.
inline bool SurelyNotDone(Code code) {
  switch (code) {
    case Code::kInvalid:
    case Code::kDenied:
    case Code::kNotFound:
    case Code::kConflict:
    case Code::kUnsupported:
    case Code::kFull:
      return true;
    default:
      return false;
  }
}

class ActionGateway {
 public:
  using PlanDone = std::function<void(Result<heald::Plan>)>;
  using EffectDone = std::function<void(Result<Effect>)>;

  virtual ~ActionGateway() = default;
  virtual void Plan(const ActionRequest& request, PlanDone done) = 0;
  virtual void DryRun(const ActionRequest& request, const heald::Plan& plan, EffectDone done) = 0;
  virtual void Execute(const ActionRequest& request, const heald::Plan& plan, EffectDone done) = 0;
  virtual void Observe(const ActionRequest& request, const heald::Plan& plan, EffectDone done) = 0;
  virtual void Undo(const ActionRequest& request, const heald::Plan& plan, EffectDone done) = 0;
};

}  // namespace heald::remedy
