// What baseline says: findings with their causes, expected range and end.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "heald/unit.h"
#include "plugins/detectors/baseline/detector.h"

namespace heald::baseline {

namespace {

constexpr size_t kCauses = 5;  // named in a finding
constexpr size_t kLeads = 3;
constexpr double kLeadShare = 0.2;  // of the first cause's share
constexpr size_t kRecent = 20;
// Half the width of the expected range, in deviations.
constexpr double kReach = 4;

// Cantelli's inequality, which holds for any distribution, less what few samples can say.
double Confidence(double score, uint32_t samples) {
  const double known = static_cast<double>(samples) / (static_cast<double>(samples) + 10);
  return score * score / (1 + score * score) * known;
}

}  // namespace

std::vector<Detector::Cause> Detector::CausesOf(const Entity& entity, heald_series alone) const {
  std::vector<Cause> causes;
  if (!entity.grouped) {
    if (const Member* member = members_.Find(alone)) causes.push_back({alone, member, 1});
    return causes;
  }
  for (const heald_series series : entity.group()->members)
    if (const Member* member = members_.Find(series); member != nullptr && member->last_ns != 0)
      causes.push_back({series, member, member->smoothed});
  const size_t named = std::min(kCauses, causes.size());
  std::partial_sort(causes.begin(), causes.begin() + static_cast<std::ptrdiff_t>(named),
                    causes.end(), [](const Cause& a, const Cause& b) { return a.share > b.share; });
  causes.resize(named);
  double sum = 0;
  for (const Cause& cause : causes) sum += cause.share;
  for (Cause& cause : causes)
    cause.share = sum > 0 ? cause.share / sum : 1 / static_cast<double>(named);
  return causes;
}

// A metric that the entity has several times is told apart by the labels that differ.
std::vector<sdk::Contributor> Detector::Because(const std::vector<Cause>& causes,
                                                const sdk::LabelSet& target) const {
  std::vector<sdk::Contributor> contributors;
  for (const Cause& cause : causes) {
    const sdk::LabelSet labels = host_.LabelsOf(cause.series);
    std::string name(labels.Get("__name__"));
    std::string rest;
    for (const sdk::Label& label : labels.items())
      if (label.first != "__name__" && target.Get(label.first) != label.second)
        rest += (rest.empty() ? "" : ",") + label.first + "=" + label.second;
    if (!rest.empty()) name += "{" + rest + "}";
    contributors.push_back({std::move(name), cause.share, cause.member->value,
                            cause.member->series.Expected(habits_, cause.member->last_ns)});
  }
  return contributors;
}

// As it was before the sample that is unusual, of which a young series has already learnt.
Lead Detector::LeadOf(const Cause& cause) const {
  const Member& member = *cause.member;
  const Series before = member.series.WithoutLatest(habits_);
  const double expected = before.Expected(habits_, member.last_ns);
  const double deviation = before.Deviation(habits_);
  const double reach = kReach * deviation;
  constexpr double kOpenEnd = std::numeric_limits<double>::quiet_NaN();
  // What never was below zero isn't expected there.
  const double low = before.Lowest() >= 0 ? std::max(expected - reach, 0.0) : expected - reach;
  Lead lead = {.series = cause.series,
               .expected = expected,
               .deviation = deviation,
               .low = config_.direction == Direction::kAbove ? kOpenEnd : low,
               .high = config_.direction == Direction::kBelow ? kOpenEnd : expected + reach};
  lead.inside = !lead.Out(member.value);
  return lead;
}

// Tells the first lead that is still out of what was expected of it.
const Lead* Detector::Told(const OpenFinding& open) const {
  const Lead* told = nullptr;
  for (const Lead& lead : open.leads) {
    const Member* const member = members_.Find(lead.series);
    if (member == nullptr) continue;
    if (lead.Out(member->value)) return &lead;
    if (told == nullptr) told = &lead;
  }
  return told;
}

void Detector::Fill(const Entity& entity, const std::vector<Cause>& causes,
                    OpenFinding& open) const {
  const Lead* const told = Told(open);
  if (causes.empty() || told == nullptr) return;
  sdk::Finding& finding = open.finding;
  const Member& member = *members_.Find(told->series);
  const sdk::LabelSet labels = host_.LabelsOf(told->series);
  // The values of one series: another one that has come to lead starts its own row.
  if (finding.series != told->series) finding.recent.clear();
  if (finding.recent.size() >= kRecent) finding.recent.erase(finding.recent.begin());
  finding.recent.push_back(member.value);
  finding.series = told->series;
  finding.metric = labels.Get("__name__");
  finding.unit = config_.unit.empty() ? sdk::GuessUnit(finding.metric) : config_.unit;
  if (entity.grouped) {
    finding.target = entity.group()->target;
  } else {
    finding.target = labels;
    finding.target.Remove("__name__");
  }
  finding.contributors = Because(causes, finding.target);
  finding.value = member.value;
  finding.expected_low = told->low;
  finding.expected_high = told->high;
  finding.ts_ns = member.last_ns;
  finding.score = entity.judge.score();
  finding.confidence = Confidence(finding.score, entity.judge.count());
}

void Detector::Report(Entity& entity, heald_series alone, const sdk::Sink& sink) {
  const bool opens = entity.open == nullptr;
  const std::vector<Cause> causes = CausesOf(entity, alone);
  if (causes.empty()) return;
  if (opens) {
    entity.open = std::make_unique<OpenFinding>();
    entity.open->finding.id = next_id_++;
    entity.open->finding.began_ns = entity.judge.began_ns();
  }
  OpenFinding& open = *entity.open;
  sdk::Finding& finding = open.finding;
  if (open.leads.empty())
    for (const Cause& cause : causes)
      if (open.leads.size() < kLeads && cause.share >= kLeadShare * causes.front().share)
        open.leads.push_back(LeadOf(cause));
  const double times = entity.judge.score() / RulesFor(entity.Alone()).threshold;
  const sdk::Severity severity =
      times >= config_.critical_at ? sdk::Severity::kCritical : sdk::Severity::kWarning;
  Fill(entity, causes, open);
  const bool worse = severity > finding.severity;
  if (!worse && finding.ts_ns - open.sent_ns < config_.update_interval.ns) return;
  // A finding whose score falls is as bad as before until it is over or an update is due.
  finding.severity = severity;
  finding.state = opens ? sdk::FindingState::kOpen : sdk::FindingState::kUpdate;
  sink.Emit(finding);
  open.sent_ns = finding.ts_ns;
}

std::string Detector::Rebaseline(Entity& entity, heald_series alone) {
  std::string moved;
  for (const Cause& cause : CausesOf(entity, alone)) {
    Member& member = *members_.Find(cause.series);
    const Series& series = member.series;
    if (series.Within(habits_, member.last_ns, kReach) || !series.Settled()) continue;
    const sdk::LabelSet labels = host_.LabelsOf(cause.series);
    const std::string unit = sdk::GuessUnit(std::string(labels.Get("__name__")));
    moved += (moved.empty() ? "" : "; ") + std::string(labels.Get("__name__")) + " from " +
             sdk::FormatValue(series.Expected(habits_, member.last_ns), unit) + " to " +
             sdk::FormatValue(series.Level(), unit);
    member.series.Rebaseline();
  }
  const std::string after = sdk::detail::DurationText(config_.max_hold.ns);
  if (moved.empty())
    return "re-baselined: still unusual after " + after +
           ", so it counts as usual until it gets worse; this is no recovery";
  return "re-baselined: settled at another level (" + moved + ") for " + after +
         ", which is usual from now on; this is no recovery";
}

void Detector::Close(Entity& entity, sdk::Cleared why, std::string summary, const sdk::Sink& sink) {
  entity.judge.Close();
  if (entity.open == nullptr) return;
  sdk::Finding& finding = entity.open->finding;
  finding.state = sdk::FindingState::kClear;
  finding.severity = sdk::Severity::kNormal;
  finding.summary = std::move(summary);
  finding.annotations.Set(sdk::kClearedBecause, sdk::ToString(why));
  sink.Emit(finding);
  entity.open.reset();
}

}  // namespace heald::baseline
