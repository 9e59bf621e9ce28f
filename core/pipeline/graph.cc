#include "core/pipeline/graph.h"

#include <algorithm>
#include <functional>
#include <map>

#include "core/model/suggest.h"
#include "core/pipeline/ability_check.h"
#include "core/pipeline/condition.h"
#include "core/pipeline/step_check.h"

namespace heald {
namespace {

constexpr std::string_view kAlert = "alert";
constexpr size_t kLongestName = 63;  // names become folders and metric labels

bool IsName(std::string_view name) {
  if (name.empty() || name.size() > kLongestName) return false;
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return letter(name[0]) && std::all_of(name.begin(), name.end(), [&](char c) {
           return letter(c) || (c >= '0' && c <= '9') || c == '-';
         });
}

// A node or a policy, as far as edges care.
struct Vertex {
  std::string what;  // "detector 'spikes'"
  std::string path;
  uint32_t inputs = 0;
  uint32_t outputs = 0;
  bool enabled = true;
  bool typed = true;  // false: what it takes and gives is unknown
  const NodeSpec* node = nullptr;
  std::vector<InputRef>* edges = nullptr;
  int readers = 0;
};

class Checker {
 public:
  Checker(const Catalog& catalog, const GraphDoubts& doubts, PipelineSpec* spec)
      : catalog_(catalog), doubts_(doubts), spec_(*spec) {}

  std::vector<GraphProblem> Run() {
    Collect();
    for (auto& [name, vertex] : vertices_) CheckInputs(name, vertex);
    CheckCycles();
    for (const PolicySpec& policy : spec_.policies) CheckPolicy(policy);
    if (!doubts_.missing_nodes && doubts_.unread.empty()) CheckUnconnected();
    DropDisabled();
    return std::move(problems_);
  }

 private:
  GraphProblem& Error(std::string path, std::string message, std::string hint = "") {
    problems_.push_back({std::move(path), std::move(message), std::move(hint), false, 0, 0});
    return problems_.back();
  }
  GraphProblem& Warn(std::string path, std::string message, std::string hint = "") {
    GraphProblem& problem = Error(std::move(path), std::move(message), std::move(hint));
    problem.warning = true;
    return problem;
  }

  void Collect() {
    for (NodeSpec& node : spec_.nodes) {
      Vertex vertex;
      vertex.what = std::string(ToString(node.kind)) + " '" + node.name + "'";
      vertex.path = node.path;
      vertex.inputs = InputsOf(catalog_, node);
      vertex.outputs = OutputsOf(catalog_, node);
      vertex.enabled = node.enabled;
      vertex.typed = doubts_.untyped.count(node.name) == 0;
      vertex.node = &node;
      vertex.edges = &node.inputs;
      if (node.name == kAlert && (node.kind != Kind::kAction || node.plugin != kAlert))
        Error(node.path, "'alert' is the built-in action that only notifies",
              "choose another name for this " + std::string(ToString(node.kind)));
      Enter(node.name, std::move(vertex));
    }
    for (PolicySpec& policy : spec_.policies) {
      Vertex vertex;
      vertex.what = "policy '" + policy.name + "'";
      vertex.path = policy.path;
      vertex.inputs = kPolicyInputs;
      vertex.outputs = kPolicyOutputs;
      vertex.enabled = policy.enabled;
      vertex.edges = &policy.inputs;
      if (policy.name == kAlert)
        Error(policy.path, "'alert' is the built-in action that only notifies",
              "choose another name for this policy");
      Enter(policy.name, std::move(vertex));
    }
  }
  void Enter(const std::string& name, Vertex vertex) {
    if (!IsName(name))
      Error(vertex.path, "'" + name + "' is no name for a node",
            "use letters, digits, _ and -, at most " + std::to_string(kLongestName) +
                ", with a letter first");
    const auto at = vertices_.find(name);
    if (at != vertices_.end()) {
      Error(vertex.path, "the name '" + name + "' is taken by " + at->second.what,
            "names are unique across all sections");
      ambiguous_.insert(name);
      return;
    }
    names_.push_back(name);
    vertices_.emplace(name, std::move(vertex));
  }

  bool MayHaveInputs(const Vertex& vertex) const {
    return vertex.node == nullptr || vertex.node->kind == Kind::kDetector ||
           vertex.node->kind == Kind::kNotifier;
  }

