// A host for a plugin's unit tests: virtual clock, series, log and metrics in memory, and harnesses
// that drive a component through the same C tables as the agent does.
//
//   FakeHost host;
//   DetectorHarness<ZscoreDetector> detector(host, {.window = 20});
//   detector.Feed("latency_p99", {{"service", "payments"}}, 1.84);   // one sample, 1 s later
//   ASSERT_EQ(detector.findings().size(), 1u);
//
// Thread rule: one thread, but for FakeHost's own calls, which are [any] as the agent's are.
#pragma once

#include <atomic>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "heald/plugin.h"

namespace heald::sdk::testing {

class FakeHost {
 public:
  struct Line {
    Level level;
    std::string message;
    LabelSet fields = {};
  };

  explicit FakeHost(std::string node = "node") : name_(std::move(node)) {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "heald-plugin-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr)
      throw Failure(HEALD_UNAVAILABLE, "no temporary folder: " + pattern);
    state_dir_ = pattern;
    table_.size = sizeof table_;
    table_.abi_major = HEALD_ABI_MAJOR;
    table_.abi_minor = HEALD_ABI_MINOR;
    table_.ctx = this;
    table_.log = [](void* ctx, uint32_t level, heald_str message, const heald_label* fields,
                    uint64_t field_count) {
      FakeHost& self = Of(ctx);
      const std::lock_guard lock(self.mutex_);
      self.log_.push_back({static_cast<Level>(level), std::string(detail::View(message)),
                           LabelSet(heald_labels{fields, field_count})});
    };
    table_.metric = [](void* ctx, uint32_t, heald_str name, heald_str, heald_labels labels,
                       uint64_t* metric, heald_error*) {
      FakeHost& self = Of(ctx);
      const std::lock_guard lock(self.mutex_);
      std::string key(detail::View(name));
      for (uint64_t i = 0; i < labels.count; ++i)
        key += "|" + std::string(detail::View(labels.items[i].name)) + "=" +
               std::string(detail::View(labels.items[i].value));
      const auto [at, added] = self.metric_ids_.try_emplace(key, self.metrics_.size());
      if (added) self.metrics_.push_back(0);
      *metric = at->second;
      return int32_t{HEALD_OK};
    };
    table_.metric_record = [](void* ctx, uint64_t metric, double value) {
      FakeHost& self = Of(ctx);
      const std::lock_guard lock(self.mutex_);
      self.metrics_.at(metric) += value;
    };
    table_.series_intern = [](void* ctx, heald_labels labels, heald_series* series,
                              heald_error* error) {
      FakeHost& self = Of(ctx);
      const std::lock_guard lock(self.mutex_);
      const LabelSet set(labels);
      if (set.Get("__name__").empty() || set.items().size() != labels.count)
        return detail::Fill(error, HEALD_INVALID, "labels need __name__ and no repeats");
      if (const auto at = self.series_ids_.find(set); at != self.series_ids_.end()) {
        *series = at->second;
        return int32_t{HEALD_OK};
      }
      if (self.live_ >= self.max_series_)
        return detail::Fill(error, HEALD_FULL, "max_series reached");
      *series = self.FreeHandleLocked();
      self.series_ids_.emplace(set, *series);
      self.series_[HEALD_SERIES_SLOT(*series)] = std::make_unique<Series>(set, *series);
      ++self.live_;
      return int32_t{HEALD_OK};
    };
    table_.series_labels = [](void* ctx, heald_series series, heald_labels* labels) {
      FakeHost& self = Of(ctx);
      const std::lock_guard lock(self.mutex_);
      const Series* live = self.LiveLocked(series);
      if (live == nullptr) return int32_t{HEALD_STALE_SERIES};
      *labels = live->borrowed.get();
      return int32_t{HEALD_OK};
    };
    table_.now_ns = [](void* ctx) { return Of(ctx).now_ns_.load(); };
    table_.monotonic_ns = [](void* ctx) { return Of(ctx).now_ns_.load(); };
    table_.cancelled = [](void* ctx) { return Of(ctx).cancelled_.load() ? 1 : 0; };
    table_.state_dir = [](void* ctx) { return detail::Str(Of(ctx).state_dir_); };
    table_.node_name = [](void* ctx) { return detail::Str(Of(ctx).name_); };
    table_.retain = [](void*, void*) {};
    table_.release = [](void*, void*) {};
    table_.get_extension = [](void* ctx, heald_str id) -> const void* {
      FakeHost& self = Of(ctx);
      const std::lock_guard lock(self.mutex_);
      const auto at = self.extensions_.find(std::string(detail::View(id)));
      return at == self.extensions_.end() ? nullptr : at->second.first;
    };
  }
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;
  ~FakeHost() {
    std::error_code ignored;
    std::filesystem::remove_all(state_dir_, ignored);
  }

