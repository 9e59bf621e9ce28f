#include <algorithm>
#include <vector>

#include "plugins/detectors/zscore/detector.h"

namespace heald::zscore {

namespace {

sdk::Reading ReadingOf(const Config& config, const Series& series, double value,
                       const Outcome& outcome) {
  const Spread& spread = outcome.spread;
  const double reach = config.sensitivity * spread.deviation;
  sdk::Reading reading;
  reading.ts_ns = series.last_ns();
  reading.value = value;
  reading.expected = spread.center;
  if (config.direction != Direction::kAbove) reading.expected_low = spread.center - reach;
  if (config.direction != Direction::kBelow) reading.expected_high = spread.center + reach;
  reading.score = outcome.score;
  reading.confidence = Confidence(series.window().size(), outcome.score);
  if (outcome.step == Step::kOpened || outcome.step == Step::kOngoing) {
    const double times = outcome.score / config.sensitivity;
    reading.severity = times >= config.critical_at  ? sdk::Severity::kCritical
                       : times >= config.warning_at ? sdk::Severity::kWarning
                                                    : sdk::Severity::kInfo;
  }
  return reading;
}

// What a reader of the finding sees as its past: the normal values, then this one.
std::vector<double> RecentOf(const RollingWindow& window, double value) {
  const uint32_t past = std::min<uint32_t>(window.size(), sdk::SeriesBook<Series>::kRecent - 1);
  std::vector<double> recent;
  for (uint32_t i = window.size() - past; i < window.size(); ++i) recent.push_back(window[i]);
  recent.push_back(value);
  return recent;
}

}  // namespace

Detector::Detector(sdk::Host host, const Config& config)
    : config_(config),
      book_(host,
            {.name = std::string(kInfo.name),
             .unit = config.unit,
             .update_interval = config.update_interval,
             .keep_restored = config.max_gap},
            [this] { return Series(config_); }),
      skipped_(host.Counter("samples_skipped_total",
                            "Samples left out: NaN, or not later than the one before")),
      rebaselined_(host.Counter("rebaselined_total",
                                "Findings that lasted max_hold, so the window started anew")),
      learning_(host.Gauge("learning_series", "Series that are not judged yet")) {}

void Detector::Validate(const Config& config, sdk::Problems& problems) {
  if (config.min_samples.value_or(0) > config.window)
    problems.Add("/min_samples", "min_samples " + std::to_string(*config.min_samples) +
                                     " is larger than window " + std::to_string(config.window) +
                                     ": nothing would ever be judged");
  if (config.critical_at < config.warning_at)
    problems.Add("/critical_at", "critical_at is below warning_at: there would be no warnings");
}

void Detector::Judge(const sdk::Samples& samples, sdk::Sink& sink, sdk::Scores* scores) {
  const auto series = samples.series();
  const auto ts_ns = samples.ts_ns();
  const auto values = samples.values();
  uint64_t skipped = 0;
  uint64_t learning = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    Book::Row& row = book_.Of(series[i], ts_ns[i], sink);
    const Outcome outcome = row.state.Next(config_, ts_ns[i], values[i], row.open != nullptr);
    if (scores != nullptr && outcome.step != Step::kSkipped)
      scores->Add(series[i], ts_ns[i], ScoreOf(config_, outcome, values[i]));
    if (outcome.step > Step::kNormal)
      React(row, series[i], values[i], outcome, sink);
    else if (outcome.step == Step::kSkipped)
      ++skipped;
    else if (outcome.step == Step::kLearning)
      ++learning;
  }
  if (skipped != 0) skipped_.Record(static_cast<double>(skipped));
  // At once for the first samples; Tick counts exactly.
  if (learning != 0) learning_.Record(static_cast<double>(learning));
}

void Detector::React(Book::Row& row, heald_series series, double value, const Outcome& outcome,
                     const sdk::Sink& sink) {
  sdk::Reading reading = ReadingOf(config_, row.state, value, outcome);
  switch (outcome.step) {
    case Step::kOpened:
      book_.Report(row, series, reading, sink, row.state.began_ns(),
                   RecentOf(row.state.window(), value));
      break;
    case Step::kOngoing:
    case Step::kRecovering:
      book_.Report(row, series, reading, sink);
      break;
    case Step::kRebaselined:
      rebaselined_.Record(1);
      book_.Clear(row, &reading, sdk::Cleared::kRebaselined,
                  "re-baselined: still out of range after " +
                      sdk::detail::DurationText(config_.max_hold.ns) +
                      ", so its present level is learnt as normal; this is no recovery",
                  sink);
      break;
    case Step::kGap:
      book_.Clear(row, nullptr, sdk::Cleared::kGap, sdk::GapSummary(config_.max_gap), sink);
      break;
    default:
      book_.Clear(row, &reading, sdk::Cleared::kNormal, "", sink);
  }
}

// The agent shows `learning` as long as this gauge of some detector isn't 0.
void Detector::Tick(int64_t now_ns, sdk::Sink& sink) {
  book_.Tick(now_ns, sink);
  size_t learning = 0;
  book_.ForEach([&](const Book::Row& row) {
    learning += static_cast<int64_t>(row.state.window().size()) < MinSamples(config_) ? 1 : 0;
  });
  learning_.Record(static_cast<double>(learning));
}

std::string Detector::Snapshot() {
  return book_.Snapshot([](const Series& series, sdk::SnapshotWriter& out) { series.Save(out); });
}

void Detector::Restore(std::string_view state) {
  book_.Restore(state, [this](sdk::SnapshotReader& in) { return Series::Load(config_, in); });
}

}  // namespace heald::zscore

HEALD_PLUGIN("zscore", "1.0.0", "heald", "MIT", heald::zscore::Detector);