  void CheckInputs(const std::string& name, const Vertex& vertex) {
    if (!MayHaveInputs(vertex)) return;
    if (vertex.edges->empty() && doubts_.unread.count(name) == 0) {
      const std::string hint = vertex.node == nullptr ? "list the detectors it watches"
                               : vertex.node->kind == Kind::kDetector
                                   ? "list the sources it reads"
                                   : "list the detectors and policies it tells about";
      Error(vertex.path, vertex.what + " has no inputs", hint);
    }
    for (size_t i = 0; i < vertex.edges->size(); ++i) {
      const InputRef& edge = (*vertex.edges)[i];
      const bool doubled = std::find(vertex.edges->begin(), vertex.edges->begin() + long(i),
                                     edge) != vertex.edges->begin() + long(i);
      if (doubled)
        Error(edge.path, "'" + Written(edge) + "' is listed twice");
      else if (CheckEdge(name, vertex, edge))
        CheckOverlap(*vertex.edges, edge);
    }
  }
  void CheckOverlap(const std::vector<InputRef>& edges, const InputRef& edge) {
    if (edge.output.empty()) return;
    for (const InputRef& other : edges)
      if (other.node == edge.node && other.output.empty())
        Warn(edge.path, "'" + other.node + "' in the same list includes this already");
  }
  static std::string Written(const InputRef& edge) {
    return edge.output.empty() ? edge.node : edge.node + "." + edge.output;
  }

  // All that `taker` could read, best guess first for the message.
  std::vector<std::string> Candidates(const Vertex& taker, const std::string& self) const {
    std::vector<std::string> out;
    for (const std::string& name : names_) {
      const Vertex& vertex = vertices_.at(name);
      if (name == self || !IsName(name) || (vertex.outputs & taker.inputs) == 0) continue;
      out.push_back(name);
      if (vertex.node == nullptr) continue;
      for (const std::string& output : vertex.node->outputs)
        out.push_back(std::string(name).append(".").append(output));
    }
    return out;
  }

  // Who a misspelt name meant is read, so that it isn't called unread as well.
  void MarkMeant(const std::string& name) {
    const auto meant = vertices_.find(Closest(name, names_));
    if (meant != vertices_.end()) ++meant->second.readers;
  }

  bool CheckEdge(const std::string& self, const Vertex& taker, const InputRef& edge) {
    const auto at = vertices_.find(edge.node);
    if (at == vertices_.end()) {
      MarkMeant(edge.node);
      if (doubts_.missing_nodes) return false;
      const std::vector<std::string> candidates = Candidates(taker, self);
      std::string hint = DidYouMean(edge.output.empty() ? edge.node : Written(edge), candidates);
      if (hint.empty()) hint = DidYouMean(edge.node, names_);
      for (const std::string& candidate : candidates) {
        const size_t dot = candidate.find('.');
        if (hint.empty() && dot != std::string::npos && candidate.substr(dot + 1) == edge.node)
          hint = "did you mean '" + candidate + "'?";
      }
      if (hint.empty() && !candidates.empty()) hint = "possible here: " + JoinNames(candidates);
      Error(edge.path, taker.what + " reads '" + edge.node + "', which doesn't exist", hint);
      return false;
    }
    Vertex& giver = at->second;
    ++giver.readers;
    if (edge.node == self) {
      Error(edge.path, taker.what + " reads itself");
      return false;
    }
    if (ambiguous_.count(edge.node) != 0) return true;
    if (!CheckOutput(giver, edge)) return false;
    if (!taker.typed || !giver.typed || (giver.outputs & taker.inputs) != 0) return true;
    Error(edge.path,
          giver.what +
              (giver.outputs == 0 ? " gives nothing to read"
                                  : " gives " + RecordNames(giver.outputs)) +
              ", but " + taker.what + " takes " + RecordNames(taker.inputs),
          EdgeHint(giver, taker));
    return false;
  }
  bool CheckOutput(const Vertex& giver, const InputRef& edge) {
    if (edge.output.empty() || !giver.typed) return true;
    if (giver.node == nullptr || giver.node->kind != Kind::kSource) {
      Error(edge.path, giver.what + " has no outputs of its own", "write '" + edge.node + "'");
      return false;
    }
    std::optional<GraphProblem> problem = CheckSourceOutput(catalog_, *giver.node, edge);
    if (!problem) return true;
    problems_.push_back(std::move(*problem));
    return false;
  }
  static std::string EdgeHint(const Vertex& giver, const Vertex& taker) {
    if ((giver.outputs & (kSamples | kLogs)) != 0 && (taker.inputs & kFindings) != 0)
      return "put a detector between them";
    if (giver.node != nullptr && giver.node->kind == Kind::kAction && taker.node != nullptr &&
        taker.node->kind == Kind::kNotifier)
      return "list the policy that uses it";
    return "";
  }

