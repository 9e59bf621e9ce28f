#include "heald/plugin.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <mutex>

#include "plugins/sources/loki/log_query.h"
#include "plugins/sources/loki/metric_query.h"
#include "plugins/sources/loki/requests.h"
#include "plugins/sources/loki/settings.h"
#include "plugins/sources/loki/tail.h"
#include "plugins/sources/loki/unmatched.h"
#include "plugins/support/http.h"
#include "plugins/support/http_metrics.h"
#include "plugins/support/intern.h"
#include "plugins/support/prometheus/history.h"

namespace heald::loki {
namespace {

constexpr size_t kMaxRows = 65'536;                 // of one batch
constexpr size_t kReasonsSaid = 4;                  // of one tail that is down, without a pause
constexpr int kReasonEvery = 4;                     // intervals, after these
constexpr size_t kNamedQueries = 3;                 // in the node's state
constexpr int64_t kHistoryTimeNs = 20'000'000'000;  // of lines; the polls go on from there
constexpr int kAttempts = 3;                        // at history

// Counts down in real time: the host's clock may be a virtual one.
class Timer {
 public:
  explicit Timer(int64_t total_ns) : total_ns_(total_ns) {}
  int64_t UsedNs() const { return (Clock::now() - begun_) / std::chrono::nanoseconds(1); }
  int64_t LeftNs() const { return total_ns_ - UsedNs(); }

 private:
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begun_ = Clock::now();
  const int64_t total_ns_;
};

class LokiSource : public sdk::Source<LokiSource> {
 public:
  static constexpr sdk::Info kInfo{.name = "loki",
                                   .doc = "Lines and values from a Loki server, by LogQL",
                                   .flags = HEALD_BLOCKING,
                                   .outputs = HEALD_RECORD_SAMPLES | HEALD_RECORD_LOGS};
  using Config = LokiConfig;

  static void Validate(const Config& config, sdk::Problems& problems) {
    for (const auto& problem : CheckConfig(config)) problems.Add(problem.pointer, problem.message);
  }
  static std::vector<std::string> Outputs(const Config& config) {
    std::vector<std::string> names;
    for (const auto& [name, logql] : config.logs) names.push_back(name);
    for (const auto& [name, logql] : config.metrics) names.push_back(name);
    return names;
  }

  LokiSource(sdk::Host host, const Config& config)
      : host_(host),
        config_(config),
        http_(
            HttpOf(config), [host] { return host.Cancelled(); }, support::HttpMetrics::Of(host)),
        counters_{
            host.Counter("lines_total", "Log lines handed on"),
            host.Counter("lines_doubled_total", "Lines read again, and left out"),
            host.Counter("dropped_lines_total", "Lines left out", {{"reason", "max_series"}}),
            host.Counter("unread_moments_total", "Moments with more lines than one answer holds")},
        refused_series_(
            host.Counter("dropped_samples_total", "Samples left out", {{"reason", "max_series"}})),
        tail_up_(host.Gauge("tails_up", "Tails that are open")) {
    for (const auto& [name, logql] : config_.logs)
      logs_.push_back(std::make_unique<LogQuery>(host, name, logql, config_, counters_));
    for (const auto& [name, logql] : config_.metrics) {
      const std::string& metric = name;
      metrics_.push_back(std::make_unique<MetricQuery>(
          name, logql, config_, std::string(host.StateDir()),
          [this, metric](const sdk::LabelSet& labels) {
            return support::InternIfRoom(host_, metric, labels, refused_series_);
          }));
    }
  }

  sdk::Duration Interval() const { return config_.interval; }

  void Start(sdk::Sink sink) {
    for (const auto& query : logs_) query->Resume();
    for (const auto& query : metrics_) query->Resume();
    if (!config_.tail) return;
    for (const auto& query : logs_)
      tails_.push_back(std::make_unique<Tail>(
          HttpOf(config_),
          [this, &query] {
            // Loki refuses a beginning that by its own clock is to come.
            return TailPath(query->logql(), host_.NowNs() - config_.overlap.ns);
          },
          config_.interval.ns, CallbacksOf(*query, sink)));
    for (const auto& tail : tails_) tail->Start();
  }
  void Stop() {
    for (const auto& tail : tails_) tail->Stop();
    tails_.clear();
  }

