#include "core/pipeline/step_check.h"

#include <algorithm>

namespace heald {
namespace {

GraphProblem Wrong(std::string path, std::string message, std::string hint = "") {
  return {std::move(path), std::move(message), std::move(hint), false, 0, 0};
}

void CheckAlone(const PolicySpec& policy, size_t index, bool alert,
                std::vector<GraphProblem>* problems) {
  const StepSpec& step = policy.steps[index];
  const std::string name = StepName(policy, index);
  // In shadow all of it is, so that one word raises a chain whose steps have their modes already.
  if (step.mode && *step.mode > policy.mode && policy.mode != Mode::kShadow)
    problems->push_back(Wrong(
        step.path + "/mode",
        name + " can't be in mode " + std::string(ToString(*step.mode)) +
            " while the policy is in " + std::string(ToString(policy.mode)) +
            ": a step may only be more careful",
        "raise the policy's mode, and write 'mode' in the steps that should be more careful"));
  const bool bounded =
      step.bounded() || policy.guard.cooldown_ns != 0 || policy.guard.max_per_hour != 0;
  if (std::min(policy.mode, step.mode.value_or(policy.mode)) == Mode::kEnforce && !alert &&
      !bounded)
    problems->push_back(
        Wrong(step.path, name + " enforces without a guard: add at least cooldown or max_per_hour",
              "write it in the step's guard, or in the policy's for all of them"));
  if (alert && step.canary.set)
    problems->push_back(Wrong(step.path + "/canary", name + " only tells people: nothing of it "
                                                            "can be done in part first"));
  if (step.verify_within_ns == 0)
    problems->push_back(Wrong(step.path + "/verify/within", "within 0 no action can be verified",
                              "write the time it may take, such as 2m"));
  if (step.own.cooldown_ns != 0 && step.own.cooldown_ns < step.verify_within_ns) {
    problems->push_back(Wrong(step.path + "/guard/cooldown",
                              "a cooldown of " + FormatDuration(step.own.cooldown_ns) +
                                  " is over before verify.within, " +
                                  FormatDuration(step.verify_within_ns) +
                                  ", and so holds nothing back",
                              "write at least " + FormatDuration(step.verify_within_ns)));
    problems->back().warning = true;
  }
}

}  // namespace

std::string StepName(const PolicySpec& policy, size_t index) {
  return "step " + std::to_string(index + 1) + " (" + policy.steps[index].action + ") of policy '" +
         policy.name + "'";
}

std::vector<GraphProblem> CheckSteps(const PolicySpec& policy, const IsAlert& is_alert) {
  std::vector<GraphProblem> problems;
  for (size_t i = 0; i < policy.steps.size(); ++i) {
    const bool alert = is_alert(policy.steps[i].action);
    CheckAlone(policy, i, alert, &problems);
    if (i > 0 && is_alert(policy.steps[i - 1].action)) {
      problems.push_back(Wrong(policy.steps[i].path,
                               StepName(policy, i) + " is never reached: '" +
                                   policy.steps[i - 1].action +
                                   "' before it only tells people, and so can't fail",
                               "let it be the last one"));
      break;
    }
  }
  return problems;
}

}  // namespace heald
