// Policies ready for the engine: the spec plus what its condition needs, indexed by input node.
// Thread rule: immutable once built, but for what Windows remembers: the engine's strand.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/model/finding.h"
#include "core/model/when.h"
#include "core/pipeline/spec.h"
#include "core/remedy/windows.h"
#include "core/store/progress.h"

namespace heald::remedy {

class LatestSamples;

struct Policy;
using PolicyPtr = std::shared_ptr<const Policy>;

// A policy at one of its steps.
struct Policy {
  PolicySpec spec;                  // as PolicySpec::AtStep
  uint32_t steps = 1;               // that its chain has
  Mode chain_mode = Mode::kShadow;  // of the whole chain; a step may be more careful
  bool dry_run = false;
  bool notify_only = false;  // the action is an alert: it repairs nothing, so nothing is verified
  bool built_in = false;     // ... and has no node of its own
  bool timed = false;        // the condition reads age or eta
  std::vector<std::string> sample_names;  // what only a source's samples can answer
  std::vector<std::string> check_names;   // the same of a canary's check
  // Samples whose targets are all there are; those of the condition, or what the detectors read
  // where a guard counts targets.
  std::vector<std::string> population;
  Windows windows;  // its own and the agent's

  bool Covers(const Finding& finding) const;
  // False where the condition can't become true of this finding, whatever samples come.
  bool MayHold(const Finding& finding) const;
  // True where the answer may change without a new finding.
  bool periodic() const { return timed || !sample_names.empty(); }

  // By action: the same policy with an action that it maps recommendations to.
  std::map<std::string, PolicyPtr, std::less<>> with_recommended;
};

// The policy as it treats this finding: with what the finding recommends, where that is mapped.
PolicyPtr AsFor(const PolicyPtr& policy, const Finding& finding);
// The policy with that action; null: it never uses it.
PolicyPtr WithAction(const PolicyPtr& policy, std::string_view action);

// What of it an execution runs by, for the journal; and the policy by which one goes on that
// another process planned: `policy` is what is left of it now.
Rules RulesOf(const Policy& policy);
PolicyPtr WithRules(const Policy& policy, const Rules& rules);

class PolicySet {
 public:
  PolicySet() = default;
  explicit PolicySet(const PipelineSpec& spec);

  // Enabled ones only. Null when there is none. The first step where there is no such one.
  PolicyPtr Find(std::string_view name, uint32_t step = 1) const;
  // Those that read the finding's node and whose condition may be about its target, at their first
  // steps, in the file's order. With a thousand policies most aren't.
  std::vector<PolicyPtr> For(const Finding& finding) const;
  size_t size() const { return by_name_.size(); }

 private:
  std::unordered_map<std::string, std::vector<PolicyPtr>> by_name_;  // step by step
  // Of one node. By number in the file.
  using Numbered = std::map<size_t, PolicyPtr>;
  struct OfNode {
    Numbered any;  // no label is required
    // Label -> the value that it must have -> policies.
    std::map<std::string, std::unordered_map<std::string, Numbered>> by_label;
  };

  std::unordered_map<std::string, OfNode> by_node_;
};

// With a source that can't list its outputs, any unknown name may turn out to be one of them.
bool MayBeSample(const PipelineSpec& spec, std::string_view name);

// All that the policies look up, in conditions and to count targets; also the disabled ones, which
// people may enable.
std::vector<std::string> WantedSamples(const PipelineSpec& spec);

// What a condition sees of one finding: its fields, then its target's labels, then samples.
class PolicyScope final : public WhenScope {
 public:
  PolicyScope(const Policy& policy, const Finding& finding, const LatestSamples& latest,
              int64_t now_ns)
      : policy_(policy), finding_(finding), latest_(latest), now_ns_(now_ns) {}
  std::optional<WhenValue> Lookup(std::string_view name) const override;

 private:
  const Policy& policy_;
  const Finding& finding_;
  const LatestSamples& latest_;
  int64_t now_ns_;
};

}  // namespace heald::remedy
