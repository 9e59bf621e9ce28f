// The past from a file: a recording of `heald record`, or CSV (docs/recording.md). Used by the
// backtest. Thread rule: one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/backtest/history.h"
#include "core/backtest/past.h"
#include "core/backtest/past_names.h"

namespace heald::backtest {

class FilePast final : public Past {
 public:
  // An error where there is nothing in the span.
  static Result<std::unique_ptr<FilePast>> Open(const std::string& path, const PipelineSpec& spec,
                                                const SpanWanted& wanted);

  Span span() const override { return span_; }
  Result<const PastMoment*> Next(Replay& replay) override;
  std::vector<std::string> notes() const override;
  // Nothing in it is read by the pipeline: what it has, and what would be read.
  std::string why_nothing() const override;

 private:
  // A series of the file.
  struct Route {
    bool known = false;  // the rest is
    bool read = false;
    uint32_t series = kNoSeries;
  };

  FilePast(const std::string& path, const PipelineSpec& spec, std::unique_ptr<History> file)
      : path_(path), names_(spec), file_(std::move(file)) {}
  Status FindBegin(const SpanWanted& wanted);
  Status Read();
  Status Take(Replay& replay);
  Status FindRoute(size_t index, Replay& replay);

  const std::string path_;
  const PastNames names_;
  const std::unique_ptr<History> file_;
  Span span_;
  const Moment* read_ = nullptr;  // and not given yet; null: the end
  std::vector<Route> routes_;     // by the file's numbers
  std::vector<std::string> unread_;
  size_t read_count_ = 0;        // series that somebody reads
  int64_t last_ns_ = INT64_MIN;  // of the moment given last
  uint64_t out_of_order_ = 0;    // samples
  uint64_t refused_ = 0;         // series
  PastMoment moment_;
};

}  // namespace heald::backtest
