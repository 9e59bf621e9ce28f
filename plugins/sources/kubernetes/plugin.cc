#include "heald/plugin.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "plugins/sources/kubernetes/cluster_state.h"
#include "plugins/sources/kubernetes/settings.h"
#include "plugins/support/http_metrics.h"
#include "plugins/support/kubernetes/watch.h"

namespace heald::kubernetes {
namespace {

constexpr size_t kMaxRows = 65'536;  // of one batch
constexpr int64_t kSecond = 1'000'000'000;

int64_t SteadyNs() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

class KubernetesSource : public sdk::Source<KubernetesSource> {
 public:
  static constexpr sdk::Info kInfo{
      .name = "kubernetes",
      .doc =
          "Pods, nodes, workloads and warning events of a Kubernetes cluster, as samples and as "
          "findings",
      .outputs = HEALD_RECORD_SAMPLES | HEALD_RECORD_FINDINGS};
  using Config = SourceConfig;

  static void Validate(const Config& config, sdk::Problems& problems) {
    for (const auto& problem : CheckConfig(config)) problems.Add(problem.pointer, problem.message);
  }
  static std::vector<std::string> Outputs(const Config& config) { return OutputNames(config); }

  KubernetesSource(sdk::Host host, const Config& config)
      : host_(host),
        config_(config),
        cluster_(ResolveCluster(config)),
        file_(std::string(host.StateDir()) + "/findings.json"),
        events_(host.Counter("events_total", "Changes of objects that were taken")),
        lists_(host.Counter("lists_total", "Complete lists, at the start and after gaps")),
        left_out_(host.Counter("dropped_objects_total", "Left out because of max_objects")),
        refused_(
            host.Counter("dropped_samples_total", "Samples left out", {{"reason", "max_series"}})),
        objects_(host.Gauge("objects", "Objects that are kept")),
        open_(host.Gauge("open_findings", "Findings that are open")),
        state_(config_),
        probe_(cluster_, [host] { return host.Cancelled(); }) {}

  sdk::Duration Interval() const { return config_.interval; }

  void Start(sdk::Sink sink) {
    sink_.emplace(sink);
    ReadFile();
    const std::shared_ptr<support::HttpMetrics> metrics = support::HttpMetrics::Of(host_);
    for (const Resource& resource : WatchedResources(config_)) {
      if (!resource.namespaced || config_.namespaces.empty()) {
        AddWatch({resource}, metrics);
      } else {
        for (const std::string& name : config_.namespaces) AddWatch({resource, name}, metrics);
      }
    }
    Say(sdk::Level::kInfo, "watches " + cluster_.http.url + ", " + cluster_.origin);
    for (const auto& watched : watched_) watched->watch->Start();
  }
  void Stop() {
    for (const auto& watched : watched_) watched->watch->Stop();
    watched_.clear();
  }

  void Poll(sdk::Sink& sink, int64_t) {
    Probe();
    std::vector<SampleRow> rows;
    {
      const std::lock_guard lock(mutex_);
      const int64_t now_ns = host_.NowNs();
      state_.Tick(now_ns);
      Tell();
      for (const Resource& resource : WatchedResources(config_))
        if (Fresh(resource)) state_.Samples(resource, now_ns, &rows);
      objects_.Record(static_cast<double>(state_.objects()));
      open_.Record(static_cast<double>(state_.book().open()));
      Count(state_.refused_total(), &counted_left_out_, left_out_);
      if (state_.refused_total() != 0 && !std::exchange(told_full_, true))
        Say(sdk::Level::kWarning, "there is more than " + std::to_string(config_.max_objects) +
                                      " objects, and no more are kept: raise max_objects, or name "
                                      "namespaces or a label_selector");
    }
    uint64_t events = 0;
    uint64_t lists = 0;
    for (const auto& watched : watched_) {
      events += watched->watch->events_total();
      lists += watched->watch->lists_total();
    }
    Count(events, &counted_events_, events_);
    Count(lists, &counted_lists_, lists_);
    Write(rows, sink);
    Report();
  }

 private:
  struct Watched {
    Ref ref;
    std::unique_ptr<Watch> watch = nullptr;
    bool listing = false;  // guarded by mutex_
  };

  void AddWatch(Ref ref, const std::shared_ptr<support::HttpMetrics>& metrics) {
    WatchOptions options;
    // A connection that leads nowhere any more is given up soon.
    options.window_ns = std::clamp(3 * config_.interval.ns, 10 * kSecond, options.window_ns);
    if (ref.resource == kEvents)
      options.field_selector = "type=Warning";
    else if (ref.resource != kNodes)
      options.label_selector = config_.label_selector;
    auto watched = std::make_unique<Watched>(Watched{.ref = ref});
    Watched* const one = watched.get();
    WatchHandlers handlers;
    handlers.listing = [this, one] {
      const std::lock_guard lock(mutex_);
      one->listing = true;
      state_.Listing(one->ref);
    };
    handlers.object = [this, one](Change change, Json& object) {
      const std::lock_guard lock(mutex_);
      state_.Take(one->ref, change, object, host_.NowNs());
      if (!one->listing) Tell();
    };
    handlers.synced = [this, one] {
      const std::lock_guard lock(mutex_);
      one->listing = false;
      const int64_t now_ns = host_.NowNs();
      state_.Synced(one->ref, now_ns);
      if (AllSynced(one->ref.resource))
        state_.book().DropUnseen(std::string(one->ref.resource.plural) + "/", now_ns);
      Tell();
    };
    watched->watch =
        std::make_unique<Watch>(cluster_, ref, std::move(options), std::move(handlers), metrics);
    watched_.push_back(std::move(watched));
  }

