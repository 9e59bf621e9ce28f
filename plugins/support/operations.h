// What actions that can do several things have in common: each operation is an object with the five
// steps, made for one call, and reads back what its plan says of the time before. Used by docker,
// kubernetes and argocd. Thread rule: one object per call, and one thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "heald/plugin.h"

namespace heald::support {

class Operations {
 public:
  virtual ~Operations() = default;
  virtual sdk::Plan MakePlan() = 0;
  virtual sdk::Effect DryRun(const sdk::Plan& plan) = 0;
  virtual sdk::Effect Execute(const sdk::Plan& plan) = 0;
  virtual sdk::Effect Observe(const sdk::Plan& plan) = 0;
  virtual sdk::Effect Undo(const sdk::Plan&) {
    throw sdk::Failure(HEALD_UNSUPPORTED, "this can't be undone");
  }
};

// plan.before, a JSON object that says under `key` which operation's it is; throws
// Failure(HEALD_CORRUPT) where it is another's, as after a change of the configuration.
inline nlohmann::json ReadBefore(const sdk::Plan& plan, std::string_view operation,
                                 const char* key = "kind") {
  nlohmann::json before = nlohmann::json::parse(plan.before, nullptr, false);
  if (!before.is_object() || before.value(key, "") != operation)
    throw sdk::Failure(HEALD_CORRUPT, "the plan's state before isn't from this operation");
  return before;
}

}  // namespace heald::support
