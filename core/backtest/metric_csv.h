// Metrics in a CSV file, row by row: `timestamp,metric…`, or without a timestamp one row a minute.
// Plain or gzipped. Used by `heald score` and the detection benchmark; docs/score.md describes the
// format to people. Thread rule: one thread per reader.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/base/units.h"

namespace heald::backtest {

struct CsvRow {
  int64_t ts_ns = 0;
  std::string_view time;       // as the file has it; empty where it has none
  std::vector<double> values;  // NaN: missing
};

class MetricCsv {
 public:
  // Times of rows that have none begin here; late enough for no time to be 0.
  static constexpr int64_t kFirstNs = 946'684'800 * kSecond;  // 2000-01-01
  static constexpr int64_t kStepNs = kMinute;

  // `first_ns`: time of the first row where the file has no times.
  static Result<std::unique_ptr<MetricCsv>> Open(const std::string& path,
                                                 int64_t first_ns = kFirstNs);
  ~MetricCsv();

  const std::vector<std::string>& columns() const { return columns_; }  // without the timestamp
  bool timed() const { return timed_; }
  // Null: no more rows. Views hold until the next call. Errors name file, line and column.
  Result<const CsvRow*> Next();
  // Of the row that Next gave last.
  size_t line() const { return line_; }

 private:
  struct File;

  MetricCsv(std::string path, std::unique_ptr<File> file, int64_t first_ns);
  Result<bool> ReadLine();
  Status ReadHeader();
  Status Split();
  Error At(size_t column, const std::string& message) const;

  const std::string path_;
  const std::unique_ptr<File> file_;
  std::vector<std::string> columns_;
  bool timed_ = false;
  bool pending_ = false;  // the line read last is a row that wasn't given yet
  int64_t next_ns_;
  size_t line_ = 0;
  std::string_view text_;                // of the line
  std::vector<std::string_view> cells_;  // of the line
  CsvRow row_;
};

}  // namespace heald::backtest
