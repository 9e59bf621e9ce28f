#include "heald/plugin.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <set>

#include "plugins/sources/docker/container_samples.h"
#include "plugins/sources/docker/event_book.h"
#include "plugins/sources/docker/event_stream.h"
#include "plugins/sources/docker/settings.h"
#include "plugins/sources/docker/usage.h"
#include "plugins/support/clock.h"
#include "plugins/support/docker/engine.h"
#include "plugins/support/docker/json.h"
#include "plugins/support/intern.h"

namespace heald::docker {
namespace {

using support::kSecond;
using support::SteadyNs;
constexpr int64_t kMostPauseNs = kSecond;  // between two attempts to open the stream
constexpr int64_t kFreshNs = 5 * kSecond;  // an older event tells of the past, not of the present
constexpr size_t kMaxRows = 65'536;        // of one batch
constexpr int64_t kMinAskNs = 10'000'000;

int64_t WallNs() {
  return std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

// A container between two looks.
struct Watched {
  sdk::LabelSet labels;
  std::string listed;  // its state in the latest list
  State state;
  bool known = false;  // `state` and `cpu_limit` are there
  double cpu_limit = 0;
  Usage usage;
};

class DockerSource : public sdk::Source<DockerSource> {
 public:
  static constexpr sdk::Info kInfo{
      .name = "docker",
      .doc = "Containers of a Docker Engine: their state, events and what they use",
      .flags = HEALD_BLOCKING};
  using Config = SourceConfig;

  static void Validate(const Config& config, sdk::Problems& problems) {
    for (const auto& problem : CheckConfig(config)) problems.Add(problem.pointer, problem.message);
  }
  static std::vector<std::string> Outputs(const Config& config) { return OutputNames(config); }

  DockerSource(sdk::Host host, const Config& config)
      : host_(host),
        config_(config),
        engine_(config, [host] { return host.Cancelled(); }),
        events_(host.Counter("events_total", "Events of containers that were taken")),
        refused_(
            host.Counter("dropped_samples_total", "Samples left out", {{"reason", "max_series"}})),
        book_(config.window.ns) {}

  sdk::Duration Interval() const { return config_.interval; }

  void Start(sdk::Sink sink) {
    const auto since_ns = [this] {
      const std::lock_guard lock(mutex_);
      // What the Engine remembers of the time before is counted too.
      const int64_t newest_ns = book_.SinceNs();
      return newest_ns != 0 ? newest_ns : WallNs() - config_.window.ns;
    };
    stream_ = std::make_unique<EventStream>(
        config_, config_.containers_with, kMostPauseNs,
        EventStream::Callbacks{since_ns, [this, sink](const Json& event) { Take(event, sink); }});
    stream_->Start();
  }
  void Stop() {
    if (stream_ != nullptr) stream_->Stop();
    stream_.reset();
  }

  void Poll(sdk::Sink& sink, int64_t deadline_ns) {
    const int64_t began_ns = SteadyNs();
    const int64_t budget_ns = std::max<int64_t>(deadline_ns - host_.MonotonicNs(), 2 * kMinAskNs);
    try {
      std::string trouble = Look(sink, [&] {
        return std::clamp<int64_t>(budget_ns - (SteadyNs() - began_ns), kMinAskNs,
                                   config_.timeout.ns);
      });
      if (away_ != 0) answers_since_ns_ = SteadyNs();
      if (trouble.empty()) trouble = StreamTrouble();
      Say(trouble, 0);
    } catch (const sdk::Failure& failed) {
      if (failed.code() == HEALD_CANCELLED) return;
      for (auto& [id, watched] : containers_) watched.usage = {};
      if (failed.code() != HEALD_FULL) Say(failed.what(), failed.code());
      throw sdk::Failure(failed.code(), failed.what())
          .Retryable(std::max(failed.retry_after_ns(), config_.interval.ns));
    }
    if (!said_.empty()) throw sdk::Failure(HEALD_UNAVAILABLE, said_).Retryable(config_.interval.ns);
  }

 private:
  // All containers once. What is wrong with some of them; throws where nothing can be learnt.
  template <typename LeftNs>
  std::string Look(const sdk::Sink& sink, LeftNs left_ns) {
    uint64_t before = 0;
    {
      const std::lock_guard lock(mutex_);
      before = book_.sequence();
    }
    engine_.SetTimeout(left_ns());
    Enlist(engine_.List(config_.containers_with));
    std::vector<std::string> paths;
    struct Question {
      Watched* watched;
      bool stats;
    };
    std::vector<Question> questions;
    for (auto& [id, watched] : containers_) {
      const bool runs = watched.listed == "running";
      // What has ended stays as it is.
      if (runs || !watched.known || watched.state.container.status != watched.listed) {
        paths.push_back("/containers/" + id + "/json");
        questions.push_back({&watched, false});
      }
      if (!runs || !config_.usage) continue;
      paths.push_back("/containers/" + id + "/stats?stream=false&one-shot=true");
      questions.push_back({&watched, true});
    }
    const std::vector<Engine::Got> answers =
        engine_.GetAll(paths, static_cast<size_t>(config_.max_concurrency), left_ns());
    std::vector<std::pair<const Watched*, NamedValues>> rows;
    size_t failed = 0;
    std::string first;
    for (size_t i = 0; i < answers.size(); ++i) {
      Watched& watched = *questions[i].watched;
      if (!answers[i].error.empty() && failed++ == 0) first = answers[i].error;
      if (questions[i].stats) {
        if (answers[i].json.is_null()) continue;
        const Usage now = ReadUsage(answers[i].json);
        rows.emplace_back(&watched, UsageSamples(watched.usage, now, watched.cpu_limit));
        watched.usage = now;
      } else if (answers[i].json.is_null()) {
        // Not what it was before: nobody knows what it is now.
        watched.known = false;
      } else {
        watched.state = ReadState(answers[i].json);
        watched.cpu_limit = CpuLimit(answers[i].json);
        watched.known = true;
      }
    }
    Emit(rows, before, sink);
    if (failed != 0)
      return std::to_string(failed) + " of " + std::to_string(answers.size()) +
             " answers about containers are missing: " + first;
    return "";
  }

  // Shorter ones are mended before anyone has read of them, and lose nothing.
  std::string StreamTrouble() const {
    if (stream_ == nullptr) return "";
    const EventStream::Trouble trouble = stream_->trouble();
    const int64_t since_ns = std::max(trouble.since_ns, answers_since_ns_);
    return trouble.since_ns != 0 && SteadyNs() - since_ns > 2 * config_.interval.ns
               ? "no events: " + trouble.why
               : "";
  }

  void Enlist(const Json& list) {
    if (!list.is_array())
      throw sdk::Failure(HEALD_UNAVAILABLE,
                         "docker: the list of containers is not what an Engine "
                         "writes: check url");
    std::set<std::string> there;
    for (const Json& listed : list) {
      const std::string id = Text(listed, "/Id");
      const Json& own = At(listed, "/Labels");
      std::string name = Text(listed, "/Names/0");
      if (id.empty() || name.size() < 2 || IsOneOff(own)) continue;
      // Links add names such as /other/alias.
      for (const Json& one : At(listed, "/Names"))
        if (one.is_string() && one.get<std::string>().rfind('/') == 0) name = one;
      Watched& watched = containers_[id];
      watched.labels = LabelsOf(config_, name.substr(1), own);
      watched.listed = Text(listed, "/State");
      there.insert(id);
    }
    std::erase_if(containers_, [&](const auto& entry) { return !there.contains(entry.first); });
    if (!containers_.empty() || std::exchange(told_empty_, true)) return;
    host_.Log(sdk::Level::kInfo, Node() + (config_.containers_with.empty()
                                               ? "this Engine has no container yet"
                                               : "no container has the labels of containers_with "
                                                 "yet: `docker ps` shows what there is"));
  }

  void Emit(const std::vector<std::pair<const Watched*, NamedValues>>& usage, uint64_t before,
            const sdk::Sink& sink) {
    const std::lock_guard lock(mutex_);
    const int64_t now_ns = host_.NowNs();
    std::vector<std::pair<heald_series, double>> rows;
    for (const auto& [watched, values] : usage) Add(watched->labels, values, &rows);
    for (const auto& [id, watched] : containers_) {
      if (!watched.known) continue;
      const std::string name(watched.labels.Get("container"));
      // An event came after the question: the answer may be older than that.
      if (book_.SequenceOf(name) <= before) {
        Add(watched.labels, StateSamples(watched.state), &rows);
        const State& state = watched.state;
        const std::string& status = state.container.status;
        if (status == "running" || status == "exited" || status == "dead")
          book_.Reconcile(name, {status == "running", state.oom_killed, state.started_ns,
                                 state.finished_ns, state.container.exit_code});
      }
      const EventBook::Counts counts = book_.CountsOf(name, WallNs());
      Add(watched.labels,
          {{"crashes", double(counts.crashes)},
           {"restarts", double(counts.restarts)},
           {"oom_kills", double(counts.oom_kills)}},
          &rows);
    }
    Write(rows, now_ns, sink);
  }

  void Add(const sdk::LabelSet& labels, const NamedValues& values,
           std::vector<std::pair<heald_series, double>>* rows) {
    for (const auto& [name, value] : values) {
      const heald_series series = support::InternIfRoom(host_, name, labels, refused_);
      if (series != HEALD_SERIES_NONE) rows->emplace_back(series, value);
    }
  }

  static void Write(const std::vector<std::pair<heald_series, double>>& rows, int64_t now_ns,
                    const sdk::Sink& sink) {
    for (size_t from = 0; from < rows.size();) {
      sdk::BatchWriter batch = sink.Reserve(std::min(rows.size() - from, kMaxRows));
      for (; from < rows.size() && batch.size() < batch.capacity(); ++from)
        batch.Add(rows[from].first, now_ns, rows[from].second);
      // Series are looked up for every batch, so none is stale next time.
      static_cast<void>(batch.Commit());
    }
  }

  // On the stream's thread: what an event shows is handed on at once.
  void Take(const Json& message, const sdk::Sink& sink) noexcept {
    try {
      const Event event = ReadEvent(message);
      if (event.action.empty() || IsOneOff(event.labels)) return;
      const std::lock_guard lock(mutex_);
      if (!book_.Take(event)) return;
      events_.Record(1);
      if (std::abs(WallNs() - event.ts_ns) > kFreshNs) return;
      const EventBook::Counts counts = book_.CountsOf(event.name, event.ts_ns);
      NamedValues values = EventSamples(event.action, event.exit_code);
      if (event.action == "oom") values.emplace_back("oom_kills", double(counts.oom_kills));
      if (event.action == "start") values.emplace_back("restarts", double(counts.restarts));
      std::vector<std::pair<heald_series, double>> rows;
      Add(LabelsOf(config_, event.name, event.labels), values, &rows);
      Write(rows, host_.NowNs(), sink);
    } catch (const sdk::Failure&) {
      // A pipeline that is behind counts what it doesn't take; the next look tells it again.
    } catch (const std::exception& thrown) {
      host_.Log(sdk::Level::kWarning, Node() + "an event was left out: " + thrown.what());
    }
  }

  // Once when a trouble begins or becomes another, once when it is over. away: why the whole Engine
  // is; the words may change while it is the same.
  void Say(const std::string& trouble, int32_t away) {
    const bool same = away != 0 ? away == away_ : trouble == said_;
    if (trouble.empty() && !same) {
      host_.Log(sdk::Level::kInfo,
                Node() +
                    (away_ != 0 ? "the Engine answers again after " : "all is well again after ") +
                    std::to_string((SteadyNs() - said_since_ns_ + kSecond / 2) / kSecond) + " s");
    } else if (!same) {
      if (said_.empty()) said_since_ns_ = SteadyNs();
      host_.Log(
          sdk::Level::kWarning,
          Node() + trouble + ", trying again every " +
              sdk::detail::DurationText(config_.interval.ns) +
              (away != 0 ? "; " + std::to_string(containers_.size()) + " containers stale" : ""));
    }
    said_ = trouble;
    away_ = away;
  }

  std::string Node() const { return "docker `" + std::string(host_.Name()) + "`: "; }

  const sdk::Host host_;
  const Config config_;
  Engine engine_;
  const sdk::Metric events_;
  const sdk::Metric refused_;
  std::map<std::string, Watched> containers_;  // by id; of the polling thread
  bool told_empty_ = false;
  std::string said_;  // the trouble that was told; empty: none
  int32_t away_ = 0;  // why there was no answer at all; 0: there was
  int64_t said_since_ns_ = 0;
  int64_t answers_since_ns_ = 0;
  // Held while samples are written too: an event's come after those of an older look.
  std::mutex mutex_;
  EventBook book_;  // guarded by mutex_
  std::unique_ptr<EventStream> stream_;
};

}  // namespace
}  // namespace heald::docker

HEALD_PLUGIN("docker", "1.0.0", "heald", "MIT", heald::docker::DockerSource);
