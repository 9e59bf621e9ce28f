#include "core/remedy/hints.h"

#include <algorithm>
#include <cstdio>

#include "core/base/units.h"
#include "core/store/json.h"

namespace heald::remedy {
namespace {

constexpr size_t kMaxChanges = 200;
constexpr size_t kMaxTold = 4;
constexpr int64_t kBeforeNs = 10 * kMinute;
constexpr double kMinShare = 0.05;

std::string Signal(const Finding& finding) {
  return finding.metric.empty() ? finding.summary : finding.metric;
}

// As another detector may see it. No cause of itself.
bool SameSignal(const Finding& a, const Finding& b) {
  return Signal(a) == Signal(b) && a.target == b.target;
}

// With the target's name where the signal's alone doesn't tell the two apart.
std::string Signal(const Finding& finding, const Finding& beside) {
  const std::string signal = Signal(finding);
  return signal == Signal(beside) ? signal + " of " + TargetName(finding.target) : signal;
}

}  // namespace

std::vector<Hint> HintsOf(const std::vector<AuditEvent>& events) {
  std::vector<Hint> hints;
  for (const AuditEvent& event : events) {
    if (event.kind != kHintEvent) continue;
    const Json detail = Json::parse(event.detail, nullptr, false);
    if (!detail.is_object()) continue;
    hints.push_back({detail.value("at_ns", event.ts_ns), detail.value("text", "")});
  }
  std::stable_sort(hints.begin(), hints.end(),
                   [](const Hint& a, const Hint& b) { return a.ts_ns < b.ts_ns; });
  return hints;
}

std::optional<Hint> OrderHint(const std::vector<Finding>& before, const Finding& finding) {
  const Finding* first = nullptr;
  for (const Finding& other : before)
    if (other.id != finding.id && other.began_ns != 0 && !SameSignal(other, finding) &&
        (first == nullptr || other.began_ns < first->began_ns))
      first = &other;
  if (first == nullptr || finding.began_ns == 0) return std::nullopt;
  const int64_t apart_ns = finding.began_ns - first->began_ns;
  const std::string apart = FormatElapsed(apart_ns < 0 ? -apart_ns : apart_ns);
  if (apart_ns < 0)
    return Hint{finding.began_ns, Signal(finding, *first) + " deviated first, " + apart +
                                      " before " + Signal(*first, finding)};
  if (apart_ns == 0)
    return Hint{finding.began_ns,
                Signal(finding, *first) + " deviated together with " + Signal(*first, finding)};
  return Hint{finding.began_ns,
              Signal(finding, *first) + " followed " + apart + " after " + Signal(*first, finding)};
}

std::optional<Hint> ContributorsHint(const Finding& finding) {
  std::string shares;
  for (const Contributor& contributor : finding.contributors) {
    if (contributor.name == finding.metric || contributor.share < kMinShare) continue;
    char text[32];
    std::snprintf(text, sizeof text, " %.0f %%", contributor.share * 100);
    shares += (shares.empty() ? "" : ", ") + contributor.name + text;
  }
  if (shares.empty()) return std::nullopt;
  return Hint{finding.began_ns != 0 ? finding.began_ns : finding.ts_ns,
              Signal(finding) + " of " + TargetName(finding.target) + ": " + shares};
}

void Changes::Keep(Change change) {
  const auto at =
      std::upper_bound(changes_.begin(), changes_.end(), change.ts_ns,
                       [](int64_t ts_ns, const Change& other) { return ts_ns < other.ts_ns; });
  changes_.insert(at, std::move(change));
  if (changes_.size() > kMaxChanges) changes_.pop_front();
}

void Changes::Add(const AuditEvent& event, const Labels& target) {
  // What only holds heald or its notices back makes nothing sick.
  constexpr std::string_view kKinds[] = {"policies.loaded", "policy", "execution.issued"};
  if (std::find(std::begin(kKinds), std::end(kKinds), event.kind) == std::end(kKinds)) return;
  const Json detail = Json::parse(event.detail, nullptr, false);
  std::string text = detail.is_object() ? detail.value("text", "") : "";
  if (text.ends_with(" …")) text.resize(text.size() - std::string_view(" …").size());
  const bool own = event.kind == "execution.issued";
  if (own) text = "heald did: " + text;
  if (event.kind == "policies.loaded") text += " by " + event.actor;
  Keep({event.ts_ns, std::move(text), own ? target : Labels()});
}

void Changes::Add(const Finding& event, const Labels& target) {
  Keep({event.began_ns != 0 ? event.began_ns : event.ts_ns,
        TargetName(event.target) + ": " + (event.summary.empty() ? Signal(event) : event.summary),
        target});
}

std::vector<Hint> Changes::Before(int64_t began_ns, int64_t now_ns, const Labels& target) const {
  std::vector<Hint> hints;
  for (auto at = changes_.rbegin(); at != changes_.rend() && hints.size() < kMaxTold; ++at) {
    if (at->ts_ns > now_ns || at->ts_ns < began_ns - kBeforeNs) continue;
    // What was done to a part of the target, or to all that it is a part of.
    if (!at->target.Includes(target) && !target.Includes(at->target)) continue;
    const int64_t apart_ns = began_ns - at->ts_ns;
    hints.push_back({at->ts_ns, (apart_ns >= 0 ? FormatElapsed(apart_ns) + " before: "
                                               : FormatElapsed(-apart_ns) + " after it began: ") +
                                    at->text});
  }
  return hints;
}

}  // namespace heald::remedy
