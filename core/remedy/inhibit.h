// Which findings mute which: a node that is down mutes its pods. Knows every open finding as a
// source and as a target of the rules, so that a change touches only what it concerns. Used by the
// engine. Thread rule: the engine's strand.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/model/matcher.h"
#include "core/pipeline/guard_spec.h"

namespace heald::remedy {

class Inhibitions {
 public:
  // Forgets all findings: they are to be set again.
  void SetRules(std::vector<InhibitRule> rules);

  // An open finding, new or changed. Predictions mute nothing.
  void Set(const Finding& finding, const Labels& incident_target, uint64_t incident);
  void Remove(const std::string& finding);

  struct Source {
    uint64_t incident = 0;
    std::string what;  // "node n1 up 0"
  };
  // Empty: nothing mutes it. Findings that would mute each other, directly or in a ring, don't;
  // one that is muted itself still mutes others.
  std::optional<Source> MutedBy(const std::string& finding) const;
  // Incidents with findings that this one mutes or would mute.
  std::set<uint64_t> Concerns(const std::string& finding) const;

 private:
  using Place = std::pair<size_t, std::string>;  // rule, values of its equal labels
  struct Entry {
    uint64_t incident = 0;
    std::string what;
    std::vector<Place> as_source;
    std::vector<Place> as_target;
  };
  using Index = std::map<Place, std::set<std::string>>;

  static void Unlist(Index* index, const std::vector<Place>& places, const std::string& finding);
  bool Leads(const std::string& from, const std::string& to, std::set<std::string>* seen) const;

  std::vector<InhibitRule> rules_;
  std::unordered_map<std::string, Entry> entries_;
  Index sources_;
  Index targets_;
};

}  // namespace heald::remedy
