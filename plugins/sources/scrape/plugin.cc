#include <algorithm>

#include "heald/plugin.h"
#include "plugins/sources/scrape/derive.h"
#include "plugins/sources/scrape/settings.h"
#include "plugins/support/http.h"
#include "plugins/support/http_metrics.h"
#include "plugins/support/intern.h"

namespace heald::scrape {
namespace {

constexpr int kIdlePages = 5;
constexpr uint64_t kPageLimitBytes = uint64_t{32} << 20;
constexpr const char* kAccept =
    "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

// One target between two scrapes.
struct TargetState {
  TargetState(Target target, std::span<const Derivation> derivations, bool honor_labels)
      : target(std::move(target)), deriver(derivations, this->target.labels, honor_labels) {}

  Target target;
  Deriver deriver;
  heald_series up_series = HEALD_SERIES_NONE;
  std::string trouble;  // why there is no page; empty: there is one
  support::HttpFault fault = support::HttpFault::kNone;
  int64_t down_since_ns = 0;  // monotonic
  uint64_t seen_nan_total = 0;
  uint64_t seen_duplicates_total = 0;
  bool warned_refused = false;
  int idle_pages = 0;  // good ones in a row that nothing was made of
};

class ScrapeSource : public sdk::Source<ScrapeSource> {
 public:
  static constexpr sdk::Info kInfo{
      .name = "scrape",
      .doc = "Metrics straight from Prometheus text pages: gauges, rates, ratios, quantiles",
      .flags = HEALD_BLOCKING};
  using Config = ScrapeConfig;

  static void Validate(const Config& config, sdk::Problems& problems) {
    for (const Problem& problem : CheckConfig(config))
      problems.Add(problem.pointer, problem.message);
  }
  static std::vector<std::string> Outputs(const Config& config) { return OutputNames(config); }

  ScrapeSource(sdk::Host host, const Config& config)
      : host_(host),
        config_(config),
        derivations_(DerivationsOf(config)),
        http_(
            config, [host] { return host.Cancelled(); }, support::HttpMetrics::Of(host)),
        nan_(host.Counter("dropped_samples_total", "Samples left out", {{"reason", "nan"}})),
        duplicates_(
            host.Counter("dropped_samples_total", "Samples left out", {{"reason", "duplicate"}})),
        refused_series_(
            host.Counter("dropped_samples_total", "Samples left out", {{"reason", "max_series"}})) {
    for (Target& target : TargetsOf(config))
      targets_.push_back(
          std::make_unique<TargetState>(std::move(target), derivations_, config.honor_labels));
  }

  sdk::Duration Interval() const { return config_.interval; }

  void Poll(sdk::Sink& sink, int64_t deadline_ns) {
    const int64_t left_ns = std::max<int64_t>(deadline_ns - host_.MonotonicNs(), 1);
    // A target that hangs must not make the others' next scrape late.
    const int64_t timeout_ns = std::min({config_.timeout.ns, config_.interval.ns, left_ns});
    std::vector<support::HttpRequest> requests;
    for (const auto& state : targets_)
      requests.push_back({.url = state->target.url,
                          .headers = {{"Accept", kAccept}},
                          .timeout_ns = timeout_ns,
                          .body_limit_bytes = kPageLimitBytes});
    std::string failure;
    http_.PerformAll(requests, static_cast<size_t>(config_.max_concurrency),
                     [&](size_t index, support::HttpResult result) {
                       if (result.error.fault == support::HttpFault::kCancelled) return;
                       try {
                         Take(*targets_[index], result, sink);
                       } catch (const sdk::Failure& failed) {
                         if (failure.empty()) failure = failed.what();
                       }
                     });
    Report(failure);
  }

 private:
  void Take(TargetState& state, const support::HttpResult& result, sdk::Sink& sink) {
    const FetchTime time{host_.NowNs(), host_.MonotonicNs()};
    const size_t live_before = state.deriver.live_series();
    std::vector<DerivedSample> samples;
    std::string trouble = result.error.Brief();
    if (result.ok()) {
      trouble = state.deriver.Take(
          result.response.body, FormatOf(result.response.Header("content-type")), time, &samples);
      if (!trouble.empty())
        trouble = support::ShownUrl(state.target.url) + " is not a page of metrics: " + trouble;
    } else {
      state.deriver.Miss();
    }
    LogChange(state, trouble, result.error.fault, live_before, time.monotonic_ns);
    LogIdle(state);
    Count(state);
    Emit(state, samples, time.wall_ns, sink);
  }

