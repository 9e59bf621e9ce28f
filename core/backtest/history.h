// The past from a file, moment by moment: a recording of `heald record` or CSV, plain or gzipped
// (docs/recording.md). Used by verbs that run over history. Thread rule: one thread per reader.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "plugins/support/recording/history_file.h"

namespace heald::backtest {

using recording::Moment;
using recording::RecordedSample;
using recording::RecordedSeries;

class History {
 public:
  // Looks into the file to see what it is.
  static Result<std::unique_ptr<History>> Open(const std::string& path);

  // Null: no more. Holds until the next call. Errors name file and line.
  Result<const Moment*> Next();
  // What the samples' numbers mean. May grow with each Next; CSV columns come without a source.
  const std::vector<RecordedSeries>& series() const { return file_->series(); }
  bool timed() const { return file_->timed(); }
  // At the end: a warning, or empty. See recording::HistoryFile.
  const std::string& remark() const { return file_->remark(); }

 private:
  explicit History(std::unique_ptr<recording::HistoryFile> file) : file_(std::move(file)) {}

  const std::unique_ptr<recording::HistoryFile> file_;
  Moment moment_;
};

}  // namespace heald::backtest
