#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "heald/naming.h"
#include "heald/unit.h"
#include "plugins/detectors/trend/departure.h"
#include "plugins/detectors/trend/detector.h"

namespace heald::trend {

namespace {

// "resident memory" for process_resident_memory_bytes.
std::string Words(std::string metric) {
  for (const std::string_view prefix : {"process_", "node_", "container_"})
    if (metric.starts_with(prefix)) metric.erase(0, prefix.size());
  for (const std::string_view suffix : {"_total", "_bytes", "_seconds", "_ratio"})
    if (metric.ends_with(suffix) && metric.size() > suffix.size())
      metric.resize(metric.size() - suffix.size());
  std::replace(metric.begin(), metric.end(), '_', ' ');
  return metric;
}

std::string ComponentOf(const sdk::Finding& finding) {
  for (const std::string_view name : sdk::kNamingLabels)
    if (const std::string_view value = finding.target.Get(name); !value.empty())
      return std::string(value) + " " + Words(finding.metric);
  return Words(finding.metric);
}

// "40 s", "12 min", "1.5 h".
std::string Elapsed(int64_t ns) {
  const double seconds = static_cast<double>(ns) / 1e9;
  char buffer[32];
  if (seconds < 120)
    std::snprintf(buffer, sizeof buffer, "%.0f s", seconds);
  else if (seconds < 7200)
    std::snprintf(buffer, sizeof buffer, "%.0f min", seconds / 60);
  else
    std::snprintf(buffer, sizeof buffer, "%.1f h", seconds / 3600);
  return buffer;
}

std::string Exact(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.17g", value);
  return buffer;
}

std::vector<double> RecentOf(const Buckets& buckets, double value) {
  constexpr uint32_t kPast = sdk::SeriesBook<int>::kRecent - 1;
  std::vector<double> recent;
  for (uint32_t age = std::min(buckets.size(), kPast); age > 0; --age)
    recent.push_back(buckets[age - 1]);
  recent.push_back(value);
  return recent;
}

// Where the line began, or the range before it where that is known.
void Expect(const Series& series, sdk::Reading& reading) {
  const Forecast& forecast = series.forecast();
  double low = forecast.level - forecast.slope * (forecast.buckets - 1.0);
  double high = low;
  if (const auto departure = DepartureOf(series.buckets())) {
    low = departure->low;
    high = departure->high;
  }
  reading.expected = low / 2 + high / 2;
  if (series.sign() > 0)
    reading.expected_high = high + 3 * forecast.noise;
  else
    reading.expected_low = low - 3 * forecast.noise;
}

int64_t BeganNs(const Series& series) {
  const auto departure = DepartureOf(series.buckets());
  return departure ? std::min(departure->onset_ns, series.OnsetNs()) : series.OnsetNs();
}

sdk::Reading ReadingOf(const Config& config, const Series& series, double value) {
  const Forecast& forecast = series.forecast();
  sdk::Reading reading;
  reading.ts_ns = series.last_ns();
  reading.value = value;
  const auto horizon = static_cast<double>(config.horizon.ns);
  const auto left =
      std::max(static_cast<double>(series.TimeNs(forecast.in) - series.last_ns()), 0.0);
  // The sooner and the surer, the worse.
  reading.score = forecast.probability * horizon / std::max(left, horizon / 100);
  reading.confidence = forecast.confidence;
  reading.severity = left <= horizon / 3 ? sdk::Severity::kCritical
                     : left <= horizon   ? sdk::Severity::kWarning
                                         : sdk::Severity::kInfo;
  return reading;
}

}  // namespace

Detector::Detector(sdk::Host host, const Config& config)
    : host_(host),
      config_(config),
      book_(host,
            {.name = std::string(kInfo.name),
             .unit = config.unit,
             .update_interval = config.update_interval,
             .keep_restored = config.max_gap,
             .snapshot_version = 2,  // 1 had no noise
             .kind = sdk::FindingKind::kPrediction},
            [this] { return Watched{Series(config_)}; }),
      skipped_(host.Counter("samples_skipped_total",
                            "Samples left out: NaN, infinite, or not later than the one before")),
      learning_(host.Gauge("learning_series", "Series that are not judged yet")) {}

void Detector::Validate(const Config& config, sdk::Problems& problems) {
  if (!config.above && !config.below)
    problems.Add("", "no threshold: add above or below, the value that must not be reached");
  for (const auto& [pointer, value] :
       {std::pair("/above", config.above), std::pair("/below", config.below)})
    if (value && !(std::fabs(*value) <= Buckets::kLimit))
      problems.Add(pointer, "must be a finite number");
  if (config.above && config.below && *config.above <= *config.below)
    problems.Add(
        "/above",
        "the upper threshold must lie above the lower one: every value would be a failure");
}

void Detector::Follow(const sdk::Samples& samples, sdk::Sink& sink, sdk::Scores* scores) {
  const auto series = samples.series();
  const auto ts_ns = samples.ts_ns();
  const auto values = samples.values();
  uint64_t skipped = 0;
  uint64_t learning = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    Book::Row& row = book_.Of(series[i], ts_ns[i], sink);
    Watched& watched = row.state;
    if (watched.role == Watched::Role::kUnknown) {
      const bool all = config_.metrics.empty();
      const bool named = !all && std::count(config_.metrics.begin(), config_.metrics.end(),
                                            host_.LabelsOf(series[i]).Get("__name__")) != 0;
      watched.role = all || named ? Watched::Role::kPredicted : Watched::Role::kWatched;
    }
    const bool predict = watched.role == Watched::Role::kPredicted;
    const Step step =
        watched.series.Next(config_, ts_ns[i], values[i], predict, row.open != nullptr);
    if (scores != nullptr && predict && step != Step::kSkipped)
      scores->Add(series[i], ts_ns[i],
                  watched.series.Failed(config_) ? 1 : watched.series.forecast().probability);
    if (step > Step::kNormal)
      React(row, series[i], values[i], step, sink);
    else if (step == Step::kSkipped)
      ++skipped;
    else if (step == Step::kLearning && predict)
      ++learning;
  }
  if (skipped != 0) skipped_.Record(static_cast<double>(skipped));
  // At once for the first samples; Tick counts exactly.
  if (learning != 0) learning_.Record(static_cast<double>(learning));
}

