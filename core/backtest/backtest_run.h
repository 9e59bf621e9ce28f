// A pipeline over recorded history on a virtual clock: the same detectors, conditions and guards as
// in production, no action ever called. History doesn't change by what would have been done: after
// an action it goes on as it did, so "verified" means that it cleared anyway.
// Used by `heald backtest` and its benchmark. Thread rule: one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/backtest/ledger.h"
#include "core/backtest/past.h"
#include "core/plugin/loader.h"

namespace heald::backtest {

struct BacktestOptions {
  SpanWanted span;
  std::string input;  // a CSV file; empty: the pipeline's sources look back
  int64_t now_ns = 0;
  std::string scratch_dir;  // an empty folder
  // Now and then: the time it has come to, and how many samples there were; may be empty.
  std::function<void(const Span& span, int64_t at_ns, uint64_t samples)> on_progress = {};
};

struct Backtest {
  Span span;             // to_ns: where the history really ended
  uint64_t samples = 0;  // in the span
  uint64_t learnt = 0;   // before it
  uint64_t series = 0;
  double seconds = 0;  // that it took
  std::vector<std::string> notes;
  std::unique_ptr<PipelineSpec> spec;  // as it was run
  std::unique_ptr<Ledger> ledger;
};

Result<Backtest> RunBacktest(const PipelineSpec& spec, const plugin::Loader& plugins,
                             const BacktestOptions& options);

}  // namespace heald::backtest
