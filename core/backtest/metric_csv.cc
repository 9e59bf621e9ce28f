#include "core/backtest/metric_csv.h"

namespace heald::backtest {

Result<std::unique_ptr<MetricCsv>> MetricCsv::Open(const std::string& path, int64_t first_ns) {
  std::string error;
  std::unique_ptr<recording::CsvTable> table = recording::CsvTable::Open(path, first_ns, &error);
  if (!table) return MakeError(Code::kInvalid, error);
  return std::unique_ptr<MetricCsv>(new MetricCsv(std::move(table)));
}

Result<const CsvRow*> MetricCsv::Next() {
  switch (table_->Next()) {
    case recording::Step::kNext:
      return &table_->row();
    case recording::Step::kEnd:
      return static_cast<const CsvRow*>(nullptr);
    case recording::Step::kFailed:
      break;
  }
  return MakeError(Code::kInvalid, table_->error());
}

}  // namespace heald::backtest