  void Poll(sdk::Sink& sink, int64_t deadline_ns) {
    const int64_t begun_ns = host_.MonotonicNs();
    const int64_t now_ns = host_.NowNs();
    Begin(now_ns);
    if (begun_ns < not_before_ns_) return ReportHealth();
    const Timer timer(std::max<int64_t>(deadline_ns - begun_ns, 2 * kMinAttemptNs));
    Round round;
    for (const auto& query : metrics_)
      if (!ReadMetric(*query, now_ns, timer, sink, &round)) throw Stopped();
    for (const auto& query : logs_) {
      if (!query->NeedsReading()) continue;
      if (timer.LeftNs() < kMinAttemptNs) break;
      LogQuery::Reading reading = query->Read(http_, lines_, sink, now_ns, timer.LeftNs());
      if (reading.cancelled) throw Stopped();
      Note(query->name(), reading.error, reading.transport, reading.retry_after_ns, &round);
    }
    Judge(round, begun_ns);
    if (down_since_ns_ == 0)
      for (const auto& query : logs_) LookForStreams(*query, now_ns, timer);
    ReportHealth();
  }

  // Metric queries first: what they teach is small. Lines follow where Poll goes on.
  void Backfill(sdk::Sink& sink, int64_t from_ns, int64_t to_ns) {
    for (const auto& query : metrics_) query->BeginAt(from_ns);
    std::vector<MetricQuery*> open;
    for (const auto& query : metrics_) open.push_back(query.get());
    while (!open.empty()) {
      prometheus::Columns rows;
      std::vector<MetricQuery*> next;
      for (MetricQuery* query : open) {
        MetricQuery::Reading reading;
        for (int attempt = 1; attempt <= kAttempts; ++attempt) {
          reading = query->Read(http_, values_, to_ns + config_.lag.ns, config_.timeout.ns, &rows);
          if (reading.cancelled) throw Stopped();
          if (reading.error.empty() || !reading.transport) break;
        }
        if (!reading.error.empty()) {
          if (reading.transport) throw NoHistory(reading.error);
          host_.Log(sdk::Level::kWarning,
                    Node() + "no history of query '" + query->name() + "': " + reading.error);
          query->BeginAt(to_ns);
        } else if (reading.more) {
          next.push_back(query);
        }
      }
      prometheus::SortByTime(&rows);
      EmitRows(rows, kHistoryTimeNs, sink);
      open = std::move(next);
    }
    for (const auto& query : logs_) {
      // Where it was before, the polls go on: nothing that was handed on is history now.
      if (query->begun()) continue;
      query->BeginAt(std::max(from_ns, to_ns - config_.log_history.ns));
      LogQuery::Reading reading;
      for (int attempt = 1; attempt <= kAttempts; ++attempt) {
        reading = query->Read(http_, lines_, sink, to_ns, kHistoryTimeNs);
        if (reading.cancelled) throw Stopped();
        if (reading.error.empty() || !reading.transport) break;
      }
      if (!reading.error.empty()) throw NoHistory(reading.error);
    }
  }

 private:
  struct Round {
    std::vector<std::pair<std::string, std::string>> transport;  // query, why
    int64_t retry_after_ns = 0;
    bool answered = false;
  };

