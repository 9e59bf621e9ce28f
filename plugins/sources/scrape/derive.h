// Turns the pages of one target into the metrics that were asked for: gauges, rates, ratios of two
// rates, quantiles of histograms. Keeps a short window of every counter that takes part.
// Thread rule: a Deriver belongs to one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "heald/host.h"
#include "plugins/sources/scrape/counter_window.h"
#include "plugins/sources/scrape/exposition.h"
#include "plugins/support/selector.h"

namespace heald::scrape {

using support::Matcher;
using support::Selector;

enum class Rule { kGauge, kRate, kRatio, kQuantile };

// How one metric comes about.
struct Derivation {
  std::string name;
  Rule rule = Rule::kGauge;
  std::vector<Selector> of;  // of a histogram: its _bucket series
  std::vector<Selector> to;  // ratio: what is divided by
  double q = 0;              // quantile
  int64_t window_ns = 0;     // all but gauges
  // Labels that stay beside the target's own; the rest is summed up. Absent: all of them, but `le`,
  // and in a ratio those that its selectors ask for.
  std::optional<std::vector<std::string>> by;
};

// One series that comes out. `handle` is the caller's to use; kNoHandle again when the series was
// away for a while.
struct DerivedSeries {
  static constexpr uint32_t kNoHandle = 0xffffffff;
  const Derivation* derivation = nullptr;
  sdk::LabelSet labels;  // without __name__
  uint32_t handle = kNoHandle;
};

struct DerivedSample {
  DerivedSeries* series = nullptr;
  int64_t ts_ns = 0;
  double value = 0;
};

struct HistogramBucket {
  double upper = 0;
  double count = 0;  // cumulative
};

// As Prometheus computes it: linear within a bucket, the last finite bound for what lies beyond it.
// NaN without observations or without a +Inf bucket. Sorts the buckets by bound.
double HistogramQuantile(double q, std::vector<HistogramBucket>& buckets);

// When a page was fetched.
struct FetchTime {
  int64_t wall_ns = 0;  // since the epoch: the samples' time
  int64_t monotonic_ns = 0;
};

class Deriver {
 public:
  // derivations outlive the Deriver. Labels of the target are put on every series; a label that a
  // series already has is kept as exported_NAME, or wins where honor_labels is set.
  Deriver(std::span<const Derivation> derivations, sdk::LabelSet target_labels, bool honor_labels);
  ~Deriver();

  // Empty: the page was good and `out` holds what follows from it. Else its mistake, and the page
  // counts as missed.
  std::string Take(std::string_view page, TextFormat format, const FetchTime& time,
                   std::vector<DerivedSample>* out);
  // The target gave no page: nothing of it is live.
  void Miss();

  // Series of the page that take part.
  size_t inputs() const { return inputs_.size(); }
  // Series whose latest value is of the latest good page.
  size_t live_series() const { return live_series_; }
  uint64_t dropped_nan_total() const { return dropped_nan_total_; }
  uint64_t duplicates_total() const { return duplicates_total_; }
  // Series that were left out because the target exposes more than kMaxInputs that take part.
  uint64_t refused_inputs() const { return refused_inputs_; }

  static constexpr size_t kMaxInputs = 50'000;

 private:
  struct Group;
  struct Use;
  struct Input;
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  bool Wanted(std::string_view metric);
  Input* Find(const ExposedSample& sample);
  void AddUse(Input& input, size_t derivation, bool upper, const sdk::LabelSet& labels);
  sdk::LabelSet Merge(const sdk::LabelSet& exposed) const;
  sdk::LabelSet GroupLabels(size_t derivation, const sdk::LabelSet& merged) const;
  void Apply(Input& input, double value, int64_t ts_ns, const FetchTime& time);
  void Emit(const FetchTime& time, std::vector<DerivedSample>* out);
  bool Compute(Group& group, double* value);
  void Prune(int64_t monotonic_ns);

  const std::span<const Derivation> derivations_;
  const sdk::LabelSet target_labels_;
  const bool honor_labels_;
  std::map<std::string, bool, std::less<>> wanted_;  // metric names
  std::string last_name_;
  bool last_wanted_ = false;
  std::unordered_map<std::string, std::unique_ptr<Input>, Hash, std::equal_to<>> inputs_;
  std::vector<std::map<sdk::LabelSet, std::unique_ptr<Group>>> groups_;  // by derivation
  std::vector<std::unique_ptr<WindowClock>> clocks_;                     // by window
  std::vector<WindowClock*> clock_of_;                                   // by derivation
  std::vector<std::vector<std::string>> summed_;  // by derivation: labels never kept
  std::vector<HistogramBucket> buckets_;          // scratch
  uint64_t page_ = 0;
  size_t live_series_ = 0;
  uint64_t dropped_nan_total_ = 0;
  uint64_t duplicates_total_ = 0;
  uint64_t refused_inputs_ = 0;
};

}  // namespace heald::scrape
