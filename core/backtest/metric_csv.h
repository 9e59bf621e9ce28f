// Metrics in a CSV file, row by row: `timestamp,metric…`, or without a timestamp one row a minute.
// Plain or gzipped. Used by `heald score` and the detection benchmark; docs/score.md describes the
// format to people. Thread rule: one thread per reader.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/base/units.h"
#include "plugins/support/recording/csv_table.h"
#include "plugins/support/recording/history_file.h"

namespace heald::backtest {

using recording::CsvRow;

class MetricCsv {
 public:
  static constexpr int64_t kFirstNs = recording::HistoryFile::kFirstNs;
  static constexpr int64_t kStepNs = recording::CsvTable::kStepNs;

  // `first_ns`: time of the first row where the file has no times.
  static Result<std::unique_ptr<MetricCsv>> Open(const std::string& path,
                                                 int64_t first_ns = kFirstNs);

  const std::vector<std::string>& columns() const { return table_->columns(); }
  bool timed() const { return table_->timed(); }
  // Null: no more rows. Views hold until the next call. Errors name file, line and column.
  Result<const CsvRow*> Next();
  // Of the row that Next gave last.
  size_t line() const { return table_->line(); }

 private:
  explicit MetricCsv(std::unique_ptr<recording::CsvTable> table) : table_(std::move(table)) {}

  const std::unique_ptr<recording::CsvTable> table_;
};

}  // namespace heald::backtest
