// Samples in, samples and findings out. Columns stay the host's: reading and writing them copies
// nothing.
// Thread rule: a Samples view is valid within the call that got it; Sink is [any]; a BatchWriter
// belongs to one thread.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "heald/host.h"

namespace heald::sdk {

inline constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

// Read-only columns; row i is series[i] at ts_ns[i] with value[i].
class Samples {
 public:
  explicit Samples(const heald_samples& samples) : samples_(samples) {}
  uint64_t size() const { return samples_.count; }
  std::span<const heald_series> series() const { return {samples_.series, samples_.count}; }
  std::span<const int64_t> ts_ns() const { return {samples_.ts_ns, samples_.count}; }
  std::span<const double> values() const { return {samples_.value, samples_.count}; }

 private:
  const heald_samples& samples_;
};

enum class FindingKind : uint32_t { kAnomaly, kPrediction, kEvent };
enum class FindingState : uint32_t { kOpen, kUpdate, kClear };

struct Contributor {
  std::string name;
  double share = 0;  // the shares of one finding sum to 1
  double value = kUnknown;
  double expected = kUnknown;
};

// What a detector reports; see heald_finding in heald/abi/records.h for each field's meaning.
struct Finding {
  FindingKind kind = FindingKind::kAnomaly;
  FindingState state = FindingState::kOpen;
  Severity severity = Severity::kNormal;
  uint64_t id = 0;  // unique within the instance, the same from open to clear
  heald_series series = HEALD_SERIES_NONE;
  LabelSet target;
  std::string metric;
  std::string unit;
  std::string summary;
  double value = kUnknown;
  double expected_low = kUnknown;
  double expected_high = kUnknown;
  double score = 0;
  double confidence = 0;
  int64_t began_ns = 0;
  int64_t ts_ns = 0;
  std::vector<Contributor> contributors;
  double probability = kUnknown;
  int64_t eta_ns = 0;
  int64_t eta_low_ns = 0;
  int64_t eta_high_ns = 0;
  std::string component;
  std::string recommended_action;
  std::vector<double> recent;
  int64_t recent_step_ns = 0;
  uint64_t count = 0;
  LabelSet annotations;

  // Takes target and metric from a series' labels: the metric is __name__, the target the rest.
  void About(heald_series about, LabelSet labels) {
    series = about;
    metric = labels.Get("__name__");
    labels.Remove("__name__");
    target = std::move(labels);
  }
};

// Rows on their way out. Gives the batch back when it is dropped without Commit.
class BatchWriter {
 public:
  BatchWriter(const heald_sink* sink, uint64_t rows) : sink_(sink) {
    heald_error error = detail::NewError();
    batch_.size = sizeof batch_;
    detail::Check(sink_->reserve(sink_->ctx, rows, &batch_, &error), error);
  }
  BatchWriter(const BatchWriter&) = delete;
  BatchWriter& operator=(const BatchWriter&) = delete;
  ~BatchWriter() {
    if (batch_.batch != nullptr) sink_->commit(sink_->ctx, &batch_, 0, nullptr);
  }

  uint64_t capacity() const { return batch_.capacity; }
  uint64_t size() const { return rows_; }
  void Add(heald_series series, int64_t ts_ns, double value) {
    if (rows_ == batch_.capacity) throw Failure(HEALD_INVALID, "more rows added than reserved");
    batch_.series[rows_] = series;
    batch_.ts_ns[rows_] = ts_ns;
    batch_.value[rows_++] = value;
  }
  // Publishes the rows. False: some series had expired and their rows were left out; forget the
  // cached handles and intern again.
  bool Commit() {
    heald_error error = detail::NewError();
    const int32_t code = sink_->commit(sink_->ctx, &batch_, rows_, &error);
    batch_.batch = nullptr;
    if (code == HEALD_STALE_SERIES) return false;
    detail::Check(code, error);
    return true;
  }

 private:
  const heald_sink* sink_;
  heald_batch batch_{};
  uint64_t rows_ = 0;
};

class Sink {
 public:
  explicit Sink(const heald_sink* sink) : sink_(sink) {}

  // Throws Failure(HEALD_FULL, retryable) when the pipeline is behind.
  BatchWriter Reserve(uint64_t rows) const { return {sink_, rows}; }

  void Emit(const Finding& finding) const {
    const detail::BorrowedLabels target(finding.target);
    const detail::BorrowedLabels annotations(finding.annotations);
    std::vector<heald_contributor> contributors;
    contributors.reserve(finding.contributors.size());
    for (const Contributor& c : finding.contributors)
      contributors.push_back({detail::Str(c.name), c.share, c.value, c.expected});
    heald_finding out{};
    out.size = sizeof out;
    out.kind = static_cast<uint32_t>(finding.kind);
    out.state = static_cast<uint32_t>(finding.state);
    out.severity = static_cast<uint32_t>(finding.severity);
    out.id = finding.id;
    out.series = finding.series;
    out.target = target.get();
    out.metric = detail::Str(finding.metric);
    out.unit = detail::Str(finding.unit);
    out.summary = detail::Str(finding.summary);
    out.value = finding.value;
    out.expected_low = finding.expected_low;
    out.expected_high = finding.expected_high;
    out.score = finding.score;
    out.confidence = finding.confidence;
    out.began_ns = finding.began_ns;
    out.ts_ns = finding.ts_ns;
    out.contributors = contributors.data();
    out.contributor_count = contributors.size();
    out.probability = finding.probability;
    out.eta_ns = finding.eta_ns;
    out.eta_low_ns = finding.eta_low_ns;
    out.eta_high_ns = finding.eta_high_ns;
    out.component = detail::Str(finding.component);
    out.recommended_action = detail::Str(finding.recommended_action);
    out.recent = finding.recent.data();
    out.recent_count = finding.recent.size();
    out.recent_step_ns = finding.recent_step_ns;
    out.count = finding.count;
    out.annotations = annotations.get();
    heald_error error = detail::NewError();
    detail::Check(sink_->findings(sink_->ctx, &out, 1, sizeof out, &error), error);
  }

  // Copies the lines.
  void EmitLogs(std::span<const heald_log_line> lines) const {
    heald_error error = detail::NewError();
    detail::Check(
        sink_->logs(sink_->ctx, lines.data(), lines.size(), sizeof(heald_log_line), &error), error);
  }

  const heald_sink* raw() const { return sink_; }

 private:
  const heald_sink* sink_;
};

}  // namespace heald::sdk
