#include "plugins/sources/kubernetes/finding_book.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace heald::kubernetes {
namespace {

void Mix(std::string_view text, uint64_t* hash) {
  for (const unsigned char c : text) *hash = (*hash ^ c) * 0x100000001b3;
  *hash = (*hash ^ 0xff) * 0x100000001b3;
}

// The same for the same thing that began at the same time, also in the next process.
uint64_t IdOf(const Condition& condition) {
  uint64_t hash = 0xcbf29ce484222325;
  Mix(condition.metric, &hash);
  for (const auto& [label, value] : condition.target.items()) {
    Mix(label, &hash);
    Mix(value, &hash);
  }
  Mix(std::to_string(condition.began_ns), &hash);
  return hash;
}

}  // namespace

sdk::Finding FindingBook::FindingOf(const State& state, sdk::FindingState what,
                                    int64_t now_ns) const {
  const Condition& condition = state.condition;
  sdk::Finding finding;
  finding.state = what;
  finding.id = IdOf(condition);
  finding.metric = condition.metric;
  finding.target = condition.target;
  finding.severity =
      what == sdk::FindingState::kClear ? sdk::Severity::kNormal : condition.severity;
  finding.summary = condition.summary;
  finding.value = condition.value;
  finding.confidence = 1;
  finding.score = static_cast<double>(condition.severity);
  finding.began_ns = condition.began_ns;
  finding.ts_ns = now_ns;
  return finding;
}

void FindingBook::Show(const std::string& owner, std::vector<Condition> conditions,
                       int64_t now_ns) {
  const auto known = owners_.find(owner);
  if (conditions.empty() && known == owners_.end()) return;
  std::map<Key, State>& states = known == owners_.end() ? owners_[owner] : known->second;
  for (auto& [key, state] : states)
    if (std::none_of(conditions.begin(), conditions.end(),
                     [&](const Condition& condition) {
                       return condition.metric == key.first && condition.target == key.second;
                     }) &&
        state.over_ns == 0)
      state.over_ns = now_ns;
  for (Condition& condition : conditions) {
    const auto [at, fresh] = states.try_emplace({condition.metric, condition.target});
    State& state = at->second;
    state.over_ns = 0;
    // Of what the process before had told, the agent wants to hear again that it still holds.
    const bool resumed = std::exchange(state.restored, false);
    if (fresh) {
      state.condition = std::move(condition);
      if (state.condition.began_ns == 0) state.condition.began_ns = now_ns;
      untold_.push_back(FindingOf(state, sdk::FindingState::kOpen, now_ns));
      ++open_;
    } else if (resumed || state.condition.severity != condition.severity) {
      condition.began_ns = state.condition.began_ns;
      state.condition = std::move(condition);
      untold_.push_back(FindingOf(state, sdk::FindingState::kUpdate, now_ns));
    }
  }
}

void FindingBook::Gone(const std::string& owner, int64_t now_ns) {
  const auto at = owners_.find(owner);
  if (at == owners_.end()) return;
  for (const auto& [key, state] : at->second) {
    untold_.push_back(FindingOf(state, sdk::FindingState::kClear, now_ns));
    untold_.back().annotations.Set("cleared", "deleted");
    --open_;
  }
  owners_.erase(at);
}

std::vector<sdk::Finding> FindingBook::Changes(int64_t now_ns) {
  for (auto owner = owners_.begin(); owner != owners_.end();) {
    std::erase_if(owner->second, [&](const auto& entry) {
      const State& state = entry.second;
      if (state.over_ns == 0 || now_ns - state.over_ns < settle_ns_) return false;
      untold_.push_back(FindingOf(state, sdk::FindingState::kClear, now_ns));
      --open_;
      return true;
    });
    owner = owner->second.empty() ? owners_.erase(owner) : std::next(owner);
  }
  return std::exchange(untold_, {});
}

nlohmann::json FindingBook::Save() const {
  nlohmann::json saved = nlohmann::json::array();
  for (const auto& [owner, states] : owners_)
    for (const auto& [key, state] : states) {
      nlohmann::json target = nlohmann::json::object();
      for (const auto& [label, value] : key.second.items()) target[label] = value;
      saved.push_back({{"owner", owner},
                       {"metric", key.first},
                       {"target", std::move(target)},
                       {"severity", static_cast<uint32_t>(state.condition.severity)},
                       {"summary", state.condition.summary},
                       {"began_ns", state.condition.began_ns}});
    }
  return saved;
}

void FindingBook::Restore(const nlohmann::json& saved) {
  for (const nlohmann::json& one : saved) {
    Condition condition{
        .metric = one.at("metric"), .summary = one.at("summary"), .began_ns = one.at("began_ns")};
    condition.severity = static_cast<sdk::Severity>(
        std::min<uint32_t>(one.at("severity").get<uint32_t>(), HEALD_SEVERITY_CRITICAL));
    for (const auto& [label, value] : one.at("target").items())
      condition.target.Set(label, value.get<std::string>());
    const Key key{condition.metric, condition.target};
    owners_[one.at("owner")][key] = {.condition = std::move(condition), .restored = true};
    ++open_;
  }
}

void FindingBook::DropUnseen(std::string_view prefix, int64_t now_ns) {
  for (auto& [owner, states] : owners_) {
    if (!owner.starts_with(prefix)) continue;
    for (auto& [key, state] : states)
      if (state.restored && state.over_ns == 0) state.over_ns = now_ns - settle_ns_;
  }
}

}  // namespace heald::kubernetes