  const heald_host* table() const { return &table_; }
  Host host() const { return Host(&table_); }
  int64_t now_ns() const { return now_ns_; }
  void SetNow(int64_t now_ns) { now_ns_ = now_ns; }
  void Advance(Duration by) { now_ns_ += by.ns; }
  void Cancel(bool cancelled = true) { cancelled_ = cancelled; }
  void LimitSeries(size_t max_series) { max_series_ = max_series; }
  // An extension of the host's, and whose it is: what fakes of one are made with.
  void Extend(const std::string& id, const void* table, void* owner) {
    const std::lock_guard lock(mutex_);
    extensions_[id] = {table, owner};
  }
  static void* ExtensionOwner(void* ctx, const std::string& id) {
    FakeHost& self = Of(ctx);
    const std::lock_guard lock(self.mutex_);
    return self.extensions_.at(id).second;
  }
  // Makes a handle stale, as the agent does with a series that was silent too long. The next new
  // series gets the slot, with another generation.
  void Expire(heald_series series) {
    const std::lock_guard lock(mutex_);
    const Series* live = LiveLocked(series);
    if (live == nullptr) throw Failure(HEALD_STALE_SERIES, "this series has expired already");
    series_ids_.erase(live->labels);
    series_[HEALD_SERIES_SLOT(series)].reset();
    free_.push_back(series + HEALD_SERIES_MAX_SLOTS);
    --live_;
  }
  bool Alive(heald_series series) const {
    const std::lock_guard lock(mutex_);
    return LiveLocked(series) != nullptr;
  }
  std::vector<Line> log() const {
    const std::lock_guard lock(mutex_);
    return log_;
  }
  // What was recorded under name|label=value… in sum; 0 where nothing was.
  double MetricTotal(const std::string& key) const {
    const std::lock_guard lock(mutex_);
    const auto at = metric_ids_.find(key);
    return at == metric_ids_.end() ? 0 : metrics_[at->second];
  }

 private:
  struct Series {
    Series(LabelSet set, heald_series own)
        : labels(std::move(set)), borrowed(labels), handle(own) {}
    LabelSet labels;
    detail::BorrowedLabels borrowed;
    heald_series handle;
  };
  const Series* LiveLocked(heald_series series) const {
    const uint32_t slot = HEALD_SERIES_SLOT(series);
    if (slot >= series_.size() || series_[slot] == nullptr) return nullptr;
    return series_[slot]->handle == series ? series_[slot].get() : nullptr;
  }
  heald_series FreeHandleLocked() {
    if (!free_.empty()) {
      const heald_series series = free_.back();
      free_.pop_back();
      return series;
    }
    series_.emplace_back();
    return static_cast<heald_series>(series_.size() - 1);
  }
  static FakeHost& Of(void* ctx) { return *static_cast<FakeHost*>(ctx); }

  std::string name_;
  std::string state_dir_;
  heald_host table_{};
  std::atomic<int64_t> now_ns_{1'700'000'000'000'000'000};
  std::atomic<bool> cancelled_{false};
  std::atomic<size_t> max_series_{100'000};
  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::vector<Line> log_;
  std::map<std::string, uint64_t> metric_ids_;
  std::deque<double> metrics_;
  std::map<LabelSet, heald_series> series_ids_;
  std::deque<std::unique_ptr<Series>> series_;  // by slot; null: free
  std::vector<heald_series> free_;              // handles to give out next
  size_t live_ = 0;
  std::map<std::string, std::pair<const void*, void*>> extensions_;
};

// Keeps what a component emits.
class FakeSink {
 public:
  struct Row {
    heald_series series;
    int64_t ts_ns;
    double value;
  };

