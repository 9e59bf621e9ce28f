// CSV with a column per series as history. Thread rule: as HistoryFile.
#pragma once

#include <memory>
#include <string>

#include "plugins/support/recording/csv_table.h"
#include "plugins/support/recording/history_file.h"

namespace heald::recording {

class WideCsv final : public HistoryFile {
 public:
  static std::unique_ptr<HistoryFile> Open(const std::string& path, std::string* error);
  Step Next(Moment* moment) override;
  bool timed() const override { return table_->timed(); }
  size_t line() const override { return table_->line(); }

 private:
  explicit WideCsv(std::unique_ptr<CsvTable> table) : table_(std::move(table)) {}

  const std::unique_ptr<CsvTable> table_;
};

}  // namespace heald::recording
