#include "core/pipeline/ability_check.h"

#include <optional>
#include <set>
#include <utility>

namespace heald {
namespace {

class AbilityChecker {
 public:
  AbilityChecker(const Catalog& catalog, const GraphDoubts& doubts, const PipelineSpec& spec)
      : catalog_(catalog), doubts_(doubts), spec_(spec) {}

  void Check(const std::string& action, const UndoSpec& undo, const CanarySpec& canary,
             const std::string& path) {
    const NodeSpec* node = spec_.FindNode(action);
    const bool tells = node == nullptr ? action == "alert" : node->plugin == "alert";
    const std::optional<Abilities> able = tells ? Abilities{} : Of(node);
    if (!able) return;
    const std::string name =
        "action '" + action + (node == nullptr ? "' (built in)" : "' (" + node->plugin + ")");
    if (undo.asked && !able->undo)
      Error(path + "/undo",
            name + " can't take back what it does" + (tells ? "" : ", by its config"),
            "leave 'undo' out, or use an action that can");
    if (canary.set && !able->canary && !tells)  // of that the steps' check tells
      Error(path + "/canary", name + " can't do a part of its target first, by its config",
            "leave 'canary' out, or use an action that does one member after the other");
  }

  std::vector<GraphProblem> Done() { return std::move(problems_); }

 private:
  std::optional<Abilities> Of(const NodeSpec* node) const {
    if (node == nullptr || node->kind != Kind::kAction || doubts_.untyped.count(node->name) != 0)
      return std::nullopt;
    const Component* component = catalog_.Find(Kind::kAction, node->plugin);
    if (component == nullptr || !component->abilities_of) return std::nullopt;
    return component->abilities_of(node->config);
  }
  // Once, however many recommendations lead there.
  void Error(const std::string& path, std::string message, std::string hint) {
    if (!told_.insert(path + message).second) return;
    problems_.push_back({path, std::move(message), std::move(hint), false, 0, 0});
  }

  const Catalog& catalog_;
  const GraphDoubts& doubts_;
  const PipelineSpec& spec_;
  std::vector<GraphProblem> problems_;
  std::set<std::string> told_;
};

}  // namespace

std::vector<GraphProblem> CheckAbilities(const Catalog& catalog, const GraphDoubts& doubts,
                                         const PipelineSpec& spec, const PolicySpec& policy) {
  AbilityChecker checker(catalog, doubts, spec);
  if (policy.steps.empty()) checker.Check(policy.action, policy.undo, policy.canary, policy.path);
  for (const StepSpec& step : policy.steps)
    checker.Check(step.action, step.undo, step.canary, step.path);
  for (const RecommendedAction& recommended : policy.recommended_actions)
    checker.Check(recommended.action, policy.undo, policy.canary, policy.path);
  return checker.Done();
}

}  // namespace heald
