#include "core/remedy/report.h"

#include <algorithm>
#include <unordered_map>

#include "core/base/units.h"
#include "core/remedy/efficacy.h"
#include "core/store/json.h"

namespace heald::remedy {
namespace {

constexpr int64_t kWeekNs = 7 * kDay;

int64_t MondayOf(int64_t ns) {
  constexpr int64_t kThursday = 3 * kDay;  // 1970 began with one
  return ns - (ns + kThursday) % kWeekNs;
}

class Tally {
 public:
  void Add(const IncidentRow& row) {
    ++figures_.incidents;
    const bool ended = row.closed_ns != 0;
    figures_.open += !ended;
    figures_.by_itself += row.resolution == Resolution::kByItself;
    figures_.after_failure += row.resolution == Resolution::kAfterFailure;
    figures_.needed_person += row.needed_person;
    // What was nothing was neither healed nor would anybody have had to be called for it.
    const bool real = row.label != "false_positive" && row.label != "noise";
    const bool healed = row.resolution == Resolution::kHealed && real;
    figures_.healed += healed;
    figures_.avoided_pages += healed && !row.needed_person;
    real_ended_ += ended && real;
    figures_.false_positives += row.label == "false_positive";
    figures_.labelled += !row.label.empty();
    if (ended && real) took_ns_.push_back(std::max<int64_t>(row.closed_ns - row.began_ns, 0));
  }

  Figures Done() {
    if (real_ended_ != 0)
      figures_.healed_ratio =
          static_cast<double>(figures_.healed) / static_cast<double>(real_ended_);
    double sum_ns = 0;
    for (const int64_t ns : took_ns_) sum_ns += static_cast<double>(ns);
    if (!took_ns_.empty())
      figures_.mttr_mean_ns = static_cast<int64_t>(sum_ns / static_cast<double>(took_ns_.size()));
    figures_.mttr_median_ns = Quantile(&took_ns_, 0.5);
    return figures_;
  }

 private:
  Figures figures_;
  uint64_t real_ended_ = 0;
  std::vector<int64_t> took_ns_;
};

struct TextHash : std::hash<std::string_view> {
  using is_transparent = void;
};
using Tallies = std::unordered_map<std::string, Tally, TextHash, std::equal_to<>>;

void AddTo(Tallies* tallies, std::string_view name, const IncidentRow& row) {
  auto at = tallies->find(name);
  if (at == tallies->end()) at = tallies->emplace(name, Tally()).first;
  at->second.Add(row);
}

std::vector<NamedFigures> Sorted(Tallies tallies, size_t most) {
  std::vector<NamedFigures> out;
  for (auto& [name, tally] : tallies) out.push_back({name, tally.Done()});
  std::sort(out.begin(), out.end(), [](const NamedFigures& a, const NamedFigures& b) {
    return a.figures.incidents != b.figures.incidents ? a.figures.incidents > b.figures.incidents
                                                      : a.name < b.name;
  });
  if (out.size() > most) out.resize(most);
  return out;
}

}  // namespace

Result<WeeklyReport> ReadWeekly(HistoryReader* history, int weeks, int64_t now_ns) {
  weeks = std::clamp(weeks, 1, kMostWeeks);
  const int64_t first_ns = MondayOf(now_ns) - (weeks - 1) * kWeekNs;
  std::vector<Tally> by_week(static_cast<size_t>(weeks));
  Tally total;
  Tallies policies;
  Tallies targets;
  const Status status = history->EachIncident(first_ns, [&](const IncidentRow& row) {
    const auto week = static_cast<size_t>((row.opened_ns - first_ns) / kWeekNs);
    if (week >= by_week.size()) return;  // by a clock that was ahead
    by_week[week].Add(row);
    total.Add(row);
    if (!row.healed_by.empty()) AddTo(&policies, row.healed_by, row);
    AddTo(&targets, row.target, row);
  });
  if (!status) return status.error();
  WeeklyReport report;
  report.now_ns = now_ns;
  for (size_t i = by_week.size(); i-- > 0;) {
    Week& week = report.weeks.emplace_back();
    week.from_ns = first_ns + static_cast<int64_t>(i) * kWeekNs;
    week.to_ns = std::min(week.from_ns + kWeekNs, now_ns);
    week.figures = by_week[i].Done();
  }
  report.total = total.Done();
  report.policies = Sorted(std::move(policies), SIZE_MAX);
  report.targets = Sorted(std::move(targets), kReportTargets);
  for (NamedFigures& target : report.targets)
    if (const Result<Labels> labels = LabelsFromJson(target.name))
      target.name = TargetName(*labels);
  return report;
}

Result<Figures> ReadFigures(HistoryReader* history, int64_t since_ns) {
  Tally tally;
  const Status status =
      history->EachIncident(since_ns, [&](const IncidentRow& row) { tally.Add(row); });
  if (!status) return status.error();
  return tally.Done();
}

}  // namespace heald::remedy