  explicit FakeSink(FakeHost& host) : host_(host) {
    table_.size = sizeof table_;
    table_.ctx = this;
    table_.reserve = [](void* ctx, uint64_t rows, heald_batch* batch, heald_error* error) {
      FakeSink& self = *static_cast<FakeSink*>(ctx);
      if (self.full_) {
        detail::Fill(error, HEALD_FULL, "the pipeline is behind");
        if (error != nullptr) error->retryable = 1;
        return int32_t{HEALD_FULL};
      }
      auto* columns = new Columns{std::vector<heald_series>(rows), std::vector<int64_t>(rows),
                                  std::vector<double>(rows)};
      batch->series = columns->series.data();
      batch->ts_ns = columns->ts_ns.data();
      batch->value = columns->value.data();
      batch->capacity = rows;
      batch->batch = columns;
      return int32_t{HEALD_OK};
    };
    table_.commit = [](void* ctx, heald_batch* batch, uint64_t rows, heald_error* error) {
      FakeSink& self = *static_cast<FakeSink*>(ctx);
      const std::unique_ptr<Columns> columns(static_cast<Columns*>(batch->batch));
      const std::lock_guard lock(self.mutex_);
      bool stale = false;
      for (uint64_t i = 0; i < rows; ++i) {
        if (self.host_.Alive(columns->series[i]))
          self.rows_.push_back({columns->series[i], columns->ts_ns[i], columns->value[i]});
        else
          stale = true;
      }
      return stale ? detail::Fill(error, HEALD_STALE_SERIES, "a series has expired")
                   : int32_t{HEALD_OK};
    };
    table_.logs = [](void* ctx, const heald_log_line* lines, uint64_t count, uint64_t,
                     heald_error*) {
      FakeSink& self = *static_cast<FakeSink*>(ctx);
      const std::lock_guard lock(self.mutex_);
      for (uint64_t i = 0; i < count; ++i) self.lines_.emplace_back(detail::View(lines[i].line));
      return int32_t{HEALD_OK};
    };
    table_.findings = [](void* ctx, const heald_finding* findings, uint64_t count, uint64_t,
                         heald_error*) {
      FakeSink& self = *static_cast<FakeSink*>(ctx);
      const std::lock_guard lock(self.mutex_);
      for (uint64_t i = 0; i < count; ++i) self.findings_.push_back(Copy(findings[i]));
      return int32_t{HEALD_OK};
    };
  }

  const heald_sink* table() const { return &table_; }
  void SetFull(bool full) { full_ = full; }
  std::vector<Row> TakeRows() {
    const std::lock_guard lock(mutex_);
    return std::exchange(rows_, {});
  }
  std::vector<std::string> TakeLines() {
    const std::lock_guard lock(mutex_);
    return std::exchange(lines_, {});
  }
  std::vector<Finding> TakeFindings() {
    const std::lock_guard lock(mutex_);
    return std::exchange(findings_, {});
  }
  const std::vector<Finding>& findings() const { return findings_; }

 private:
  struct Columns {
    std::vector<heald_series> series;
    std::vector<int64_t> ts_ns;
    std::vector<double> value;
  };
  static Finding Copy(const heald_finding& in) {
    Finding out;
    out.kind = static_cast<FindingKind>(in.kind);
    out.state = static_cast<FindingState>(in.state);
    out.severity = static_cast<Severity>(in.severity);
    out.id = in.id;
    out.series = in.series;
    out.target = LabelSet(in.target);
    out.metric = detail::View(in.metric);
    out.unit = detail::View(in.unit);
    out.summary = detail::View(in.summary);
    out.value = in.value;
    out.expected_low = in.expected_low;
    out.expected_high = in.expected_high;
    out.score = in.score;
    out.confidence = in.confidence;
    out.began_ns = in.began_ns;
    out.ts_ns = in.ts_ns;
    for (uint64_t i = 0; i < in.contributor_count; ++i)
      out.contributors.push_back({std::string(detail::View(in.contributors[i].name)),
                                  in.contributors[i].share, in.contributors[i].value,
                                  in.contributors[i].expected});
    out.probability = in.probability;
    out.eta_ns = in.eta_ns;
    out.eta_low_ns = in.eta_low_ns;
    out.eta_high_ns = in.eta_high_ns;
    out.component = detail::View(in.component);
    out.recommended_action = detail::View(in.recommended_action);
    out.recent.assign(in.recent, in.recent + in.recent_count);
    out.recent_step_ns = in.recent_step_ns;
    out.count = in.count;
    out.annotations = LabelSet(in.annotations);
    return out;
  }

  FakeHost& host_;
  heald_sink table_{};
  std::atomic<bool> full_{false};
  std::mutex mutex_;
  // Guarded by mutex_:
  std::vector<Row> rows_;
  std::vector<std::string> lines_;
  std::vector<Finding> findings_;
};

// Keeps what a detector's Score says.
class FakeScores {
 public:
  struct Scored {
    heald_series series;
    int64_t ts_ns;
    double score;
    std::vector<Contributor> contributors;
  };