  // ---- cycles: only detectors, policies and notifiers have inputs, and few of them

  void CheckCycles() {
    std::map<std::string, int> state;  // 1: on the way, 2: done
    std::vector<std::string> way;
    const std::function<void(const std::string&)> visit = [&](const std::string& name) {
      state[name] = 1;
      way.push_back(name);
      for (const InputRef& edge : *vertices_.at(name).edges) {
        if (edge.node == name || vertices_.count(edge.node) == 0) continue;
        if (state[edge.node] == 1) {
          std::string loop = edge.node;
          for (size_t i = way.size(); i-- > 0;) {
            loop += " → " + way[i];
            if (way[i] == edge.node) break;
          }
          Error(edge.path, "a cycle: " + loop, "records move one way; remove one of these inputs");
        } else if (state[edge.node] == 0) {
          visit(edge.node);
        }
      }
      way.pop_back();
      state[name] = 2;
    };
    for (const std::string& name : names_)
      if (state[name] == 0) visit(name);
  }

  // ---- policies

  void CheckPolicy(const PolicySpec& policy) {
    if (policy.steps.empty()) CheckAction(policy, policy.action, policy.action_path);
    for (const StepSpec& step : policy.steps) CheckAction(policy, step.action, step.action_path);
    CheckRecommended(policy);
    if (doubts_.unread.count(policy.name) == 0)
      for (GraphProblem& problem :
           CheckSteps(policy, [this](const std::string& action) { return IsAlertNode(action); }))
        problems_.push_back(std::move(problem));
    for (GraphProblem& problem : CheckAbilities(catalog_, doubts_, spec_, policy))
      problems_.push_back(std::move(problem));
    CheckWhen(policy.when, policy.path + "/when");
    CheckWhen(policy.canary.check, policy.path + "/canary/check", true);
    for (const StepSpec& step : policy.steps)
      CheckWhen(step.canary.check, step.path + "/canary/check", true);
    const GuardSpec& guard = policy.guard;
    if (policy.mode == Mode::kEnforce && policy.steps.empty() &&
        doubts_.unread.count(policy.name) == 0 && !policy.guarded())
      Error(policy.path + "/mode", "policy '" + policy.name +
                                       "' enforces without a guard: add at least cooldown or "
                                       "max_per_hour");
    if (guard.cooldown_ns != 0 && guard.cooldown_ns < policy.verify_within_ns)
      Warn(policy.path + "/guard/cooldown",
           "a cooldown of " + FormatDuration(guard.cooldown_ns) +
               " is over before verify.within, " + FormatDuration(policy.verify_within_ns) +
               ", and so holds nothing back",
           "write at least " + FormatDuration(policy.verify_within_ns));
    if ((guard.max_targets.ratio || guard.min_healthy.set) && doubts_.unread.empty() &&
        !doubts_.missing_nodes && !ReadsByName(policy.inputs, 0))
      Error(policy.path + (guard.min_healthy.set ? "/guard/min_healthy" : "/guard/max_targets"),
            "how many targets policy '" + policy.name +
                "' has can't be told: its detectors read "
                "all that their sources give, whatever it is",
            "let one of them read a query by name, such as prom.latency_p99");
    if (policy.verify_within_ns == 0)
      Error(policy.path + "/verify/within", "within 0 no action can be verified",
            "write the time it may take, such as 2m");
  }

  // Whether these inputs come, through detectors, from queries whose names are known.
  bool ReadsByName(const std::vector<InputRef>& inputs, size_t depth) const {
    for (const InputRef& input : inputs) {
      const auto at = vertices_.find(input.node);
      if (at == vertices_.end() || at->second.node == nullptr || depth > names_.size()) continue;
      const NodeSpec& node = *at->second.node;
      if (node.kind == Kind::kSource ? !input.output.empty() || !node.outputs.empty()
                                     : ReadsByName(node.inputs, depth + 1))
        return true;
    }
    return false;
  }

  bool IsAlertNode(const std::string& action) const {
    const auto at = vertices_.find(action);
    return at == vertices_.end() ? action == kAlert
                                 : at->second.node != nullptr && at->second.node->plugin == kAlert;
  }

  void CheckRecommended(const PolicySpec& policy) {
    for (const RecommendedAction& recommended : policy.recommended_actions)
      CheckAction(policy, recommended.action, recommended.path);
    if (!policy.recommended_actions.empty() && !policy.steps.empty())
      Error(policy.path + "/recommended_actions",
            "policy '" + policy.name +
                "' has steps, and these are done in their order whatever a "
                "finding recommends",
            "write action instead of steps, or leave recommended_actions out");
  }

