// History from where the pipeline's own sources get their samples: each is asked to look back, a
// slice of time at once, so that memory stays bounded however long the span is. Used by the
// backtest and `heald record`. Thread rule: one thread; a source may emit on others while it is
// asked.
#pragma once

#include <functional>
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
  // The same with all enabled sources, whoever reads them.
  static Result<std::unique_ptr<SourcePast>> OpenAll(const PipelineSpec& spec,
                                                     InstanceFactory& factory, const Span& span);
  ~SourcePast() override;

  Span span() const override { return span_; }
  Result<const PastMoment*> Next(Replay&) override { return Next(); }
  Result<const PastMoment*> Next();

 private:
  class Node;

  explicit SourcePast(const Span& span);
  // `otherwise`: what to do about a source that can't look back.
  Status Start(const PipelineSpec& spec, InstanceFactory& factory,
               const std::function<bool(const NodeSpec&)>& wanted, const char* otherwise);
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