  // Once when it begins, once when it is something else, once when it is over.
  void LogChange(TargetState& state, std::string trouble, support::HttpFault fault, size_t live,
                 int64_t now_ns) {
    const std::string node = "scrape `" + std::string(host_.Name()) + "`: ";
    if (trouble.empty() && !state.trouble.empty()) {
      host_.Log(sdk::Level::kInfo,
                node + support::ShownUrl(state.target.url) + " answers again after " +
                    std::to_string((now_ns - state.down_since_ns) / 1'000'000'000) + " s");
    } else if (!trouble.empty() && (state.trouble.empty() || fault != state.fault)) {
      if (state.trouble.empty()) state.down_since_ns = now_ns;
      host_.Log(sdk::Level::kWarning, node + trouble + ", trying again every " +
                                          sdk::detail::DurationText(config_.interval.ns) + "; " +
                                          std::to_string(live) + " series stale");
    }
    state.trouble = std::move(trouble);
    state.fault = fault;
  }

  // Once, and not of a program that is just starting.
  void LogIdle(TargetState& state) {
    if (!state.trouble.empty()) return;
    state.idle_pages = state.deriver.inputs() > 0 ? 0 : state.idle_pages + 1;
    if (state.idle_pages != kIdlePages) return;
    host_.Log(
        sdk::Level::kWarning,
        "scrape `" + std::string(host_.Name()) + "`: " + support::ShownUrl(state.target.url) +
            " has none of the series that its metrics are made of: only `up` comes of it. Say "
            "in `metrics` what to make of the page");
  }

  void Count(TargetState& state) {
    const Deriver& deriver = state.deriver;
    nan_.Record(static_cast<double>(deriver.dropped_nan_total() - state.seen_nan_total));
    state.seen_nan_total = deriver.dropped_nan_total();
    duplicates_.Record(
        static_cast<double>(deriver.duplicates_total() - state.seen_duplicates_total));
    state.seen_duplicates_total = deriver.duplicates_total();
    if (deriver.refused_inputs() == 0 || state.warned_refused) return;
    state.warned_refused = true;
    host_.Log(sdk::Level::kWarning,
              support::ShownUrl(state.target.url) + " has more than " +
                  std::to_string(Deriver::kMaxInputs) +
                  " series that metrics are made of; the rest is left out: narrow them with match");
  }

  heald_series Intern(std::string_view name, const sdk::LabelSet& labels) {
    return support::InternIfRoom(host_, name, labels, refused_series_);
  }

  void Emit(TargetState& state, const std::vector<DerivedSample>& samples, int64_t now_ns,
            sdk::Sink& sink) {
    constexpr size_t kMaxRows = 65'536;
    if (state.up_series == HEALD_SERIES_NONE) state.up_series = Intern("up", state.target.labels);
    bool stale = false;
    size_t next = 0;
    bool first = true;
    while (first || next < samples.size()) {
      sdk::BatchWriter batch = sink.Reserve(std::min(samples.size() - next + 1, kMaxRows));
      if (first && state.up_series != HEALD_SERIES_NONE)
        batch.Add(state.up_series, now_ns, state.trouble.empty() ? 1 : 0);
      first = false;
      for (; next < samples.size() && batch.size() < batch.capacity(); ++next) {
        DerivedSeries& series = *samples[next].series;
        if (series.handle == DerivedSeries::kNoHandle)
          series.handle = Intern(series.derivation->name, series.labels);
        if (series.handle != DerivedSeries::kNoHandle)
          batch.Add(series.handle, samples[next].ts_ns, samples[next].value);
      }
      stale = !batch.Commit() || stale;
    }
    if (!stale) return;
    state.up_series = HEALD_SERIES_NONE;
    for (const DerivedSample& sample : samples) sample.series->handle = DerivedSeries::kNoHandle;
  }

  // The node's health: which targets give no page, and why.
  void Report(const std::string& failure) {
    if (!failure.empty()) throw sdk::Failure(HEALD_FULL, failure).Retryable();
    size_t down = 0;
    std::string first;
    for (const auto& state : targets_) {
      if (state->trouble.empty()) continue;
      ++down;
      if (first.empty()) first = state->trouble;
    }
    if (down == 0) return;
    throw sdk::Failure(HEALD_UNAVAILABLE, std::to_string(down) + " of " +
                                              std::to_string(targets_.size()) +
                                              " targets without a page: " + first)
        .Retryable(config_.interval.ns);
  }

  const sdk::Host host_;
  const Config config_;
  const std::vector<Derivation> derivations_;
  support::HttpClient http_;
  const sdk::Metric nan_;
  const sdk::Metric duplicates_;
  const sdk::Metric refused_series_;
  std::vector<std::unique_ptr<TargetState>> targets_;
};

}  // namespace
}  // namespace heald::scrape

HEALD_PLUGIN("scrape", "0.1.0", "heald", "MIT", heald::scrape::ScrapeSource);