void Detector::React(Book::Row& row, heald_series series, double value, Step step,
                     const sdk::Sink& sink) {
  const Series& state = row.state.series;
  sdk::Reading reading = ReadingOf(config_, state, value);
  switch (step) {
    case Step::kOpened:
      Expect(state, reading);
      book_.Report(row, series, reading, sink, BeganNs(state), RecentOf(state.buckets(), value),
                   [&](sdk::Finding& finding) {
                     Predict(finding, state);
                     AddMovers(finding, state);
                   });
      break;
    case Step::kOngoing: {
      const sdk::Finding& open = row.open->finding;
      reading.expected = open.contributors[0].expected;
      reading.expected_low = open.expected_low;
      reading.expected_high = open.expected_high;
      book_.Report(row, series, reading, sink, 0, {},
                   [&](sdk::Finding& finding) { Predict(finding, state); });
      break;
    }
    case Step::kGap:
      book_.Clear(row, nullptr, sdk::Cleared::kGap,
                  "no samples for too long: whether the trend went on isn't known", sink);
      break;
    default:
      sdk::Finding& open = row.open->finding;
      reading.expected = open.contributors[0].expected;
      reading.expected_low = open.expected_low;
      reading.expected_high = open.expected_high;
      open.probability = state.forecast().probability;
      open.eta_ns = open.eta_low_ns = open.eta_high_ns = 0;
      book_.Clear(row, &reading, sdk::Cleared::kNormal, "", sink);
  }
}

