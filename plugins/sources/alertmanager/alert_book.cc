#include "plugins/sources/alertmanager/alert_book.h"

#include <algorithm>

namespace heald::alertmanager {
namespace {

constexpr std::string_view kNameLabel = "alertname";
constexpr int64_t kOldestNs = int64_t{366} * 24 * 3600 * 1'000'000'000;

void Mix(std::string_view text, uint64_t* hash) {
  for (const unsigned char c : text) *hash = (*hash ^ c) * 0x100000001b3;
  *hash = (*hash ^ 0xff) * 0x100000001b3;
}

// The same for the same thing that began at the same time, also in the next process.
uint64_t IdOf(const std::string& name, const sdk::LabelSet& target, int64_t from_ns) {
  uint64_t hash = 0xcbf29ce484222325;
  Mix(name, &hash);
  for (const auto& [label, value] : target.items()) {
    Mix(label, &hash);
    Mix(value, &hash);
  }
  Mix(std::to_string(from_ns), &hash);
  return hash;
}

std::string SummaryOf(const Alert& alert, const std::string& name) {
  for (const char* annotation : {"summary", "message", "description"})
    if (const std::string_view text = alert.annotations.Get(annotation); !text.empty())
      return std::string(text);
  return "alert " + name;
}

const FiringAlert& WorstOf(const std::map<std::string, FiringAlert>& alerts) {
  return std::max_element(
             alerts.begin(), alerts.end(),
             [](const auto& a, const auto& b) { return a.second.severity < b.second.severity; })
      ->second;
}

}  // namespace

AlertBook::Key AlertBook::KeyOf(const Alert& alert) const {
  std::string name(alert.labels.Get(kNameLabel));
  if (name.empty()) name = "alert";
  sdk::LabelSet target = alert.labels;
  target.Remove(kNameLabel);
  target.Remove(config_.severity_label);
  for (const std::string& label : config_.drop_labels) target.Remove(label);
  return {std::move(name), std::move(target)};
}

std::vector<sdk::Finding> AlertBook::Take(Alert alert, int64_t now_ns) {
  // A clock that was never set, or a zero: not when it began.
  if (now_ns - alert.from_ns > kOldestNs) alert.from_ns = 0;
  const Key key = KeyOf(alert);
  const auto at = things_.find(key);
  if (!alert.firing) {
    if (at == things_.end()) return {};
    Thing& thing = at->second;
    const auto known = thing.alerts.find(alert.fingerprint);
    // Of an earlier time: what fires now began after it.
    if (known == thing.alerts.end() ||
        (alert.from_ns != 0 && alert.from_ns < known->second.from_ns))
      return {};
    const bool last = thing.alerts.size() == 1;
    sdk::Finding clear;
    if (last) clear = FindingOf(key, thing, sdk::FindingState::kClear, now_ns);
    const uint32_t before = WorstOf(thing.alerts).severity;
    thing.alerts.erase(known);
    --count_;
    if (!last) {
      if (WorstOf(thing.alerts).severity == before) return {};
      return {FindingOf(key, thing, sdk::FindingState::kUpdate, now_ns)};
    }
    if (alert.to_ns != 0) clear.ts_ns = alert.to_ns;
    things_.erase(at);
    return {clear};
  }
  FiringAlert told{
      key.first,
      key.second,
      alert.fingerprint,
      static_cast<uint32_t>(SeverityOf(config_, alert.labels.Get(config_.severity_label))),
      SummaryOf(alert, key.first),
      alert.url,
      alert.from_ns == 0 ? now_ns : alert.from_ns,
      now_ns};
  const bool known = at != things_.end() && at->second.alerts.contains(alert.fingerprint);
  if (!known && count_ >= static_cast<size_t>(config_.max_alerts)) {
    ++refused_total_;
    return {};
  }
  Thing& thing = things_[key];
  const bool opened = thing.alerts.empty();
  if (opened) thing.id = IdOf(key.first, key.second, told.from_ns);
  const uint32_t before = opened ? 0 : WorstOf(thing.alerts).severity;
  const std::string text = opened ? "" : WorstOf(thing.alerts).summary;
  if (!known) ++count_;
  told.finding_id = thing.id;
  thing.alerts[alert.fingerprint] = std::move(told);
  if (opened) return {FindingOf(key, thing, sdk::FindingState::kOpen, now_ns)};
  const FiringAlert& worst = WorstOf(thing.alerts);
  if (known && worst.severity == before && worst.summary == text) return {};
  return {FindingOf(key, thing, sdk::FindingState::kUpdate, now_ns)};
}

std::vector<sdk::Finding> AlertBook::Forget(int64_t now_ns) {
  std::vector<sdk::Finding> out;
  if (config_.forget_after.ns == 0) return out;
  for (auto at = things_.begin(); at != things_.end();) {
    auto& alerts = at->second.alerts;
    const bool over = std::all_of(alerts.begin(), alerts.end(), [&](const auto& entry) {
      return now_ns - entry.second.seen_ns > config_.forget_after.ns;
    });
    if (!over) {
      ++at;
      continue;
    }
    sdk::Finding& clear =
        out.emplace_back(FindingOf(at->first, at->second, sdk::FindingState::kClear, now_ns));
    clear.annotations.Set("cleared", "not repeated");
    count_ -= alerts.size();
    at = things_.erase(at);
  }
  return out;
}

void AlertBook::Restore(FiringAlert alert) {
  Thing& thing = things_[{alert.name, alert.target}];
  if (thing.alerts.contains(alert.fingerprint)) return;
  ++count_;
  thing.alerts.emplace(alert.fingerprint, alert);
  thing.id = alert.finding_id;
  if (thing.id != 0) return;
  // As older versions made it when the first of them came.
  int64_t from_ns = alert.from_ns;
  for (const auto& [fingerprint, other] : thing.alerts) from_ns = std::min(from_ns, other.from_ns);
  thing.id = IdOf(alert.name, alert.target, from_ns);
}

std::vector<FiringAlert> AlertBook::All() const {
  std::vector<FiringAlert> all;
  for (const auto& [key, thing] : things_)
    for (const auto& [fingerprint, alert] : thing.alerts) all.push_back(alert);
  return all;
}

std::vector<sdk::Finding> AlertBook::Open(int64_t now_ns) const {
  std::vector<sdk::Finding> out;
  for (const auto& [key, thing] : things_)
    out.push_back(FindingOf(key, thing, sdk::FindingState::kUpdate, now_ns));
  return out;
}

sdk::Finding AlertBook::FindingOf(const Key& key, const Thing& thing, sdk::FindingState state,
                                  int64_t now_ns) const {
  const FiringAlert& worst = WorstOf(thing.alerts);
  sdk::Finding finding;
  finding.state = state;
  finding.id = thing.id;
  finding.metric = key.first;
  finding.target = key.second;
  finding.severity = state == sdk::FindingState::kClear
                         ? sdk::Severity::kNormal
                         : static_cast<sdk::Severity>(worst.severity);
  finding.summary = worst.summary;
  finding.confidence = 1;
  finding.score = worst.severity;
  finding.began_ns = worst.from_ns;
  for (const auto& [fingerprint, alert] : thing.alerts)
    finding.began_ns = std::min(finding.began_ns, alert.from_ns);
  // Alertmanager says a time to come of an alert of which it only knows when it will end.
  finding.began_ns = std::min(finding.began_ns, now_ns);
  finding.ts_ns = now_ns;
  finding.count = thing.alerts.size();
  finding.annotations.Set("fingerprint", worst.fingerprint);
  if (!worst.url.empty()) finding.annotations.Set("source", worst.url);
  return finding;
}

}  // namespace heald::alertmanager