  bool AllSynced(const Resource& resource) const {
    for (const auto& watched : watched_)
      if (watched->ref.resource == resource && !watched->watch->synced()) return false;
    return true;
  }

  // A server that hangs keeps its connections open, and a stream may say nothing for long: only an
  // answer shows that somebody is there.
  void Probe() {
    const int64_t began_ns = SteadyNs();
    try {
      probe_.SetTimeout(std::min(config_.timeout.ns, config_.interval.ns / 2));
      probe_.Version();
      silence_ = {};
    } catch (const ApiError& error) {
      if (!error.Unreachable()) {
        silence_ = {};
        return;
      }
      if (silence_.since_ns == 0) silence_.since_ns = began_ns;
      silence_.code = error.code();
      silence_.why = error.what();
    }
  }

  // What it knows of these is not older than two intervals.
  bool Fresh(const Resource& resource) const {
    if (Late(silence_)) return false;
    for (const auto& watched : watched_)
      if (watched->ref.resource == resource &&
          (!watched->watch->synced() || Late(watched->watch->trouble())))
        return false;
    return true;
  }
  bool Late(const Watch::Trouble& trouble) const {
    return trouble.since_ns != 0 && SteadyNs() - trouble.since_ns > 2 * config_.interval.ns;
  }

  // mutex_ is held. On disk before anybody is told, so a restart knows what to clear.
  void Tell() {
    const std::vector<sdk::Finding> findings = state_.book().Changes(host_.NowNs());
    if (findings.empty()) return;
    if (const std::string error = WriteFile(); !error.empty() && !std::exchange(told_file_, true))
      Say(sdk::Level::kError, error + ": what is open now can't be cleared after a restart");
    for (const sdk::Finding& finding : findings) sink_->Emit(finding);
  }

  std::string WriteFile() {
    const std::string fresh = file_ + ".new";
    {
      std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
      out << state_.book().Save().dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
      out.flush();
      if (!out) return "can't write " + fresh + ": " + std::strerror(errno);
    }
    if (std::rename(fresh.c_str(), file_.c_str()) != 0)
      return "can't replace " + file_ + ": " + std::strerror(errno);
    return {};
  }
  void ReadFile() {
    std::ifstream in(file_, std::ios::binary);
    if (!in) return;
    try {
      state_.book().Restore(Json::parse(in));
    } catch (const Json::exception& damage) {
      Say(sdk::Level::kError,
          file_ + " is damaged (" + damage.what() + ") and was put aside as findings.json.bad");
      std::rename(file_.c_str(), (file_ + ".bad").c_str());
    }
  }

  void Write(const std::vector<SampleRow>& rows, const sdk::Sink& sink) {
    std::vector<std::pair<heald_series, double>> known;
    known.reserve(rows.size());
    for (const SampleRow& row : rows) {
      try {
        known.emplace_back(host_.Intern(row.metric, row.labels), row.value);
      } catch (const sdk::Failure& failed) {
        if (failed.code() != HEALD_FULL) throw;
        refused_.Record(1);
      }
    }
    const int64_t now_ns = host_.NowNs();
    for (size_t from = 0; from < known.size();) {
      sdk::BatchWriter batch = sink.Reserve(std::min(known.size() - from, kMaxRows));
      for (; from < known.size() && batch.size() < batch.capacity(); ++from)
        batch.Add(known[from].first, now_ns, known[from].second);
      // Series are looked up for every batch, so none is stale next time.
      static_cast<void>(batch.Commit());
    }
  }

  static void Count(uint64_t total, uint64_t* counted, const sdk::Metric& metric) {
    if (total > *counted) metric.Record(static_cast<double>(total - *counted));
    *counted = total;
  }

  // Says and throws what is wrong. An outage that watches mend within two intervals loses nothing.
  void Report() {
    std::string why;
    int32_t code = HEALD_OK;
    size_t troubled = 0;
    if (Late(silence_)) {
      troubled = 1;
      why = silence_.why;
      code = silence_.code;
    }
    for (const auto& watched : watched_) {
      const Watch::Trouble trouble = watched->watch->trouble();
      if (trouble.since_ns == 0 || (watched->watch->synced() && !Late(trouble))) continue;
      if (troubled++ == 0) {
        why = trouble.why;
        code = trouble.code;
      }
    }
    if (troubled > 1)
      why += " (and " + std::to_string(troubled - 1) + " more of " +
             std::to_string(watched_.size()) + " watches)";
    if (code != said_) {
      if (troubled == 0)
        Say(sdk::Level::kInfo, "the API server answers again");
      else
        Say(sdk::Level::kWarning, why + ", trying again");
    }
    said_ = code;
    if (troubled != 0) throw sdk::Failure(code, why).Retryable(config_.interval.ns);
  }

  void Say(sdk::Level level, const std::string& text) const {
    host_.Log(level, "kubernetes `" + std::string(host_.Name()) + "`: " + text);
  }

  const sdk::Host host_;
  const Config config_;
  const Cluster cluster_;
  const std::string file_;
  const sdk::Metric events_, lists_, left_out_, refused_, objects_, open_;
  uint64_t counted_events_ = 0, counted_lists_ = 0, counted_left_out_ = 0;
  std::optional<sdk::Sink> sink_;
  int32_t said_ = HEALD_OK;
  bool told_full_ = false;
  bool told_file_ = false;
  // Held while findings are told, so that they come in order.
  std::mutex mutex_;
  ClusterState state_;  // guarded by mutex_
  Client probe_;
  Watch::Trouble silence_;  // since when it gets no answer, of the thread that polls
  std::vector<std::unique_ptr<Watched>> watched_;
};

}  // namespace
}  // namespace heald::kubernetes

HEALD_PLUGIN("kubernetes", "0.1.0", "heald", "MIT", heald::kubernetes::KubernetesSource);
