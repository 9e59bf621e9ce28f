#include "core/config/steps_section.h"

#include "core/config/guard_section.h"
#include "core/config/reader.h"

namespace heald {
namespace {

class StepReader {
 public:
  StepReader(LoadContext* context, const ReadWhen& read_when)
      : context_(*context), read_when_(read_when) {}

  void Error(const std::string& path, std::string message, std::string hint = "") {
    context_.report->Error(MarkOf(context_.marks, path), std::move(message), std::move(hint), path);
  }

  void ReadChange(const YamlNode& node, const Value& value, const std::string& path, UndoSpec* undo,
                  CanarySpec* canary) {
    const Reader in{value};
    undo->on_failure = in.In("undo").Bool("on_failure", undo->on_failure);
    undo->after_ns = in.In("undo").Int("after", undo->after_ns);
    const YamlMember* undoing = node.Find("undo");
    const bool on_failure = undoing != nullptr && undoing->value->Find("on_failure") != nullptr;
    undo->asked = (on_failure && undo->on_failure) || undo->after_ns != 0;
    const Value* typed = value.Find("canary");
    const YamlMember* written = node.Find("canary");
    if (typed == nullptr || written == nullptr) return;
    const Reader check{*typed};
    const std::string at = path + "/canary";
    canary->set = true;
    canary->for_ns = check.Int("for", canary->for_ns);
    canary->within_ns = check.Int("within", canary->within_ns);
    if (const std::optional<When> when = read_when_(*written->value, *typed, "check", at))
      canary->check = *when;
    if (canary->within_ns <= canary->for_ns)
      Error(at + "/" + (typed->Find("within") != nullptr ? "within" : "for"),
            "a canary that is judged for " + FormatDuration(canary->for_ns) +
                " can't be decided within " + FormatDuration(canary->within_ns),
            "write a longer 'within', or a shorter 'for'");
  }

  StepSpec ReadStep(const YamlNode& node, const Value& value, const std::string& path,
                    const PolicySpec& policy) {
    const Reader in{value};
    StepSpec step;
    step.path = path;
    step.action = in.Text("action");
    step.action_path = path + "/action";
    if (const std::string mode = in.Text("mode"); !mode.empty()) step.mode = ModeOf(mode);
    step.verify_within_ns = in.In("verify").Int("within", policy.verify_within_ns);
    step.skip_refused = in.Text("on_refused") == "next";
    const Reader guard = in.In("guard");
    ReadGuard(guard.map, path + "/guard", &context_, &step.own);
    if (guard.map.Find("demote") != nullptr)
      Error(path + "/guard/demote", "'demote' counts what becomes of the policy, not of one step",
            "write it in the policy's guard");
    step.guard = Merged(policy.guard, step.own, guard.map);
    ReadChange(node, value, path, &step.undo, &step.canary);
    return step;
  }

 private:
  // What the step says is in place of what its policy says, but what would only take away a limit
  // is added to it. Its cooldown and max_per_hour are counted by themselves.
  static GuardSpec Merged(GuardSpec guard, const GuardSpec& own, const Value& written) {
    if (written.Find("for") != nullptr) guard.for_ns = own.for_ns;
    if (own.max_targets.set) guard.max_targets = own.max_targets;
    if (own.min_healthy.set) guard.min_healthy = own.min_healthy;
    if (written.Find("breaker") != nullptr) guard.breaker = own.breaker;
    guard.excluded.insert(guard.excluded.end(), own.excluded.begin(), own.excluded.end());
    return guard;
  }

  LoadContext& context_;
  const ReadWhen& read_when_;
};

}  // namespace

Mode ModeOf(std::string_view text) {
  return text == "enforce" ? Mode::kEnforce : text == "approve" ? Mode::kApprove : Mode::kShadow;
}

bool ReadSteps(const YamlNode& node, const Value& value, LoadContext* context,
               const ReadWhen& read_when, PolicySpec* policy) {
  StepReader reader(context, read_when);
  const YamlMember* steps = node.Find("steps");
  const bool has_action = node.Find("action") != nullptr;
  const std::string at = policy->path + "/steps";
  policy->action = Reader{value}.Text("action");
  policy->action_path = policy->path + "/action";
  if (steps == nullptr) {
    reader.ReadChange(node, value, policy->path, &policy->undo, &policy->canary);
    if (!has_action && node.kind == YamlNode::Kind::kMap)
      reader.Error(policy->path, "policy '" + policy->name + "' does nothing: it has no action",
                   "write 'action: NAME', or 'steps:' for one after the other; 'action: alert' "
                   "only tells people");
    return has_action;
  }
  if (has_action)
    reader.Error(policy->path + "/action",
                 "policy '" + policy->name + "' has both 'action' and 'steps'",
                 "'action' is short for a single step: make it the first of 'steps'");
  for (const char* key : {"undo", "canary"})
    if (node.Find(key) != nullptr)
      reader.Error(policy->path + "/" + key,
                   std::string("'") + key + "' belongs to a step where there are some",
                   "write it in the step that it is about");
  const Value* typed = value.Find("steps");
  if (typed == nullptr || typed->AsList() == nullptr) return false;
  const Value::List& list = *typed->AsList();
  bool known = !has_action && list.size() == steps->value->items.size();
  for (size_t i = 0; known && i < list.size(); ++i) {
    policy->steps.push_back(
        reader.ReadStep(*steps->value->items[i], list[i], at + "/" + std::to_string(i), *policy));
    known = !policy->steps.back().action.empty();
  }
  if (!policy->steps.empty()) {
    policy->action = policy->steps.front().action;
    policy->action_path = policy->steps.front().action_path;
  }
  return known && !policy->steps.empty();
}

}  // namespace heald