void Detector::Predict(sdk::Finding& finding, const Series& series) const {
  const Forecast& forecast = series.forecast();
  finding.probability = series.beyond() ? 1 : forecast.probability;
  finding.eta_ns = std::max(series.TimeNs(forecast.in), series.last_ns());
  finding.eta_low_ns = std::max(series.TimeNs(forecast.in_low), series.last_ns());
  finding.eta_high_ns = std::max(series.TimeNs(forecast.in_high), series.last_ns());
  finding.component = config_.component.empty() ? ComponentOf(finding) : config_.component;
  finding.recommended_action = config_.recommended_action;
  // By these the agent judges afterwards whether it came true.
  finding.annotations.Set(series.sign() > 0 ? "threshold_above" : "threshold_below",
                          Exact(series.sign() > 0 ? *config_.above : *config_.below));
  finding.annotations.Set("horizon_seconds", Exact(static_cast<double>(config_.horizon.ns) / 1e9));
  const auto left = [&](int64_t ns) { return Elapsed(ns - series.last_ns()); };
  const double threshold = series.sign() > 0 ? *config_.above : *config_.below;
  const std::string limit = sdk::FormatValue(threshold, finding.unit);
  char number[32];
  std::snprintf(number, sizeof number, "%.9g", threshold);
  finding.annotations.Set("limit", number);
  char percent[16];
  std::snprintf(percent, sizeof percent, "%.0f %%", std::floor(finding.probability * 100));
  finding.summary = Words(finding.metric) + " " + sdk::FormatValue(finding.value, finding.unit);
  if (series.beyond())
    finding.summary += ", " + limit + " is reached";
  else
    finding.summary += ", reaches " + limit + " in " + left(finding.eta_ns) + " (" +
                       left(finding.eta_low_ns) + " to " + left(finding.eta_high_ns) +
                       "), probability " + percent +
                       (finding.eta_ns - series.last_ns() > config_.horizon.ns
                            ? " within " + Elapsed(config_.horizon.ns)
                            : "");
}

std::vector<Detector::Mover> Detector::MoversOf(const sdk::Finding& finding, const Series& series) {
  std::vector<Mover> movers;
  book_.ForEach([&](heald_series handle, const Book::Row& row) {
    if (handle == finding.series) return;
    const Buckets& buckets = row.state.series.buckets();
    const auto departure = DepartureOf(buckets);
    if (!departure || departure->onset_ns >= finding.began_ns) return;
    sdk::LabelSet labels = host_.LabelsOf(handle);
    const std::string metric(labels.Get("__name__"));
    labels.Remove("__name__");
    if (!(labels == finding.target)) return;
    movers.push_back({metric, departure->low / 2 + departure->high / 2, buckets[0],
                      departure->onset_ns,
                      Likeness(series.buckets(), buckets, series.forecast().buckets)});
  });
  std::sort(movers.begin(), movers.end(),
            [](const Mover& a, const Mover& b) { return a.onset_ns < b.onset_ns; });
  constexpr size_t kMost = 3;
  if (movers.size() > kMost) movers.resize(kMost);
  return movers;
}

void Detector::AddMovers(sdk::Finding& finding, const Series& series) {
  std::vector<Mover> movers = MoversOf(finding, series);
  if (movers.empty()) return;
  std::string text;
  double sum = 1;
  for (const Mover& mover : movers) {
    const std::string unit = sdk::GuessUnit(mover.metric);
    text += (text.empty() ? "" : "; ") + mover.metric + " from " +
            sdk::FormatValue(mover.before, unit) + " to " + sdk::FormatValue(mover.now, unit) +
            ", " + Elapsed(finding.began_ns - mover.onset_ns) + " earlier";
    sum += mover.likeness;
  }
  finding.annotations.Set("moved_first", text);
  std::sort(movers.begin(), movers.end(),
            [](const Mover& a, const Mover& b) { return a.likeness > b.likeness; });
  finding.contributors[0].share = 1 / sum;
  for (const Mover& mover : movers)
    finding.contributors.push_back({mover.metric, mover.likeness / sum, mover.now, mover.before});
}

// The agent shows `learning` as long as this gauge of some detector isn't 0.
void Detector::Tick(int64_t now_ns, sdk::Sink& sink) {
  book_.Tick(now_ns, sink);
  size_t learning = 0;
  book_.ForEach([&](const Book::Row& row) {
    learning += row.state.role == Watched::Role::kPredicted && !row.state.series.ready() ? 1 : 0;
  });
  learning_.Record(static_cast<double>(learning));
}

std::string Detector::Snapshot() {
  return book_.Snapshot(
      [](const Watched& watched, sdk::SnapshotWriter& out) { watched.series.Save(out); });
}

void Detector::Restore(std::string_view state) {
  book_.Restore(state,
                [this](sdk::SnapshotReader& in) { return Watched{Series::Load(config_, in)}; });
}

}  // namespace heald::trend

HEALD_PLUGIN("trend", "1.0.0", "heald", "MIT", heald::trend::Detector);