  void CheckAction(const PolicySpec& policy, const std::string& action, const std::string& path) {
    if (action.empty()) return;
    const auto at = vertices_.find(action);
    if (at == vertices_.end()) {
      if (action == kAlert || doubts_.missing_nodes) return;
      MarkMeant(action);
      std::vector<std::string> actions;
      for (const NodeSpec& node : spec_.nodes)
        if (node.kind == Kind::kAction) actions.push_back(node.name);
      actions.emplace_back(kAlert);
      std::string hint = DidYouMean(action, actions);
      if (hint.empty()) hint = "possible here: " + JoinNames(actions);
      Error(path,
            "policy '" + policy.name + "' uses the action '" + action + "', which doesn't exist",
            hint);
      return;
    }
    Vertex& vertex = at->second;
    ++vertex.readers;
    if (ambiguous_.count(action) != 0) return;
    if (vertex.node == nullptr || vertex.node->kind != Kind::kAction)
      Error(path,
            "'" + action + "' is a " +
                (vertex.node ? std::string(ToString(vertex.node->kind)) : std::string("policy")) +
                ", not an action",
            "name one from the section actions, or alert");
    else if (!vertex.enabled && policy.enabled)
      Warn(path, vertex.what + " is disabled: policy '" + policy.name + "' can't act");
  }

  void CheckWhen(const When& when, const std::string& path, bool must_be_decided = false) {
    ConditionCheck check = CheckCondition(catalog_, doubts_, spec_, when, path, must_be_decided);
    for (const std::string& source : check.read) {
      const auto at = vertices_.find(source);
      if (at != vertices_.end()) ++at->second.readers;
    }
    for (GraphProblem& problem : check.problems) problems_.push_back(std::move(problem));
  }

  // ---- what is left over

  void CheckUnconnected() {
    for (const std::string& name : names_) {
      const Vertex& vertex = vertices_.at(name);
      if (!vertex.enabled || vertex.node == nullptr || vertex.readers > 0) continue;
      switch (vertex.node->kind) {
        case Kind::kSource:
          Error(vertex.path, "nobody reads " + vertex.what,
                (vertex.outputs & kFindings) != 0
                    ? "list it in a policy's or a notifier's inputs, or set enabled: false"
                    : "list it in a detector's inputs, or set enabled: false");
          break;
        case Kind::kDetector:
          Error(vertex.path, "nobody reads " + vertex.what,
                "list it in a policy's or a notifier's inputs, or set enabled: false");
          break;
        case Kind::kAction:
          Error(vertex.path, "no policy uses " + vertex.what,
                "name it in a policy, or set enabled: false");
          break;
        case Kind::kNotifier:
          break;
      }
    }
  }

  void DropDisabled() {
    for (auto& [name, vertex] : vertices_) {
      const auto gone = [&](const InputRef& edge) {
        const auto at = vertices_.find(edge.node);
        return at != vertices_.end() && !at->second.enabled;
      };
      if (vertex.enabled)
        for (const InputRef& edge : *vertex.edges)
          if (gone(edge))
            Warn(edge.path, vertices_.at(edge.node).what + " is disabled: " + vertex.what +
                                " gets nothing from it");
      std::vector<InputRef>& edges = *vertex.edges;
      edges.erase(std::remove_if(edges.begin(), edges.end(), gone), edges.end());
    }
  }

  const Catalog& catalog_;
  const GraphDoubts& doubts_;
  PipelineSpec& spec_;
  std::vector<std::string> names_;  // in the file's order
  std::map<std::string, Vertex> vertices_;
  std::set<std::string> ambiguous_;  // taken twice: nobody knows who is meant
  std::vector<GraphProblem> problems_;
};

}  // namespace

uint32_t OutputsOf(const Catalog& catalog, const NodeSpec& node) {
  const Component* component = catalog.Find(node.kind, node.plugin);
  return component == nullptr || node.kind == Kind::kAction ? 0 : component->outputs;
}

uint32_t InputsOf(const Catalog& catalog, const NodeSpec& node) {
  const Component* component = catalog.Find(node.kind, node.plugin);
  if (component == nullptr || node.kind == Kind::kSource || node.kind == Kind::kAction) return 0;
  return component->inputs;
}

std::vector<GraphProblem> CheckGraph(const Catalog& catalog, const GraphDoubts& doubts,
                                     PipelineSpec* spec) {
  return Checker(catalog, doubts, spec).Run();
}

}  // namespace heald
