#include "core/remedy/inhibit.h"

#include "core/remedy/text.h"

namespace heald::remedy {
namespace {

// The values of the rule's equal labels; none where the finding lacks one of them.
std::optional<std::string> EqualKey(const InhibitRule& rule, const MatchSubject& subject) {
  std::string key;
  for (const std::string& name : rule.equal) {
    const std::string_view value = subject.Value(name);
    if (value.empty()) return std::nullopt;
    key.append(value).push_back('\0');
  }
  return key;
}

}  // namespace

void Inhibitions::SetRules(std::vector<InhibitRule> rules) {
  rules_ = std::move(rules);
  entries_.clear();
  sources_.clear();
  targets_.clear();
}

void Inhibitions::Set(const Finding& finding, const Labels& incident_target, uint64_t incident) {
  if (rules_.empty()) return;
  Remove(finding.id);
  Entry entry{incident, ValueText(finding), {}, {}};
  const MatchSubject subject{finding, incident_target};
  for (size_t i = 0; i < rules_.size(); ++i) {
    const InhibitRule& rule = rules_[i];
    const std::optional<std::string> key = EqualKey(rule, subject);
    if (!key) continue;
    const bool source =
        finding.kind != FindingKind::kPrediction && MatchesAll(rule.source, subject);
    const bool target = MatchesAll(rule.target, subject);
    // One that fits both sides mutes the others, and isn't muted by its like.
    if (source) entry.as_source.emplace_back(i, *key);
    if (target && !source) entry.as_target.emplace_back(i, *key);
  }
  if (entry.as_source.empty() && entry.as_target.empty()) return;
  for (const Place& place : entry.as_source) sources_[place].insert(finding.id);
  for (const Place& place : entry.as_target) targets_[place].insert(finding.id);
  entries_[finding.id] = std::move(entry);
}

void Inhibitions::Unlist(Index* index, const std::vector<Place>& places,
                         const std::string& finding) {
  for (const Place& place : places) {
    const auto at = index->find(place);
    at->second.erase(finding);
    if (at->second.empty()) index->erase(at);
  }
}

void Inhibitions::Remove(const std::string& finding) {
  const auto at = entries_.find(finding);
  if (at == entries_.end()) return;
  Unlist(&sources_, at->second.as_source, finding);
  Unlist(&targets_, at->second.as_target, finding);
  entries_.erase(at);
}

// True when `from` mutes `to`, also through others.
bool Inhibitions::Leads(const std::string& from, const std::string& to,
                        std::set<std::string>* seen) const {
  if (!seen->insert(from).second) return false;
  for (const Place& place : entries_.at(from).as_source) {
    const auto at = targets_.find(place);
    if (at == targets_.end()) continue;
    if (at->second.contains(to)) return true;
    for (const std::string& next : at->second)
      if (!entries_.at(next).as_source.empty() && Leads(next, to, seen)) return true;
  }
  return false;
}

std::optional<Inhibitions::Source> Inhibitions::MutedBy(const std::string& finding) const {
  const auto entry = entries_.find(finding);
  if (entry == entries_.end()) return std::nullopt;
  for (const Place& place : entry->second.as_target) {
    const auto sources = sources_.find(place);
    if (sources == sources_.end()) continue;
    for (const std::string& source : sources->second) {
      std::set<std::string> seen;
      if (Leads(finding, source, &seen)) continue;
      const Entry& by = entries_.at(source);
      return Source{by.incident, by.what};
    }
  }
  return std::nullopt;
}

std::set<uint64_t> Inhibitions::Concerns(const std::string& finding) const {
  std::set<uint64_t> out;
  const auto entry = entries_.find(finding);
  if (entry == entries_.end()) return out;
  // Also those further on: a ring may close or open by this one.
  std::set<std::string> seen;
  std::vector<std::string> todo = {finding};
  while (!todo.empty()) {
    const std::string from = std::move(todo.back());
    todo.pop_back();
    for (const Place& place : entries_.at(from).as_source) {
      const auto at = targets_.find(place);
      if (at == targets_.end()) continue;
      for (const std::string& target : at->second) {
        if (!seen.insert(target).second) continue;
        const Entry& muted = entries_.at(target);
        out.insert(muted.incident);
        if (!muted.as_source.empty()) todo.push_back(target);
      }
    }
  }
  return out;
}

}  // namespace heald::remedy