  Tail::Callbacks CallbacksOf(LogQuery& query, const sdk::Sink& sink) {
    // Of the tail's thread alone.
    auto parser = std::make_shared<LineParser>();
    struct Said {
      std::deque<std::string> why_down;  // the latest ones, until it is back
      std::chrono::steady_clock::time_point at;
      bool is_up = false;
      std::chrono::steady_clock::time_point up_since;
    };
    auto said = std::make_shared<Said>();
    Tail::Callbacks callbacks;
    callbacks.up = [this, &query, said] {
      query.TailIsUp(host_.NowNs());
      said->is_up = true;
      said->up_since = std::chrono::steady_clock::now();
      CountTails(1);
    };
    callbacks.alive = [this, &query, said] {
      query.TailIsAlive(host_.NowNs());
      // One that breaks again at once wasn't back.
      if (said->why_down.empty() || std::chrono::steady_clock::now() - said->up_since <
                                        std::chrono::nanoseconds(config_.interval.ns))
        return;
      said->why_down.clear();
      host_.Log(sdk::Level::kInfo, Node() + "the tail of query '" + query.name() + "' is back");
    };
    callbacks.frame = [this, &query, sink, parser](std::string frame) {
      const LogAnswer answer = parser->ParseFrame(frame);
      if (!answer.error.empty()) throw sdk::Failure(HEALD_UNAVAILABLE, answer.error);
      if (answer.dropped) query.TailDropped();
      for (;;) {
        try {
          // Before the first poll or history nobody knows yet where it begins.
          if (query.begun()) query.Take(answer, sink);
          return;
        } catch (const sdk::Failure& failed) {
          if (failed.code() != HEALD_FULL || host_.Cancelled()) throw;
          std::this_thread::sleep_for(std::chrono::nanoseconds(
              std::clamp<int64_t>(failed.retry_after_ns(), kWaitForRoomNs, 500'000'000)));
        }
      }
    };
    callbacks.down = [this, &query, said](const std::string& why) {
      query.TailIsDown();
      if (std::exchange(said->is_up, false)) CountTails(-1);
      // Loki ends each tail after an hour or so.
      if (why.find("tail max duration") != std::string::npos) return;
      if (std::find(said->why_down.begin(), said->why_down.end(), why) != said->why_down.end())
        return;
      // Words that differ each time don't fill the log, and a new trouble is told all the same.
      const auto now = std::chrono::steady_clock::now();
      if (said->why_down.size() >= kReasonsSaid) {
        if (now - said->at < kReasonEvery * std::chrono::nanoseconds(config_.interval.ns)) return;
        said->why_down.pop_front();
      }
      said->why_down.push_back(why);
      said->at = now;
      host_.Log(sdk::Level::kWarning, Node() + "the tail of query '" + query.name() +
                                          "' is down: " + why +
                                          "; its lines are read once an interval meanwhile");
    };
    return callbacks;
  }
  void LookForStreams(const LogQuery& query, int64_t now_ns, const Timer& timer) {
    if (!troubles_[query.name()].empty() || timer.LeftNs() < kMinAttemptNs) return;
    const Unmatched::Word word =
        unmatched_.Look(query, http_, now_ns, std::min(config_.timeout.ns, timer.LeftNs()));
    if (!word.text.empty())
      host_.Log(word.bad ? sdk::Level::kWarning : sdk::Level::kInfo,
                Node() + "query '" + query.name() + "': " + word.text);
  }

  void CountTails(int by) {
    const std::lock_guard lock(tails_mutex_);
    tails_open_ += by;
    tail_up_.Record(tails_open_);
  }

  void Begin(int64_t now_ns) {
    for (const auto& query : metrics_)
      if (!query->begun()) query->BeginAt(now_ns - config_.lag.ns - config_.interval.ns);
    for (const auto& query : logs_)
      // Not at now_ns itself: the first round shows whether the query is understood.
      if (!query->begun()) query->BeginAt(now_ns - 1000);
  }

  // False: cancelled.
  bool ReadMetric(MetricQuery& query, int64_t now_ns, const Timer& timer, const sdk::Sink& sink,
                  Round* round) {
    while (query.Due(now_ns) && timer.LeftNs() > kMinAttemptNs) {
      prometheus::Columns rows;
      const MetricQuery::Reading reading =
          query.Read(http_, values_, now_ns, std::min(config_.timeout.ns, timer.LeftNs()), &rows);
      if (reading.cancelled) return false;
      Note(query.name(), reading.error, reading.transport, reading.retry_after_ns, round);
      EmitRows(rows, timer.LeftNs(), sink);
      query.SavePosition();
      if (!reading.more) break;
    }
    return true;
  }

  void EmitRows(const prometheus::Columns& rows, int64_t within_ns, const sdk::Sink& sink) {
    const Timer timer(within_ns);
    for (size_t from = 0; from < rows.size();) {
      try {
        sdk::BatchWriter batch = sink.Reserve(std::min(rows.size() - from, kMaxRows));
        for (; from < rows.size() && batch.size() < batch.capacity(); ++from)
          batch.Add(rows.series[from], rows.ts_ns[from], rows.value[from]);
        if (!batch.Commit())
          for (const auto& query : metrics_) query->cache().Forget();
      } catch (const sdk::Failure& failed) {
        if (failed.code() != HEALD_FULL || timer.LeftNs() < kMinAttemptNs) throw;
        if (!http_.Sleep(std::max(failed.retry_after_ns(), kWaitForRoomNs))) throw Stopped();
      }
    }
  }

