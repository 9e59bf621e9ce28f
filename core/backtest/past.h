// Recorded samples, moment by moment, as a pipeline that runs over them takes them. Implemented
// over files and over what the pipeline's own sources can look up. Used by the backtest. Thread
// rule: one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/backtest/replay.h"
#include "core/base/units.h"

namespace heald::backtest {

// What to look at, as asked; whatever isn't said is taken from the history.
struct SpanWanted {
  static constexpr int64_t kWarmupNs = kDay;

  std::optional<int64_t> from_ns;
  std::optional<int64_t> to_ns;
  std::optional<int64_t> warmup_ns;
};

struct Span {
  int64_t begin_ns = 0;  // from here to from_ns detectors only learn
  int64_t from_ns = 0;
  int64_t to_ns = INT64_MAX;  // exclusive
};

struct PastMoment {
  int64_t ts_ns = 0;
  std::vector<ReplaySample> samples;
};

class Past {
 public:
  virtual ~Past() = default;
  // Known once it is open.
  virtual Span span() const = 0;
  // Later than the one before; null: there is no more. Series are made in `replay`.
  virtual Result<const PastMoment*> Next(Replay& replay) = 0;
  // What people should know of it: columns that nobody reads, rows left out.
  virtual std::vector<std::string> notes() const { return {}; }
  // At the end, where there was no sample: why; empty: it isn't known.
  virtual std::string why_nothing() const { return {}; }
};

}  // namespace heald::backtest
