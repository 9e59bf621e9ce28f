#include "plugins/support/recording/wide_csv.h"

#include <cmath>
#include <set>

#include "plugins/support/recording/series_name.h"

namespace heald::recording {

std::unique_ptr<HistoryFile> WideCsv::Open(const std::string& path, std::string* error) {
  std::unique_ptr<CsvTable> table = CsvTable::Open(path, kFirstNs, error);
  if (!table) return nullptr;
  std::unique_ptr<WideCsv> csv(new WideCsv(std::move(table)));
  std::set<std::string> names;
  std::set<std::string> series;
  for (const std::string& column : csv->table_->columns()) {
    RecordedSeries& parsed = csv->series_.emplace_back();
    const char* wrong = ParseSeriesName(column, &parsed);
    if (wrong == nullptr && !series.insert(SeriesName(parsed)).second)
      wrong = "two columns are the same series";
    if (wrong != nullptr) {
      *error = path + ":" + std::to_string(csv->line()) + ": column '" + column + "': " + wrong;
      return nullptr;
    }
    names.insert(parsed.name);
  }
  csv->outputs_[""] = {names.begin(), names.end()};
  return csv;
}

Step WideCsv::Next(Moment* moment) {
  const Step step = table_->Next();
  if (step == Step::kFailed) error_ = table_->error();
  if (step != Step::kNext) return step;
  const CsvRow& row = table_->row();
  moment->ts_ns = row.ts_ns;
  moment->samples.clear();
  for (uint32_t i = 0; i < row.values.size(); ++i)
    if (!std::isnan(row.values[i])) moment->samples.push_back({i, row.values[i]});
  return Step::kNext;
}

}  // namespace heald::recording
