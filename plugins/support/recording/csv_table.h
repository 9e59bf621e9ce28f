// Metrics in a CSV file, row by row: `timestamp,metric…`, or without a timestamp one row a minute.
// Used by the host's backtest::MetricCsv and by WideCsv; docs/score.md describes the format to
// people. Thread rule: one thread per reader.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/support/recording/csv_cells.h"
#include "plugins/support/recording/line_reader.h"

namespace heald::recording {

struct CsvRow {
  int64_t ts_ns = 0;
  std::string_view time;       // as the file has it; empty where it has none
  std::vector<double> values;  // NaN: missing
};

class CsvTable {
 public:
  static constexpr int64_t kStepNs = 60'000'000'000;

  // `first_ns`: time of the first row where the file has no times. Null: `error` says why.
  static std::unique_ptr<CsvTable> Open(const std::string& path, int64_t first_ns,
                                        std::string* error);

  const std::vector<std::string>& columns() const { return columns_; }  // without the timestamp
  bool timed() const { return timed_; }
  // Errors name file, line and column.
  Step Next();
  // Views hold until the next call of Next.
  const CsvRow& row() const { return row_; }
  size_t line() const { return lines_->line(); }
  const std::string& error() const { return error_; }

 private:
  CsvTable(std::unique_ptr<LineReader> lines, int64_t first_ns);
  Step ReadCells();
  bool ReadHeader();
  Step FailAt(size_t column, const std::string& message);

  const std::unique_ptr<LineReader> lines_;
  std::vector<std::string> columns_;
  bool timed_ = false;
  bool pending_ = false;  // the line read last is a row that wasn't given yet
  int64_t next_ns_;
  CsvCells cells_;
  CsvRow row_;
  std::string error_;
};

}  // namespace heald::recording
