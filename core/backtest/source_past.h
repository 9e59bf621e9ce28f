// History from where the pipeline's own sources get their samples: each is asked to look back, a
// slice of time at once, so that memory stays bounded however long the span is. Used by the
// backtest. Thread rule: one thread; a source may emit on others while it is asked.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/backtest/past.h"

namespace heald::backtest {

class SourcePast final : public Past {
 public:
  // Makes and starts the enabled sources that some detector reads. kUnsupported where one of them
  // can't look back, or there is none.
  static Result<std::unique_ptr<SourcePast>> Open(const PipelineSpec& spec,
                                                  InstanceFactory& factory, const Span& span);
  ~SourcePast() override;

  Span span() const override { return span_; }
  Result<const PastMoment*> Next(Replay& replay) override;

 private:
  class Node;

  explicit SourcePast(const Span& span);
  Status ReadSlice();

  Span span_;
  int64_t interval_ns_ = 1;  // the longest of the sources'
  int64_t slice_ns_;         // whole intervals
  int64_t next_slice_ns_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<ReplaySample> rows_;  // of the slice, by time
  size_t at_ = 0;
  PastMoment moment_;
};

}  // namespace heald::backtest
