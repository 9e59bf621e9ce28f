#include <cmath>

#include "plugins/detectors/threshold/detector.h"

namespace heald::threshold {

namespace {

std::string Key(const std::string& side, const char* level) {
  return side + "." + level;
}

// Levels must get further from normal from `clear` to `critical`; sign -1 for lower bounds.
void CheckSide(const Bounds& bounds, const std::string& side, double sign,
               sdk::Problems& problems) {
  struct Level {
    const char* name;
    const std::optional<double>& value;
  };
  const Level* milder = nullptr;
  const Level levels[] = {{"clear", bounds.clear},
                          {"info", bounds.info},
                          {"warning", bounds.warning},
                          {"critical", bounds.critical}};
  for (const Level& level : levels) {
    if (!level.value) continue;
    const std::string pointer = "/" + side + "/" + level.name;
    if (!std::isfinite(*level.value))
      problems.Add(pointer, Key(side, level.name) + " must be a finite number");
    if (milder != nullptr && sign * *level.value < sign * *milder->value) {
      const char* const wrong = sign > 0 ? " must not be below " : " must not be above ";
      problems.Add(pointer, Key(side, level.name).append(wrong).append(Key(side, milder->name)));
    }
    milder = &level;
  }
  if (bounds.clear && !bounds.Mildest())
    problems.Add("/" + side + "/clear",
                 side + ".clear needs a level to clear: add warning or critical");
}

sdk::Reading ReadingOf(const Config& config, int64_t ts_ns, double value, sdk::Severity severity) {
  sdk::Reading reading;
  reading.ts_ns = ts_ns;
  reading.value = value;
  reading.expected_low = config.below.Mildest().value_or(sdk::kUnknown);
  reading.expected_high = config.above.Mildest().value_or(sdk::kUnknown);
  reading.expected = value > reading.expected_high ? reading.expected_high : reading.expected_low;
  reading.score = Score(config, value);
  reading.confidence = 1;  // a bound is crossed or it isn't
  reading.severity = severity;
  return reading;
}

}  // namespace

Detector::Detector(sdk::Host host, const Config& config)
    : config_(config),
      book_(host, {.name = std::string(kInfo.name),
                   .unit = config.unit,
                   .update_interval = config.update_interval,
                   .keep_restored = config.max_gap}),
      skipped_(host.Counter("samples_skipped_total",
                            "Samples left out: NaN, or not later than the one before")) {}

void Detector::Validate(const Config& config, sdk::Problems& problems) {
  const auto above = config.above.Mildest();
  const auto below = config.below.Mildest();
  if (!above && !below)
    problems.Add("", "no bounds: add above or below with at least one of info, warning, critical");
  CheckSide(config.above, "above", 1, problems);
  CheckSide(config.below, "below", -1, problems);
  if (above && below && *above < *below)
    problems.Add("/above",
                 "the upper bound lies below the lower one: every value would be a fault");
}

void Detector::Hold(const sdk::Samples& samples, sdk::Sink& sink, sdk::Scores* scores) {
  const auto series = samples.series();
  const auto ts_ns = samples.ts_ns();
  const auto values = samples.values();
  uint64_t skipped = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    auto& row = book_.Of(series[i], ts_ns[i], sink);
    const Outcome outcome = row.state.Next(config_, ts_ns[i], values[i], row.open != nullptr);
    if (outcome.step == Step::kSkipped)
      ++skipped;
    else if (scores != nullptr)
      scores->Add(series[i], ts_ns[i], threshold::Score(config_, values[i]));
    if (outcome.step <= Step::kNormal) continue;
    const sdk::Reading reading = ReadingOf(config_, ts_ns[i], values[i], outcome.severity);
    if (outcome.step == Step::kCleared)
      book_.Clear(row, &reading, sdk::Cleared::kNormal, "", sink);
    else if (outcome.step == Step::kOpened)
      book_.Report(
          row, series[i], reading, sink, row.state.began_ns(), row.state.Recent(),
          [&row](sdk::Finding& finding) { finding.recent_step_ns = row.state.recent_step_ns(); });
    else
      book_.Report(row, series[i], reading, sink);
  }
  if (skipped != 0) skipped_.Record(static_cast<double>(skipped));
}

std::string Detector::Snapshot() {
  return book_.Snapshot([](const Series& series, sdk::SnapshotWriter& out) { series.Save(out); });
}

void Detector::Restore(std::string_view state) {
  book_.Restore(state, [](sdk::SnapshotReader& in) { return Series::Load(in); });
}

}  // namespace heald::threshold

HEALD_PLUGIN("threshold", "1.0.0", "heald", "MIT", heald::threshold::Detector);
