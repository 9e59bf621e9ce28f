#include "heald/plugin.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "plugins/sources/prometheus/settings.h"
#include "plugins/support/http.h"
#include "plugins/support/http_metrics.h"
#include "plugins/support/intern.h"
#include "plugins/support/prometheus/answer.h"
#include "plugins/support/prometheus/history.h"
#include "plugins/support/prometheus/query_client.h"

namespace heald::prometheus {
namespace {

constexpr size_t kMaxRows = 65'536;             // of one batch
constexpr size_t kMaxWarnings = 64;             // different ones that are remembered
constexpr size_t kNamedQueries = 3;             // in the node's state
constexpr int64_t kMinAttemptNs = 50'000'000;   // a round isn't begun with less time left
constexpr int64_t kWaitForRoomNs = 10'000'000;  // until a full pipeline is asked again

std::string SecondsText(int64_t ns) {
  return std::to_string((ns + 500'000'000) / 1'000'000'000) + " s";
}

// Counts down in real time: the host's clock may be a virtual one.
class Timer {
 public:
  explicit Timer(int64_t total_ns) : total_ns_(total_ns) {}
  int64_t UsedNs() const { return (Clock::now() - begun_) / std::chrono::nanoseconds(1); }
  int64_t LeftNs() const { return std::max<int64_t>(total_ns_ - UsedNs(), 1'000'000); }

 private:
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begun_ = Clock::now();
  const int64_t total_ns_;
};

struct Query {
  Query(std::string query_name, std::string query_promql, SeriesCache::Resolve resolve)
      : name(std::move(query_name)), promql(std::move(query_promql)), cache(std::move(resolve)) {}
  std::string name;
  std::string promql;
  SeriesCache cache;
  std::string trouble;  // why it has no values now; empty: it has
};

// All queries asked once.
struct Round {
  struct Failed {
    Query* query = nullptr;
    std::string message;
  };
  std::vector<Failed> transport;  // the way to the server failed them
  std::vector<Query*> retry;
  int64_t retry_after_ns = 0;
  int kind = 0;           // of the first transport failure: fault and status
  bool answered = false;  // the server answered something
  bool cancelled = false;
};

class PrometheusSource : public sdk::Source<PrometheusSource> {
 public:
  static constexpr sdk::Info kInfo{.name = "prometheus",
                                   .doc = "PromQL queries against a Prometheus server",
                                   .flags = HEALD_BLOCKING};
  using Config = PrometheusConfig;

  static void Validate(const Config& config, sdk::Problems& problems) {
    for (const auto& problem : CheckConfig(config)) problems.Add(problem.pointer, problem.message);
  }
  static std::vector<std::string> Outputs(const Config& config) {
    std::vector<std::string> names;
    for (const auto& [name, promql] : QueriesOf(config)) names.push_back(name);
    return names;
  }

  PrometheusSource(sdk::Host host, const Config& config)
      : host_(host),
        config_(config),
        http_(
            config, [host] { return host.Cancelled(); }, support::HttpMetrics::Of(host)),
        backoff_({.base_ns = config.interval.ns / 20, .cap_ns = config.interval.ns}),
        retries_(host.Counter("retries_total", "Rounds of queries repeated after a failure")),
        nan_(Dropped("nan")),
        histograms_(Dropped("native_histogram")),
        refused_series_(Dropped("max_series")) {
    for (const auto& [name, promql] : QueriesOf(config)) {
      const std::string& metric = name;
      queries_.push_back(
          std::make_unique<Query>(name, promql, [this, metric](const sdk::LabelSet& labels) {
            return support::InternIfRoom(host_, metric, labels, refused_series_);
          }));
    }
  }

  sdk::Duration Interval() const { return config_.interval; }

  void Poll(sdk::Sink& sink, int64_t deadline_ns) {
    const int64_t begun_ns = host_.MonotonicNs();
    if (begun_ns < not_before_ns_) return ReportHealth();
    const Timer timer(std::max<int64_t>(deadline_ns - begun_ns, 1'000'000));
    std::vector<Query*> pending;
    for (const auto& query : queries_) pending.push_back(query.get());
    while (true) {
      Round round = Ask(pending, timer.LeftNs(), sink);
      if (round.cancelled) throw Stopped();
      const int64_t pause_ns = round.retry.empty() ? 0 : backoff_.NextNs(round.retry_after_ns);
      const bool again = !round.retry.empty() && pause_ns + kMinAttemptNs < timer.LeftNs();
      const int64_t until_poll_ns = std::max<int64_t>(config_.interval.ns - timer.UsedNs(), 0);
      Judge(round, again ? pause_ns : std::max(pause_ns, until_poll_ns), begun_ns);
      if (!again) {
        if (round.retry_after_ns > 0) not_before_ns_ = begun_ns + timer.UsedNs() + pause_ns;
        return ReportHealth();
      }
      retries_.Record(1);
      if (!http_.Sleep(pause_ns)) throw Stopped();
      pending = std::move(round.retry);
    }
  }

  void Backfill(sdk::Sink& sink, int64_t from_ns, int64_t to_ns) {
    std::vector<HistoryQuery> asked;
    for (const auto& query : queries_) asked.push_back({query->promql, &query->cache});
    History history(
        http_, std::move(asked),
        {from_ns, to_ns, config_.interval.ns, config_.timeout.ns,
         static_cast<size_t>(config_.max_concurrency)},
        [this](size_t i, const Answer& answer) { Note(*queries_[i], answer); },
        [this](size_t i, const std::string& why) {
          host_.Log(sdk::Level::kWarning,
                    Node() + "no history of query '" + queries_[i]->name + "': " + why);
        });
    Columns rows;
    while (true) {
      switch (history.Next(&rows)) {
        case History::Step::kRows:
          EmitAll(rows, sink);
          break;
        case History::Step::kEnd:
          return;
        case History::Step::kCancelled:
          throw Stopped();
        case History::Step::kFailed:
          throw sdk::Failure(HEALD_UNAVAILABLE, "no history: " + history.error()).Retryable();
      }
    }
  }

 private:
  sdk::Metric Dropped(const char* reason) const {
    return host_.Counter("dropped_samples_total", "Samples left out", {{"reason", reason}});
  }

  Round Ask(const std::vector<Query*>& asked, int64_t left_ns, sdk::Sink& sink) {
    const int64_t timeout_ns = std::min(config_.timeout.ns, left_ns);
    std::vector<support::HttpRequest> requests;
    for (const Query* query : asked) requests.push_back(InstantQuery(query->promql, timeout_ns));
    Round round;
    http_.PerformAll(requests, static_cast<size_t>(config_.max_concurrency),
                     [&](size_t index, support::HttpResult result) {
                       if (result.error.fault == support::HttpFault::kCancelled)
                         round.cancelled = true;
                       else if (result.ok())
                         Take(*asked[index], result, sink, &round);
                       else
                         TakeFailure(*asked[index], requests[index], result, &round);
                     });
    return round;
  }

  void Take(Query& query, support::HttpResult& result, sdk::Sink& sink, Round* round) {
    round->answered = true;
    try {
      Columns rows;
      const Answer answer = parser_.ParseInstant(result.response.body, query.cache, &rows);
      Note(query, answer);
      SetTrouble(query, answer.error);
      Emit(rows, 0, rows.size(), sink);
    } catch (const sdk::Failure& failed) {
      // A full pipeline isn't this query's fault; the host counts what it couldn't take.
      if (failed.code() != HEALD_FULL) SetTrouble(query, failed.what());
    }
  }

  void TakeFailure(Query& query, const support::HttpRequest& request, support::HttpResult& result,
                   Round* round) {
    const Refusal refusal = Explain(result);
    if (refusal.transport) {
      if (round->transport.empty())
        round->kind = static_cast<int>(result.error.fault) * 1000 + result.response.status;
      round->transport.push_back({&query, refusal.message});
    } else {
      round->answered = true;
      SetTrouble(query, refusal.message);
    }
    if (!support::MayRetry(request, result)) return;
    round->retry.push_back(&query);
    round->retry_after_ns = std::max(round->retry_after_ns, result.error.retry_after_ns);
  }

  // Is it the server, or single queries? One line when that changes.
  void Judge(const Round& round, int64_t next_ns, int64_t now_ns) {
    if (round.answered) {
      for (const Round::Failed& failed : round.transport) SetTrouble(*failed.query, failed.message);
      if (round.retry.empty()) backoff_.Reset();
      if (server_trouble_ == 0) return;
      server_trouble_ = 0;
      host_.Log(sdk::Level::kInfo, Node() + support::ShownUrl(config_.url) +
                                       " answers again after " +
                                       SecondsText(now_ns - down_since_ns_));
      return;
    }
    size_t stale = 0;
    for (const Round::Failed& failed : round.transport) {
      failed.query->trouble = failed.message;
      stale += failed.query->cache.live();
    }
    if (round.transport.empty() || round.kind == server_trouble_) return;
    if (server_trouble_ == 0) down_since_ns_ = now_ns;
    server_trouble_ = round.kind;
    host_.Log(sdk::Level::kWarning, Node() + round.transport[0].message + ", retrying in " +
                                        SecondsText(next_ns) + "; " + std::to_string(stale) +
                                        " series stale");
  }

  // One line when a query's trouble begins or becomes another, one when it is over; the server's
  // own troubles have their line already.
  void SetTrouble(Query& query, const std::string& trouble) {
    if (trouble == query.trouble) return;
    if (!trouble.empty())
      host_.Log(sdk::Level::kWarning, Node() + "query '" + query.name + "': " + trouble);
    else if (server_trouble_ == 0)
      host_.Log(sdk::Level::kInfo, Node() + "query '" + query.name + "' works again");
    query.trouble = trouble;
  }

  std::string Node() const { return "prometheus `" + std::string(host_.Name()) + "`: "; }

  void Note(const Query& query, const Answer& answer) {
    nan_.Record(static_cast<double>(answer.nan_rows));
    histograms_.Record(static_cast<double>(answer.histogram_rows));
    if (answer.histogram_rows != 0)
      Warn(query, "gives native histograms, which are left out: put histogram_quantile around it");
    for (const std::string& warning : answer.warnings) Warn(query, "warning: " + warning);
  }
  void Warn(const Query& query, const std::string& text) {
    if (warned_.size() >= kMaxWarnings || !warned_.insert(query.name + "\n" + text).second) return;
    host_.Log(sdk::Level::kWarning, Node() + "query '" + query.name + "' " + text);
  }

  void Emit(const Columns& rows, size_t from, size_t to, sdk::Sink& sink) {
    bool stale = false;
    while (from < to) {
      sdk::BatchWriter batch = sink.Reserve(std::min(to - from, kMaxRows));
      for (; from < to && batch.size() < batch.capacity(); ++from)
        batch.Add(rows.series[from], rows.ts_ns[from], rows.value[from]);
      stale = !batch.Commit() || stale;
    }
    if (stale)
      for (const auto& query : queries_) query->cache.Forget();
  }

  // Waits where the pipeline is behind: history that is lost here doesn't come again.
  void EmitAll(const Columns& rows, sdk::Sink& sink) {
    for (size_t from = 0; from < rows.size();) {
      const size_t to = std::min(from + kMaxRows, rows.size());
      try {
        Emit(rows, from, to, sink);
        from = to;
      } catch (const sdk::Failure& failed) {
        if (failed.code() != HEALD_FULL) throw;
        if (!http_.Sleep(std::max(failed.retry_after_ns(), kWaitForRoomNs))) throw Stopped();
      }
    }
  }

  static sdk::Failure Stopped() { return {HEALD_CANCELLED, "stopped while reading"}; }

  // The node's state: which queries have no values, and why.
  void ReportHealth() const {
    std::vector<const Query*> failing;
    for (const auto& query : queries_)
      if (!query->trouble.empty()) failing.push_back(query.get());
    if (failing.empty()) return;
    std::string text = failing[0]->trouble;
    const bool all_the_same = failing.size() == queries_.size() &&
                              std::all_of(failing.begin(), failing.end(), [&](const Query* query) {
                                return query->trouble == text;
                              });
    if (!all_the_same || (queries_.size() == 1 && server_trouble_ == 0)) {
      text.clear();
      for (size_t i = 0; i < std::min(failing.size(), kNamedQueries); ++i)
        text += (i == 0 ? "query '" : "; query '") + failing[i]->name + "': " + failing[i]->trouble;
      if (failing.size() > kNamedQueries)
        text += "; and " + std::to_string(failing.size() - kNamedQueries) + " more";
    }
    throw sdk::Failure(HEALD_UNAVAILABLE, text).Retryable(config_.interval.ns);
  }

  const sdk::Host host_;
  const Config config_;
  support::HttpClient http_;
  support::Backoff backoff_;
  const sdk::Metric retries_;
  const sdk::Metric nan_;
  const sdk::Metric histograms_;
  const sdk::Metric refused_series_;
  AnswerParser parser_;
  std::vector<std::unique_ptr<Query>> queries_;
  std::set<std::string> warned_;
  int server_trouble_ = 0;  // the kind that was logged; 0: none
  int64_t down_since_ns_ = 0;
  int64_t not_before_ns_ = 0;  // the server asked to be left alone until then
};

}  // namespace
}  // namespace heald::prometheus

HEALD_PLUGIN("prometheus", "0.1.0", "heald", "MIT", heald::prometheus::PrometheusSource);
