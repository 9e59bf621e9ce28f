// Which policies read which nodes' findings. Used by the agent, for counters and for notices to
// those who follow a policy. Thread rule: immutable once made.
#pragma once

#include <algorithm>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/model/incident.h"
#include "core/pipeline/spec.h"

namespace heald::agent {

class Followers {
 public:
  Followers() = default;
  explicit Followers(const std::vector<PolicySpec>& policies) {
    for (const PolicySpec& policy : policies) {
      std::vector<std::string>& nodes = nodes_of_[policy.name];
      for (const InputRef& input : policy.inputs)
        if (std::find(nodes.begin(), nodes.end(), input.node) == nodes.end())
          nodes.push_back(input.node);
      for (const std::string& node : nodes) policies_of_[node].push_back(policy.name);
    }
  }

  const std::vector<std::string>& PoliciesOf(const std::string& node) const {
    static const std::vector<std::string> kNone;
    const auto at = policies_of_.find(node);
    return at == policies_of_.end() ? kNone : at->second;
  }
  // Whether that policy reads one of the findings.
  bool Concerns(const std::string& policy, const std::vector<Finding>& findings) const {
    const auto at = nodes_of_.find(policy);
    return at != nodes_of_.end() &&
           std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) {
             return std::find(at->second.begin(), at->second.end(), finding.node) !=
                    at->second.end();
           });
  }

 private:
  std::unordered_map<std::string, std::vector<std::string>> nodes_of_;
  std::unordered_map<std::string, std::vector<std::string>> policies_of_;
};

}  // namespace heald::agent
