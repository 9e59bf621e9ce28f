#include "core/remedy/efficacy.h"

#include <algorithm>
#include <cmath>

#include "core/base/units.h"

namespace heald::remedy {
namespace {

constexpr size_t kRemembered = 100;  // of a policy: the most that `demote` asks for

}  // namespace

int64_t Quantile(std::vector<int64_t>* values, double q) {
  if (values->empty()) return 0;
  const auto rank =
      static_cast<size_t>(std::max(0.0, std::ceil(q * static_cast<double>(values->size())) - 1));
  const auto at = values->begin() + static_cast<std::ptrdiff_t>(std::min(rank, values->size() - 1));
  std::nth_element(values->begin(), at, values->end());
  return *at;
}

Result<std::map<std::string, PolicyEfficacy, std::less<>>> ReadEfficacy(
    HistoryReader* history, int64_t since_ns,
    const std::function<bool(std::string_view action)>& tells) {
  std::map<std::string, PolicyEfficacy, std::less<>> policies;
  const auto of = [&](std::string_view name) -> PolicyEfficacy& {
    auto at = policies.find(name);
    if (at == policies.end()) {
      at = policies.emplace(name, PolicyEfficacy()).first;
      at->second.policy = name;
    }
    return at->second;
  };
  std::map<std::string, std::vector<int64_t>, std::less<>> recovered;
  Status status = history->EachExecution(since_ns, [&](const ExecutionRow& row) {
    if (row.issued_ns == 0 || tells(row.action)) return;
    PolicyEfficacy& policy = of(row.policy);
    ++policy.attempts;
    if (row.proof == Proof::kDidNotLast) ++policy.failed;
    if (row.proof != Proof::kPlain) return;
    policy.verified += row.state == ExecutionState::kVerified;
    policy.failed += row.state == ExecutionState::kFailed;
    policy.undone += row.state == ExecutionState::kUndone;
    if (row.state == ExecutionState::kVerified)
      recovered[policy.policy].push_back(std::max<int64_t>(row.ended_ns - row.began_ns, 0));
  });
  if (!status) return status.error();
  Result<std::vector<DecisionCount>> decisions = history->DecisionCounts(since_ns);
  if (!decisions) return decisions.error();
  for (const DecisionCount& count : *decisions) {
    PolicyEfficacy& policy = of(count.policy);
    if (count.verdict == DecisionVerdict::kRefused) policy.refused = count.count;
    if (count.verdict == DecisionVerdict::kWouldAct) policy.would_act = count.count;
  }
  std::map<std::string, std::vector<int64_t>, std::less<>> cleared;
  status = history->EachCleared(since_ns, [&](const ClearedRow& row) {
    PolicyEfficacy& policy = of(row.policy);
    ++policy.cleared_by_itself;
    policy.cleared_in_shadow += row.shadow;
    cleared[policy.policy].push_back(row.after_ns);
  });
  if (!status) return status.error();
  for (auto& [name, policy] : policies) {
    const uint64_t ended = policy.verified + policy.failed + policy.undone;
    if (ended != 0)
      policy.success_ratio = static_cast<double>(policy.verified) / static_cast<double>(ended);
    policy.recover_median_ns = Quantile(&recovered[name], 0.5);
    policy.recover_p90_ns = Quantile(&recovered[name], 0.9);
    policy.cleared_median_ns = Quantile(&cleared[name], 0.5);
  }
  return policies;
}

Result<std::vector<ForecastScore>> ReadForecastScores(HistoryReader* history, int64_t since_ns) {
  struct Sums {
    ForecastScore score;
    double squared_error = 0;
    std::vector<int64_t> leads_ns;
  };
  std::map<std::string, Sums, std::less<>> detectors;
  const Status status = history->EachForecast(since_ns, [&](const ForecastRow& row) {
    if (row.outcome == ForecastOutcome::kSuperseded) return;
    auto at = detectors.find(row.detector);
    if (at == detectors.end()) at = detectors.emplace(row.detector, Sums()).first;
    Sums& sums = at->second;
    const bool came_true = row.outcome == ForecastOutcome::kCameTrue;
    sums.score.came_true += came_true;
    sums.score.averted += row.outcome == ForecastOutcome::kAverted;
    sums.score.false_alarms += row.outcome == ForecastOutcome::kFalseAlarm;
    sums.score.undecidable += row.outcome == ForecastOutcome::kUndecidable;
    if (came_true) sums.leads_ns.push_back(row.happened_ns - row.made_ns);
    if (came_true || row.outcome == ForecastOutcome::kFalseAlarm) {
      const double error = row.probability - (came_true ? 1 : 0);
      sums.squared_error += error * error;
    }
  });
  if (!status) return status.error();
  std::vector<ForecastScore> scores;
  for (auto& [name, sums] : detectors) {
    ForecastScore& score = sums.score;
    score.detector = name;
    if (const auto decided = static_cast<double>(score.came_true + score.false_alarms);
        decided > 0) {
      score.precision_ratio = static_cast<double>(score.came_true) / decided;
      score.brier_score = sums.squared_error / decided;
    }
    score.lead_median_ns = Quantile(&sums.leads_ns, 0.5);
    scores.push_back(std::move(score));
  }
  return scores;
}

std::string Afterwards(const Decision& decision, const Incident& incident) {
  if (incident.closed_ns == 0 || incident.resolution != Resolution::kByItself) return {};
  if (decision.verdict == DecisionVerdict::kAct) return {};
  std::string text = "cleared by itself after " +
                     FormatElapsed(std::max<int64_t>(incident.closed_ns - decision.ts_ns, 0));
  if (decision.verdict == DecisionVerdict::kWouldAct) text += ": an action would have been noise";
  return text;
}

// ---- which keep failing -------------------------------------------------------------------------

std::string Failures::Setting(std::string_view policy) {
  return "failures_since." + std::string(policy);
}

void Failures::Load(std::string_view policy, std::vector<EndedExecution> ended) {
  std::deque<EndedExecution>& known = policies_[std::string(policy)];
  known.clear();
  for (auto at = ended.rbegin(); at != ended.rend(); ++at) Add(policy, *at);
}

bool Failures::Add(std::string_view policy, const EndedExecution& ended) {
  std::deque<EndedExecution>& known = policies_[std::string(policy)];
  // Told again with each word of its undo.
  for (EndedExecution& before : known) {
    if (before.incident != ended.incident || before.ended_ns != ended.ended_ns) continue;
    const bool news = before.did_not_last != ended.did_not_last;
    if (news) before = ended;
    return news;
  }
  const auto latest = std::find_if(known.rbegin(), known.rend(), [&](const EndedExecution& before) {
    return before.incident == ended.incident;
  });
  if (latest != known.rend() && latest->failed && latest->step < ended.step)
    known.erase(std::prev(latest.base()));
  if (!ended.failed)
    for (EndedExecution& before : known)
      if (before.incident == ended.incident && !before.did_not_last) before.failed = false;
  known.push_back(ended);
  if (known.size() > kRemembered) known.pop_front();
  return true;
}

void Failures::Conclude(std::string_view policy, uint64_t incident) {
  const auto at = policies_.find(policy);
  if (at == policies_.end()) return;
  for (EndedExecution& one : at->second)
    if (one.incident == incident) one.goes_on = false;
}

Failures::Counted Failures::Latest(std::string_view policy, uint64_t of) const {
  Counted counted;
  const auto at = policies_.find(policy);
  if (at == policies_.end()) return counted;
  for (auto one = at->second.rbegin(); one != at->second.rend() && counted.known < of; ++one) {
    if (one->goes_on) continue;
    ++counted.known;
    counted.failed += one->failed;
  }
  return counted;
}

uint64_t Failures::Failed(std::string_view policy, uint64_t of) const {
  return Latest(policy, of).failed;
}

uint64_t Failures::Known(std::string_view policy, uint64_t of) const {
  return Latest(policy, of).known;
}

}  // namespace heald::remedy