  FakeScores() {
    table_.size = sizeof table_;
    table_.ctx = this;
    table_.scores = [](void* ctx, const heald_score* scores, uint64_t count, uint64_t) {
      for (const heald_score& in : std::span(scores, count)) {
        Scored& out = static_cast<FakeScores*>(ctx)->scored_.emplace_back(
            Scored{in.series, in.ts_ns, in.score, {}});
        for (const heald_contributor& c : std::span(in.contributors, in.contributor_count))
          out.contributors.push_back(
              {std::string(detail::View(c.name)), c.share, c.value, c.expected});
      }
    };
  }
  FakeScores(const FakeScores&) = delete;
  FakeScores& operator=(const FakeScores&) = delete;

  const heald_score_sink* table() const { return &table_; }
  std::vector<Scored> Take() { return std::exchange(scored_, {}); }

 private:
  heald_score_sink table_{};
  std::vector<Scored> scored_;
};

// A detector behind its C table, fed sample by sample on the fake clock.
template <typename D>
class DetectorHarness {
 public:
  explicit DetectorHarness(FakeHost& host, const typename D::Config& config = {})
      : host_(host), sink_(host), detector_(host.host(), config) {}

  D& detector() { return detector_; }
  FakeSink& sink() { return sink_; }
  const std::vector<Finding>& findings() const { return sink_.findings(); }
  // Feeds one sample at the clock's time, after moving it on by `step`.
  void Feed(std::string_view metric, const LabelSet& labels, double value,
            Duration step = Seconds(1)) {
    host_.Advance(step);
    FeedAt(metric, labels, value, host_.now_ns());
  }
  void FeedAt(std::string_view metric, const LabelSet& labels, double value, int64_t ts_ns) {
    const heald_series series = host_.host().Intern(metric, labels);
    const heald_samples samples{sizeof(heald_samples), 0, &series, &ts_ns, &value, 1, nullptr};
    heald_error error = detail::NewError();
    detail::Check(D::VTable()->samples(&detector_, &samples, sink_.table(), &error), error);
  }
  // One moment of several series of one target, by way of the extension heald.score/1. `step` as in
  // Feed. Throws Failure(HEALD_UNSUPPORTED) where the detector doesn't have it.
  std::vector<FakeScores::Scored> Score(const std::vector<std::pair<std::string, double>>& values,
                                        const LabelSet& labels, Duration step = Seconds(1)) {
    const auto* extension = static_cast<const heald_score_extension*>(
        D::Extension(detail::Str(std::string_view(HEALD_EXT_SCORE))));
    if (extension == nullptr) throw Failure(HEALD_UNSUPPORTED, "this detector has no Score");
    host_.Advance(step);
    std::vector<heald_series> series;
    std::vector<double> value;
    for (const auto& [metric, v] : values) {
      series.push_back(host_.host().Intern(metric, labels));
      value.push_back(v);
    }
    const std::vector<int64_t> ts_ns(values.size(), host_.now_ns());
    const heald_samples samples{
        sizeof(heald_samples), 0,      series.data(), ts_ns.data(), value.data(),
        values.size(),         nullptr};
    FakeScores scores;
    heald_error error = detail::NewError();
    detail::Check(extension->score(&detector_, &samples, sink_.table(), scores.table(), &error),
                  error);
    return scores.Take();
  }
  void Tick() {
    heald_error error = detail::NewError();
    if (D::VTable()->tick != nullptr)
      detail::Check(D::VTable()->tick(&detector_, host_.now_ns(), sink_.table(), &error), error);
  }
  // Ends a series as the agent does: its labels are gone when the detector hears of it.
  void Expire(std::string_view metric, const LabelSet& labels) {
    const heald_series series = host_.host().Intern(metric, labels);
    host_.Expire(series);
    if (D::VTable()->expired != nullptr)
      D::VTable()->expired(&detector_, &series, 1, sink_.table());
  }
  std::string Snapshot() {
    heald_error error = detail::NewError();
    heald_str state{};
    detail::Check(D::VTable()->snapshot(&detector_, &state, &error), error);
    return std::string(detail::View(state));
  }
  void Restore(std::string_view state) {
    heald_error error = detail::NewError();
    detail::Check(D::VTable()->restore(&detector_, detail::Str(state), &error), error);
  }

 private:
  FakeHost& host_;
  FakeSink sink_;
  D detector_;
};

}  // namespace heald::sdk::testing
