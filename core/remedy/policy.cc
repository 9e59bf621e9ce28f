#include "core/remedy/policy.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/remedy/latest.h"

namespace heald::remedy {
namespace {

constexpr std::string_view kTargetPrefix = "target.";

std::optional<WhenValue> Number(double value) {
  if (std::isnan(value)) return std::nullopt;
  return WhenValue(value);
}

double Seconds(int64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

struct Field {
  std::string_view name;
  std::optional<WhenValue> (*get)(const Finding&, int64_t now_ns);
};

constexpr std::array<Field, 16> kFields{{
    {"severity", [](const Finding& f, int64_t) { return std::optional<WhenValue>(f.severity); }},
    {"score", [](const Finding& f, int64_t) { return Number(f.score); }},
    {"confidence", [](const Finding& f, int64_t) { return Number(f.confidence); }},
    {"kind", [](const Finding& f,
                int64_t) { return std::optional<WhenValue>(std::string(ToString(f.kind))); }},
    {"value", [](const Finding& f, int64_t) { return Number(f.value); }},
    {"expected_low", [](const Finding& f, int64_t) { return Number(f.expected_low); }},
    {"expected_high", [](const Finding& f, int64_t) { return Number(f.expected_high); }},
    {"metric", [](const Finding& f, int64_t) { return std::optional<WhenValue>(f.metric); }},
    {"unit", [](const Finding& f, int64_t) { return std::optional<WhenValue>(f.unit); }},
    {"probability", [](const Finding& f, int64_t) { return Number(f.probability); }},
    {"eta",
     [](const Finding& f, int64_t now_ns) {
       return f.eta_ns == 0 ? std::nullopt
                            : Number(Seconds(std::max<int64_t>(f.eta_ns - now_ns, 0)));
     }},
    {"component", [](const Finding& f, int64_t) { return std::optional<WhenValue>(f.component); }},
    {"recommended_action",
     [](const Finding& f, int64_t) { return std::optional<WhenValue>(f.recommended_action); }},
    {"count", [](const Finding& f, int64_t) { return Number(static_cast<double>(f.count)); }},
    {"age", [](const Finding& f, int64_t now_ns) { return Number(Seconds(now_ns - f.began_ns)); }},
    {"summary", [](const Finding& f, int64_t) { return std::optional<WhenValue>(f.summary); }},
}};

const Field* FindField(std::string_view name) {
  for (const Field& field : kFields)
    if (field.name == name) return &field;
  return nullptr;
}

template <typename List>
bool Contains(const List& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

// "prom.latency_p99" for each output that these nodes read, also through other detectors.
void AddOutputs(const PipelineSpec& spec, const std::vector<InputRef>& inputs,
                std::vector<std::string>* names) {
  for (const InputRef& input : inputs) {
    const NodeSpec* node = spec.FindNode(input.node);
    if (node == nullptr) continue;
    if (node->kind != Kind::kSource) {
      AddOutputs(spec, node->inputs, names);  // edges make no cycles
      continue;
    }
    const std::vector<std::string> outputs =
        input.output.empty() ? node->outputs : std::vector<std::string>{input.output};
    for (const std::string& output : outputs) names->push_back(node->name + "." + output);
  }
}

// What a condition sees while nothing is known but the finding itself.
class FindingScope final : public WhenScope {
 public:
  FindingScope(const Policy& policy, const Finding& finding) : policy_(policy), finding_(finding) {}
  std::optional<WhenValue> Lookup(std::string_view name) const override {
    if (name == "age" || name == "eta") return std::nullopt;
    if (Contains(policy_.sample_names, name) && !finding_.target.Has(name)) return std::nullopt;
    static const LatestSamples kNone;
    return PolicyScope(policy_, finding_, kNone, 0).Lookup(name);
  }

 private:
  const Policy& policy_;
  const Finding& finding_;
};

// With another action than the step's own, where one is given.
std::shared_ptr<Policy> Ready(const PipelineSpec& spec, const PolicySpec& chain, uint32_t step,
                              const std::string& instead = {}) {
  auto policy = std::make_shared<Policy>();
  policy->spec = chain.AtStep(step);
  if (!instead.empty()) policy->spec.action = instead;
  policy->steps = chain.step_count();
  policy->chain_mode = chain.mode;
  const PolicySpec& policy_spec = policy->spec;
  policy->dry_run = spec.agent.dry_run;
  const NodeSpec* action = spec.FindNode(policy_spec.action);
  policy->built_in = action == nullptr && policy_spec.action == "alert";
  policy->notify_only = policy->built_in || (action != nullptr && action->plugin == "alert");
  policy->timed =
      Contains(policy_spec.when.names(), "age") || Contains(policy_spec.when.names(), "eta");
  const auto samples_of = [&](const When& when) {
    std::vector<std::string> names;
    for (const std::string& name : when.names())
      if (FindField(name) == nullptr && name.compare(0, kTargetPrefix.size(), kTargetPrefix) != 0 &&
          MayBeSample(spec, name))
        names.push_back(name);
    return names;
  };
  policy->sample_names = samples_of(policy_spec.when);
  policy->check_names = samples_of(policy_spec.canary.check);
  policy->population = policy->sample_names;
  if (policy_spec.guard.max_targets.ratio || policy_spec.guard.min_healthy.set)
    AddOutputs(spec, policy_spec.inputs, &policy->population);
  const std::string whose = "policy " + policy_spec.name;
  const std::string whose_step = "step " + std::to_string(step) + " of " + whose;
  policy->windows = Windows({{&policy_spec.guard.windows, &policy_spec.guard.deny_windows, whose},
                             {&policy_spec.own.windows, &policy_spec.own.deny_windows, whose_step},
                             {&spec.agent.windows, &spec.agent.deny_windows, "the agent"}});
  return policy;
}

// A label without which the condition can't be true; null: it needs none.
const std::pair<std::string, std::string>* RequiredLabel(const When& when) {
  for (const auto& required : when.required_texts())
    if (FindField(required.first) == nullptr &&
        required.first.compare(0, kTargetPrefix.size(), kTargetPrefix) != 0)
      return &required;
  return nullptr;
}

// What a finding recommends is in place of the first step's action.
PolicyPtr WithRecommended(const PipelineSpec& spec, const PolicySpec& chain, uint32_t step) {
  const std::shared_ptr<Policy> policy = Ready(spec, chain, step);
  for (const RecommendedAction& mapped : policy->spec.recommended_actions)
    if (mapped.action != policy->spec.action)
      policy->with_recommended.emplace(mapped.action, Ready(spec, chain, step, mapped.action));
  return policy;
}

}  // namespace

bool MayBeSample(const PipelineSpec& spec, std::string_view name) {
  for (const NodeSpec& node : spec.nodes) {
    if (node.kind != Kind::kSource) continue;
    if (node.outputs.empty() || Contains(node.outputs, name)) return true;
    if (name.size() > node.name.size() && name.compare(0, node.name.size(), node.name) == 0 &&
        name[node.name.size()] == '.')
      return true;
  }
  return false;
}

PolicyPtr AsFor(const PolicyPtr& policy, const Finding& finding) {
  if (finding.recommended_action.empty()) return policy;
  for (const RecommendedAction& mapped : policy->spec.recommended_actions)
    if (mapped.recommendation == finding.recommended_action)
      return WithAction(policy, mapped.action);
  return policy;
}

PolicyPtr WithAction(const PolicyPtr& policy, std::string_view action) {
  if (policy->spec.action == action) return policy;
  const auto at = policy->with_recommended.find(action);
  return at == policy->with_recommended.end() ? nullptr : at->second;
}

Rules RulesOf(const Policy& policy) {
  const PolicySpec& spec = policy.spec;
  Rules rules;
  rules.steps = policy.steps;
  rules.verify_within_ns = spec.verify_within_ns;
  rules.undo_on_failure = spec.undo.on_failure;
  rules.undo_after_ns = spec.undo.after_ns;
  for (const InputRef& input : spec.inputs) rules.inputs.emplace_back(input.node, input.output);
  if (const CanarySpec& canary = spec.canary; canary.set)
    rules.canary = {canary.check.text(), policy.check_names, canary.for_ns, canary.within_ns};
  return rules;
}

PolicyPtr WithRules(const Policy& policy, const Rules& rules) {
  auto out = std::make_shared<Policy>(policy);
  PolicySpec& spec = out->spec;
  out->steps = rules.steps;
  spec.verify_within_ns = rules.verify_within_ns;
  spec.undo.on_failure = rules.undo_on_failure;
  spec.undo.after_ns = rules.undo_after_ns;
  spec.inputs.clear();
  for (const auto& [node, output] : rules.inputs) spec.inputs.push_back({node, output, {}});
  spec.canary = {};
  out->check_names.clear();
  if (!rules.canary) return out;
  const Rules::Check& check = *rules.canary;
  if (!check.text.empty()) {
    std::variant<When, WhenError> parsed = When::Parse(check.text);
    // Without its check a canary is held, and fails when its time is over.
    if (!std::holds_alternative<When>(parsed)) return out;
    spec.canary.check = std::get<When>(std::move(parsed));
  }
  spec.canary.set = true;
  spec.canary.for_ns = check.for_ns;
  spec.canary.within_ns = check.within_ns;
  out->check_names = check.samples;
  return out;
}

bool Policy::MayHold(const Finding& finding) const {
  return spec.when.Evaluate(FindingScope(*this, finding)).verdict != Verdict::kFalse;
}

bool Policy::Covers(const Finding& finding) const {
  for (const InputRef& input : spec.inputs)
    if (input.node == finding.node && (input.output.empty() || input.output == finding.metric))
      return true;
  return false;
}

PolicySet::PolicySet(const PipelineSpec& spec) {
  for (const PolicySpec& policy_spec : spec.policies) {
    if (!policy_spec.enabled) continue;
    std::vector<PolicyPtr>& chain = by_name_[policy_spec.name];
    if (!chain.empty()) continue;
    for (uint32_t step = 1; step <= policy_spec.step_count(); ++step)
      chain.push_back(WithRecommended(spec, policy_spec, step));
    std::vector<std::string> nodes;
    for (const InputRef& input : policy_spec.inputs)
      if (!Contains(nodes, input.node)) nodes.push_back(input.node);
    const std::pair<std::string, std::string>* required = RequiredLabel(policy_spec.when);
    for (const std::string& node : nodes) {
      OfNode& of = by_node_[node];
      Numbered& list =
          required == nullptr ? of.any : of.by_label[required->first][required->second];
      list.emplace(by_name_.size(), chain.front());
    }
  }
}

std::vector<std::string> WantedSamples(const PipelineSpec& spec) {
  std::vector<std::string> names;
  for (const PolicySpec& policy_spec : spec.policies)
    for (uint32_t step = 1; step <= policy_spec.step_count(); ++step) {
      const PolicyPtr policy = Ready(spec, policy_spec, step);
      names.insert(names.end(), policy->population.begin(), policy->population.end());
      names.insert(names.end(), policy->check_names.begin(), policy->check_names.end());
    }
  return names;
}

PolicyPtr PolicySet::Find(std::string_view name, uint32_t step) const {
  const auto at = by_name_.find(std::string(name));
  if (at == by_name_.end()) return nullptr;
  return at->second[step >= 1 && step <= at->second.size() ? step - 1 : 0];
}

std::vector<PolicyPtr> PolicySet::For(const Finding& finding) const {
  const auto at = by_node_.find(finding.node);
  if (at == by_node_.end()) return {};
  Numbered all = at->second.any;
  for (const auto& [label, by_value] : at->second.by_label) {
    if (finding.target.Has(label)) {
      const auto same = by_value.find(std::string(finding.target.Get(label)));
      if (same != by_value.end()) all.insert(same->second.begin(), same->second.end());
      continue;
    }
    // A sample of that name may answer for a target without the label.
    for (const auto& [value, policies] : by_value) all.insert(policies.begin(), policies.end());
  }
  std::vector<PolicyPtr> out;
  for (auto& [number, policy] : all) out.push_back(std::move(policy));
  return out;
}

std::optional<WhenValue> PolicyScope::Lookup(std::string_view name) const {
  if (const Field* field = FindField(name)) return field->get(finding_, now_ns_);
  if (name.compare(0, kTargetPrefix.size(), kTargetPrefix) == 0)
    return WhenValue(std::string(finding_.target.Get(name.substr(kTargetPrefix.size()))));
  if (finding_.target.Has(name)) return WhenValue(std::string(finding_.target.Get(name)));
  if (Contains(policy_.sample_names, name) || Contains(policy_.check_names, name)) {
    const std::optional<double> value = latest_.Lookup(name, finding_.target, now_ns_);
    return value ? std::optional<WhenValue>(*value) : std::nullopt;
  }
  return WhenValue(std::string());  // a label that this target doesn't have
}

}  // namespace heald::remedy
