#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "heald/clock_step.h"
#include "plugins/detectors/isolation_forest/detector.h"

namespace heald::isolation_forest {

namespace {

// What is known of the unrest of one of its columns.
const Model::Usual* UnrestOf(const Entity& entity, const Column& column) {
  const auto at = static_cast<size_t>(&column - entity.columns.data());
  return entity.model.UsualOf(at * kAspects + 1);
}

}  // namespace

void Detector::Validate(const Config& config, sdk::Problems& problems) {
  if (config.thresholds.critical < config.thresholds.warning)
    problems.Add("/thresholds/critical",
                 "'critical' is below 'warning': set it to at least that, or lower 'warning'");
  const auto check = [&](const std::vector<std::string>& names, const std::string& key) {
    std::set<std::string> seen;
    for (size_t i = 0; i < names.size(); ++i) {
      const std::string at = "/" + key + "/" + std::to_string(i);
      if (names[i].empty())
        problems.Add(at, "is empty: name one or leave it out");
      else if (!seen.insert(names[i]).second)
        problems.Add(at, "'" + names[i] + "' is listed twice");
    }
  };
  check(config.group_by, "group_by");
  check(config.features, "features");
}

Detector::Detector(sdk::Host host, const Config& config)
    : host_(host),
      config_(config),
      rules_{.trees = static_cast<uint32_t>(config.n_estimators),
             .samples = static_cast<uint32_t>(config.max_samples),
             .min_samples = static_cast<size_t>(config.min_samples),
             .half_life = static_cast<double>(config.half_life),
             .refit_interval_ns = config.refit_interval.ns,
             .contamination =
                 config.contamination ? std::optional(config.contamination->value) : std::nullopt},
      skipped_(host.Counter("samples_skipped_total",
                            "Samples left out: NaN, infinite at the start, or not later than the "
                            "one before")),
      rebaselined_(host.Counter("rebaselined_total",
                                "Findings that lasted max_hold, so what they showed became usual")),
      learning_(host.Gauge("learning_series", "Series that are not judged yet")),
      left_out_(host.Counter("samples_left_out_total",
                             "Samples beyond max_series, max_entities or max_features")),
      fitted_(host.Counter("forests_total", "Forests grown")) {}

void Detector::Feed(const sdk::Samples& samples, sdk::Sink& sink, sdk::Scores* scores) {
  const auto series = samples.series();
  const auto ts_ns = samples.ts_ns();
  const auto values = samples.values();
  const int64_t now_ns = host_.NowNs();
  uint64_t skipped = 0;
  uint64_t left_out = 0;
  touched_.clear();  // a call that failed may have left some
  for (size_t i = 0; i < samples.size(); ++i) {
    const Member* const member = Seat(series[i], sink);
    if (member == nullptr || member->entity == nullptr) {
      left_out += member == nullptr || !member->unwanted ? 1 : 0;
      continue;
    }
    Entity& entity = *member->entity;
    Column& column = entity.columns[member->column];
    const bool fresh = column.last_ns == 0;
    if (sdk::ClockWentBack(column.last_ns, ts_ns[i], now_ns))
      column.last_ns = entity.ts_ns = sdk::kLongAgoNs;
    if (std::isnan(values[i]) || ts_ns[i] <= column.last_ns || (fresh && std::isinf(values[i]))) {
      ++skipped;
      continue;
    }
    // A series that reports twice says that the moment before is complete.
    if (entity.reported > 0 && column.moment == entity.moment) {
      entity.expected = entity.reported;
      Assess(entity, sink, scores);
    }
    if (entity.reported == 0) touched_.push_back(&entity);
    Take(entity, column, ts_ns[i], values[i], sink);
  }
  for (Entity* entity : touched_) {
    // Scrapes come whole; where a moment comes in parts, it is judged when the next one begins.
    if (entity->reported > 0 && (scores != nullptr || entity->reported >= entity->expected))
      Assess(*entity, sink, scores);
  }
  if (skipped != 0) skipped_.Record(static_cast<double>(skipped));
  if (left_out != 0) left_out_.Record(static_cast<double>(left_out));
}

void Detector::Take(Entity& entity, Column& column, int64_t ts_ns, double value,
                    const sdk::Sink& sink) {
  if (ts_ns - entity.ts_ns > config_.max_gap.ns) {
    if (entity.open != nullptr)
      Close(entity, sdk::Cleared::kGap, sdk::GapSummary(config_.max_gap), sink);
    entity.judge.Resume();
  }
  const bool resumed = ts_ns - column.last_ns > config_.max_gap.ns;
  if (resumed)
    if (const Model::Usual* unrest = UnrestOf(entity, column)) column.Rest(unrest->middle);
  column.Next(ts_ns, value, resumed);
  column.moment = entity.moment;
  ++entity.reported;
  entity.ts_ns = std::max(entity.ts_ns, ts_ns);
}

Limits Detector::LimitsFor(const Model& model) const {
  // Not just below the threshold, and not as quiet as it mostly is either.
  constexpr double kBack = 0.25;
  const double warning = config_.contamination ? model.unusual() : config_.thresholds.warning;
  return {.warning = warning,
          .critical = std::max(config_.thresholds.critical, warning),
          .clear = warning - kBack * std::max(0.0, warning - model.typical()),
          .clear_after = config_.clear_after,
          .max_hold_ns = config_.max_hold.ns};
}

void Detector::FillRow(const Entity& entity) {
  row_.assign(entity.columns.size() * kAspects, std::numeric_limits<float>::quiet_NaN());
  for (size_t i = 0; i < entity.columns.size(); ++i) {
    const Column& column = entity.columns[i];
    if (column.last_ns == 0 || entity.ts_ns - column.last_ns > config_.stale_after.ns) continue;
    row_[i * kAspects] = column.inside();
    row_[i * kAspects + 1] = column.unrest();
  }
}

std::optional<Strayed> Detector::StrayedOf(const Entity& entity) {
  if (entity.open == nullptr) return std::nullopt;
  const sdk::Finding& finding = entity.open->finding;
  const auto told =
      std::find_if(entity.columns.begin(), entity.columns.end(),
                   [&](const Column& column) { return column.series == finding.series; });
  if (told == entity.columns.end()) return std::nullopt;
  // Of a healthy series' samples 2 % are out; what is further out than the range is wide is none.
  const double width = finding.expected_high - finding.expected_low;
  const Strayed strayed{told->identity, finding.expected_low - width, finding.expected_high + width,
                        entity.ts_ns};
  return strayed.IsOut(*told) ? std::optional(strayed) : std::nullopt;
}

void Detector::Assess(Entity& entity, const sdk::Sink& sink, sdk::Scores* scores) {
  entity.reported = 0;
  ++entity.moment;
  FillRow(entity);
  Step step = Step::kNormal;
  if (const std::optional<double> score = entity.model.Score(row_)) {
    step = entity.judge.Next(LimitsFor(entity.model), entity.ts_ns, *score);
    const bool raised = entity.judge.began_ns() != 0;
    if ((scores != nullptr && raised) || step != Step::kNormal) {
      credit_.assign(entity.columns.size(), 0);
      agree_ = entity.model.Attribute(row_, credit_);
    }
    if (scores != nullptr)
      scores->Add(entity.alone ? entity.columns.front().series : HEALD_SERIES_NONE, entity.ts_ns,
                  entity.judge.score(),
                  raised ? Because(entity, CausesOf(entity)) : std::vector<sdk::Contributor>());
  } else if (scores != nullptr && entity.model.Learning()) {
    scores->Add(entity.alone ? entity.columns.front().series : HEALD_SERIES_NONE, entity.ts_ns, 0);
  }
  switch (step) {
    case Step::kOpened:
    case Step::kOngoing:
    case Step::kRecovering:
      Report(entity, sink);
      break;
    case Step::kCleared:
      if (entity.open != nullptr) Fill(entity, CausesOf(entity), entity.open->finding);
      if (const auto strayed = StrayedOf(entity)) {
        if (!entity.strayed && entity.model.Young(rules_)) entity.strayed = strayed;
        Close(entity, sdk::Cleared::kRebaselined,
              "no longer rare as a whole, but " + entity.open->finding.metric +
                  " is still far out of its range; this is no recovery",
              sink);
      } else {
        Close(entity, sdk::Cleared::kNormal, "", sink);
      }
      break;
    case Step::kRebaselined:
      rebaselined_.Record(1);
      entity.strayed.reset();
      entity.model.Adopt();
      Close(entity, sdk::Cleared::kRebaselined,
            "re-baselined: still unusual after " + sdk::detail::DurationText(config_.max_hold.ns) +
                ", so what it shows counts as usual from now on; this is no recovery",
            sink);
      break;
    case Step::kNormal:
      break;
  }
  Learn(entity);
  if (entity.model.Due(rules_, entity.ts_ns)) Fit(entity);
}

// What a young model learnt while a value has strayed would make its return a fault.
void Detector::Learn(Entity& entity) {
  if (entity.strayed &&
      std::none_of(entity.columns.begin(), entity.columns.end(),
                   [&](const Column& column) { return entity.strayed->IsOut(column); })) {
    entity.strayed.reset();
    if (entity.open == nullptr) entity.model.Release();
  }
  if (entity.strayed && entity.open == nullptr &&
      entity.ts_ns - entity.strayed->since_ns >= config_.max_hold.ns) {
    entity.strayed.reset();
    entity.model.Adopt();
  }
  if (entity.open != nullptr || entity.strayed)
    entity.model.Hold(rules_, row_);
  else if (!entity.judge.Odd())
    entity.model.Learn(rules_, row_);
}

void Detector::Fit(Entity& entity) {
  RemoveGone(entity, entity.ts_ns - config_.max_gap.ns);
  entity.model.Fit(rules_, entity.ts_ns);
  for (size_t i = 0; i < entity.columns.size(); ++i)
    if (const Model::Usual* unrest = UnrestOf(entity, entity.columns[i]))
      entity.columns[i].Limit(unrest->greatest);
  fitted_.Record(1);
}

// The agent shows `learning` as long as this gauge of some detector isn't 0.
void Detector::Tick(int64_t now_ns, sdk::Sink& sink) {
  size_t learning = 0;
  for (auto at = entities_.begin(); at != entities_.end();) {
    const auto next = std::next(at);
    const Entity& entity = *at->second;
    if (!entity.Gone())
      learning += entity.model.Learning() ? entity.columns.size() : 0;
    else if (now_ns - entity.ts_ns > config_.max_gap.ns)
      Forget(at, sink);
    at = next;
  }
  learning_.Record(static_cast<double>(learning));
}

}  // namespace heald::isolation_forest

HEALD_PLUGIN("isolation_forest", "1.0.0", "heald", "MIT", heald::isolation_forest::Detector);
