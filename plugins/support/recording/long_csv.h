// CSV with a row per sample, `timestamp,metric,value[,label…]`, as history. Rows of one time that
// follow each other are one moment. Thread rule: as HistoryFile.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "plugins/support/recording/csv_cells.h"
#include "plugins/support/recording/history_file.h"

namespace heald::recording {

class LongCsv final : public HistoryFile {
 public:
  static bool IsHeader(std::string_view line);
  // `lines` gave the header last.
  static std::unique_ptr<HistoryFile> Open(std::unique_ptr<LineReader> lines, std::string* error);
  Step Next(Moment* moment) override;
  size_t line() const override { return lines_->line(); }

 private:
  explicit LongCsv(std::unique_ptr<LineReader> lines) : lines_(std::move(lines)) {}
  Step ReadRow();
  Step Fail(const std::string& message);
  uint32_t SeriesOf(const std::vector<std::string_view>& cells);

  const std::unique_ptr<LineReader> lines_;
  CsvCells cells_;
  std::vector<std::string> labels_;  // names of the columns behind the value
  std::unordered_map<std::string, uint32_t> known_;
  std::string key_;
  std::string time_;  // of the row read last, as the file has it
  int64_t ts_ns_ = 0;
  RecordedSample sample_;  // of that row
  bool missing_ = false;   // it has none
  bool pending_ = false;   // it belongs to the next moment
};

}  // namespace heald::recording
