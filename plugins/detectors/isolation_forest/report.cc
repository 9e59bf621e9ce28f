// What isolation_forest says: findings with their causes, expected range and end.
#include <algorithm>
#include <utility>

#include "heald/unit.h"
#include "plugins/detectors/isolation_forest/detector.h"

namespace heald::isolation_forest {

namespace {

constexpr size_t kCauses = 5;  // named in a finding
constexpr size_t kRecent = 20;

}  // namespace

// Of the moment that was judged last.
std::vector<Detector::Cause> Detector::CausesOf(Entity& entity) {
  std::vector<Cause> causes;
  for (size_t i = 0; i < credit_.size(); ++i)
    if (credit_[i] > 0 && entity.columns[i].series != HEALD_SERIES_NONE)
      causes.push_back({i, credit_[i]});
  std::stable_sort(causes.begin(), causes.end(),
                   [](const Cause& a, const Cause& b) { return a.share > b.share; });
  if (causes.size() > kCauses) causes.resize(kCauses);
  double sum = 0;
  for (const Cause& cause : causes) sum += cause.share;
  for (Cause& cause : causes) cause.share /= sum;
  return causes;
}

// A metric that the entity has several times is told apart by the labels that differ.
std::vector<sdk::Contributor> Detector::Because(const Entity& entity,
                                                const std::vector<Cause>& causes) const {
  std::vector<sdk::Contributor> contributors;
  for (const Cause& cause : causes) {
    const Column& column = entity.columns[cause.column];
    const sdk::LabelSet labels = host_.LabelsOf(column.series);
    std::string name(labels.Get("__name__"));
    std::string rest;
    for (const sdk::Label& label : labels.items())
      if (label.first != "__name__" && entity.target.Get(label.first) != label.second)
        rest += (rest.empty() ? "" : ",") + label.first + "=" + label.second;
    if (!rest.empty()) name += "{" + rest + "}";
    const Model::Usual* const usual = entity.model.UsualOf(cause.column * kAspects);
    contributors.push_back({std::move(name), cause.share, column.last,
                            usual != nullptr ? column.Outside(usual->middle) : sdk::kUnknown});
  }
  return contributors;
}

void Detector::Fill(Entity& entity, const std::vector<Cause>& causes, sdk::Finding& finding) const {
  finding.ts_ns = entity.ts_ns;
  finding.score = entity.judge.score();
  finding.confidence = agree_;
  if (causes.empty()) return;
  const Column& column = entity.columns[causes.front().column];
  const sdk::LabelSet labels = host_.LabelsOf(column.series);
  if (finding.series != column.series) finding.recent.clear();
  finding.series = column.series;
  finding.metric = labels.Get("__name__");
  finding.unit = sdk::GuessUnit(finding.metric);
  finding.target = entity.target;
  finding.contributors = Because(entity, causes);
  finding.value = column.last;
  if (const Model::Usual* const usual = entity.model.UsualOf(causes.front().column * kAspects)) {
    finding.expected_low = column.Outside(usual->low);
    finding.expected_high = column.Outside(usual->high);
  }
}

void Detector::Report(Entity& entity, const sdk::Sink& sink) {
  const bool opens = entity.open == nullptr;
  const std::vector<Cause> causes = CausesOf(entity);
  if (opens && causes.empty()) return;
  if (opens) {
    entity.open = std::make_unique<OpenFinding>();
    entity.open->finding.id = next_id_++;
    entity.open->finding.began_ns = entity.judge.began_ns();
  }
  OpenFinding& open = *entity.open;
  sdk::Finding& finding = open.finding;
  Fill(entity, causes, finding);
  // The values of one series: another one that has come to lead starts its own row.
  if (finding.recent.size() >= kRecent) finding.recent.erase(finding.recent.begin());
  finding.recent.push_back(finding.value);
  const sdk::Severity severity = entity.judge.score() >= LimitsFor(entity.model).critical
                                     ? sdk::Severity::kCritical
                                     : sdk::Severity::kWarning;
  const bool worse = severity > finding.severity;
  if (!worse && finding.ts_ns - open.sent_ns < config_.update_interval.ns) return;
  finding.severity = severity;
  finding.state = opens ? sdk::FindingState::kOpen : sdk::FindingState::kUpdate;
  sink.Emit(finding);
  open.sent_ns = finding.ts_ns;
}

void Detector::Close(Entity& entity, sdk::Cleared why, std::string summary, const sdk::Sink& sink) {
  entity.judge.Close();
  entity.model.Release();
  if (entity.open == nullptr) return;
  sdk::Finding& finding = entity.open->finding;
  finding.state = sdk::FindingState::kClear;
  finding.severity = sdk::Severity::kNormal;
  finding.summary = std::move(summary);
  finding.annotations.Set(sdk::kClearedBecause, sdk::ToString(why));
  sink.Emit(finding);
  entity.open.reset();
}

}  // namespace heald::isolation_forest