  void Note(const std::string& query, const std::string& error, bool transport,
            int64_t retry_after_ns, Round* round) {
    round->retry_after_ns = std::max(round->retry_after_ns, retry_after_ns);
    if (transport && !error.empty()) {
      round->transport.emplace_back(query, error);
      return;
    }
    round->answered = true;
    SetTrouble(query, error);
  }

  // Is it the server, or single queries? One line when that changes.
  void Judge(const Round& round, int64_t now_ns) {
    not_before_ns_ = round.retry_after_ns > 0 ? now_ns + round.retry_after_ns : 0;
    if (round.answered) {
      for (const auto& [query, why] : round.transport) SetTrouble(query, why);
      if (down_since_ns_ == 0) return;
      host_.Log(sdk::Level::kInfo,
                Node() + support::ShownUrl(config_.url) + " answers again after " +
                    std::to_string((now_ns - down_since_ns_ + 500'000'000) / 1'000'000'000) + " s" +
                    (AllFail() ? ", but to no query" : ""));
      down_since_ns_ = 0;
      server_trouble_.clear();
      return;
    }
    if (round.transport.empty()) return;  // nothing was due
    for (const auto& [query, why] : round.transport) troubles_[query] = why;
    if (down_since_ns_ == 0) down_since_ns_ = now_ns;
    const std::string& why = round.transport.front().second;
    if (std::exchange(server_trouble_, why) == why) return;
    host_.Log(sdk::Level::kWarning,
              Node() + why + ", retrying in " +
                  sdk::detail::DurationText(std::max(config_.interval.ns, round.retry_after_ns)));
  }

  void SetTrouble(const std::string& query, const std::string& trouble) {
    std::string& known = troubles_[query];
    if (trouble == known) return;
    if (!trouble.empty())
      host_.Log(sdk::Level::kWarning, Node() + "query '" + query + "': " + trouble);
    else if (down_since_ns_ == 0)
      host_.Log(sdk::Level::kInfo, Node() + "query '" + query + "' works again");
    known = trouble;
  }

  bool AllFail() const {
    return std::none_of(troubles_.begin(), troubles_.end(),
                        [](const auto& trouble) { return trouble.second.empty(); });
  }
  std::string Node() const { return "loki `" + std::string(host_.Name()) + "`: "; }
  static sdk::Failure Stopped() { return {HEALD_CANCELLED, "stopped while reading"}; }
  static sdk::Failure NoHistory(const std::string& why) {
    return sdk::Failure(HEALD_UNAVAILABLE, "no history: " + why).Retryable();
  }

  // The node's state: which queries bring nothing, and why.
  void ReportHealth() const {
    std::string text;
    std::string first;
    size_t failing = 0;
    bool all_the_same = true;
    for (const auto& [query, trouble] : troubles_) {
      if (trouble.empty()) continue;
      if (failing == 0) first = trouble;
      all_the_same &= trouble == first;
      if (failing++ < kNamedQueries)
        text += (text.empty() ? "query '" : "; query '") + query + "': " + trouble;
    }
    if (failing == 0) return;
    if (failing > kNamedQueries)
      text += "; and " + std::to_string(failing - kNamedQueries) + " more";
    if (down_since_ns_ != 0 && all_the_same) text = first;
    throw sdk::Failure(HEALD_UNAVAILABLE, text).Retryable(config_.interval.ns);
  }

  const sdk::Host host_;
  const Config config_;
  support::HttpClient http_;
  prometheus::AnswerParser values_{"Loki"};
  LineParser lines_;
  const Counters counters_;
  const sdk::Metric refused_series_;
  const sdk::Metric tail_up_;
  Unmatched unmatched_{config_.interval.ns};
  std::vector<std::unique_ptr<LogQuery>> logs_;
  std::vector<std::unique_ptr<MetricQuery>> metrics_;
  std::vector<std::unique_ptr<Tail>> tails_;
  std::mutex tails_mutex_;
  int tails_open_ = 0;                           // guarded by tails_mutex_
  std::map<std::string, std::string> troubles_;  // by query; empty: it works
  std::string server_trouble_;
  int64_t down_since_ns_ = 0;  // monotonic; 0: the server answers
  int64_t not_before_ns_ = 0;  // monotonic
};

}  // namespace
}  // namespace heald::loki

HEALD_PLUGIN("loki", "1.0.0", "heald", "MIT", heald::loki::LokiSource);
