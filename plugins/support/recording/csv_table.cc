#include "plugins/support/recording/csv_table.h"

#include <algorithm>
#include <limits>
#include <set>

#include "heald/time_text.h"

namespace heald::recording {

namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

}  // namespace

CsvTable::CsvTable(std::unique_ptr<LineReader> lines, int64_t first_ns)
    : lines_(std::move(lines)), next_ns_(first_ns) {}

std::unique_ptr<CsvTable> CsvTable::Open(const std::string& path, int64_t first_ns,
                                         std::string* error) {
  std::unique_ptr<LineReader> lines = LineReader::Open(path, error);
  if (!lines) return nullptr;
  std::unique_ptr<CsvTable> table(new CsvTable(std::move(lines), first_ns));
  if (table->ReadHeader()) return table;
  *error = table->error_;
  return nullptr;
}

Step CsvTable::FailAt(size_t column, const std::string& message) {
  error_ = lines_->Where();
  if (column > 0) error_ += ": column " + std::to_string(column);
  const size_t metric = column - (timed_ ? 2 : 1);
  if (column > 0 && metric < columns_.size()) error_ += " (" + columns_[metric] + ")";
  error_ += ": " + message;
  return Step::kFailed;
}

// The cells of the next line that isn't empty.
Step CsvTable::ReadCells() {
  do {
    const Step step = lines_->Next();
    if (step == Step::kFailed) error_ = lines_->error();
    if (lines_->cut_off() && (step == Step::kEnd || lines_->open_end())) {
      error_ = lines_->path() + ": can't read on after line " + std::to_string(lines_->line()) +
               ": the compressed file is cut off";
      return Step::kFailed;
    }
    if (step != Step::kNext) return step;
  } while (Trim(lines_->text()).empty());
  if (const char* wrong = cells_.Split(lines_->text()))
    return FailAt(cells_.cells().size() + 1, wrong);
  return Step::kNext;
}

bool CsvTable::ReadHeader() {
  const Step step = ReadCells();
  if (step == Step::kEnd) error_ = lines_->path() + ": the file is empty";
  if (step != Step::kNext) return false;
  const auto fail = [this](size_t column, const std::string& message) {
    FailAt(column, message);
    return false;
  };
  const std::vector<std::string_view>& cells = cells_.cells();
  double number = 0;
  const bool header = !std::all_of(cells.begin(), cells.end(), [&](std::string_view cell) {
    return IsMissing(cell) || ParseCell(cell, &number);
  });
  if (!header) {
    for (size_t i = 1; i <= cells.size(); ++i) columns_.push_back("m" + std::to_string(i));
    pending_ = true;
    return true;
  }
  int64_t ts_ns = 0;
  if (!ParseCell(cells[0], &number) && sdk::ParseTimeText(cells[0], &ts_ns) == nullptr)
    return fail(1,
                "this is a time, and the file has no header: put a line such as "
                "'timestamp,cpu,memory' above it");
  timed_ = IsTimeName(cells[0]);
  if (timed_ && cells.size() == 1) return fail(0, "there is no metric beside the timestamp");
  std::set<std::string> seen;
  for (size_t i = timed_ ? 1 : 0; i < cells.size(); ++i) {
    std::string name(cells[i]);
    if (name.empty()) return fail(i + 1, "this column has no name");
    if (!seen.insert(name).second) return fail(i + 1, "two columns are called '" + name + "'");
    columns_.push_back(std::move(name));
  }
  return true;
}

Step CsvTable::Next() {
  if (!pending_)
    if (const Step step = ReadCells(); step != Step::kNext) return step;
  pending_ = false;
  const std::vector<std::string_view>& cells = cells_.cells();
  const size_t first = timed_ ? 1 : 0;
  if (cells.size() != columns_.size() + first)
    return FailAt(0, std::to_string(cells.size()) + (cells.size() == 1 ? " cell" : " cells") +
                         " where " + std::to_string(columns_.size() + first) + " are expected");
  if (timed_) {
    if (const char* hint = sdk::ParseTimeText(cells[0], &row_.ts_ns))
      return FailAt(1, "'" + std::string(cells[0]) + "' is not a time: " + hint);
    row_.time = cells[0];
  } else {
    row_.ts_ns = next_ns_;
    next_ns_ += kStepNs;
  }
  row_.values.resize(columns_.size());
  for (size_t i = 0; i < columns_.size(); ++i) {
    const std::string_view cell = cells[first + i];
    if (ParseCell(cell, &row_.values[i])) continue;
    if (!IsMissing(cell))
      return FailAt(first + i + 1, "'" + std::string(cell.substr(0, 40)) +
                                       "' is not a number; leave the cell empty where none is "
                                       "known");
    row_.values[i] = kMissing;
  }
  return Step::kNext;
}

}  // namespace heald::recording
