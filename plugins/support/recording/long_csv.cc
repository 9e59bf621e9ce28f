#include "plugins/support/recording/long_csv.h"

#include <set>

#include "heald/time_text.h"

namespace heald::recording {

namespace {

constexpr size_t kFirstLabel = 3;
constexpr size_t kMaxMomentRows = 65'536;

}  // namespace

bool LongCsv::IsHeader(std::string_view line) {
  CsvCells header;
  if (header.Split(line) != nullptr) return false;
  const std::vector<std::string_view>& cells = header.cells();
  return cells.size() >= kFirstLabel && IsTimeName(cells[0]) && cells[1] == "metric" &&
         cells[2] == "value";
}

std::unique_ptr<HistoryFile> LongCsv::Open(std::unique_ptr<LineReader> lines, std::string* error) {
  std::unique_ptr<LongCsv> csv(new LongCsv(std::move(lines)));
  static_cast<void>(csv->cells_.Split(csv->lines_->text()));  // IsHeader saw that it goes
  const std::vector<std::string_view>& cells = csv->cells_.cells();
  csv->labels_.assign(cells.begin() + kFirstLabel, cells.end());
  std::set<std::string> seen;
  for (const std::string& label : csv->labels_) {
    if (!label.empty() && seen.insert(label).second) continue;
    *error = csv->lines_->Where() + (label.empty() ? ": a column has no name"
                                                   : ": two columns are called '" + label + "'");
    return nullptr;
  }
  return csv;
}

Step LongCsv::Fail(const std::string& message) {
  error_ = lines_->Where() + ": " + message;
  return Step::kFailed;
}

uint32_t LongCsv::SeriesOf(const std::vector<std::string_view>& cells) {
  key_ = cells[1];
  for (size_t i = kFirstLabel; i < cells.size(); ++i) key_.append(1, '\0').append(cells[i]);
  const auto [at, added] = known_.try_emplace(key_, static_cast<uint32_t>(series_.size()));
  if (!added) return at->second;
  RecordedSeries& series = series_.emplace_back();
  series.name = cells[1];
  for (size_t i = kFirstLabel; i < cells.size(); ++i)
    if (!cells[i].empty()) series.labels.Set(labels_[i - kFirstLabel], cells[i]);
  return at->second;
}

Step LongCsv::ReadRow() {
  do {
    const Step step = lines_->Next();
    if (step == Step::kFailed) error_ = lines_->error();
    if (lines_->cut_off() && (step == Step::kEnd || lines_->open_end()))
      return Fail("the compressed file is cut off");
    if (step != Step::kNext) return step;
  } while (Trim(lines_->text()).empty());
  if (const char* wrong = cells_.Split(lines_->text())) return Fail(wrong);
  const std::vector<std::string_view>& cells = cells_.cells();
  if (cells.size() != kFirstLabel + labels_.size())
    return Fail(std::to_string(cells.size()) + " cells where " +
                std::to_string(kFirstLabel + labels_.size()) + " are expected");
  if (cells[0] != time_ || time_.empty()) {
    if (const char* hint = sdk::ParseTimeText(cells[0], &ts_ns_))
      return Fail("'" + std::string(cells[0]) + "' is not a time: " + hint);
    time_ = cells[0];
  }
  if (cells[1].empty()) return Fail("the metric has no name");
  sample_.series = SeriesOf(cells);
  missing_ = IsMissing(cells[2]);
  if (missing_ || ParseCell(cells[2], &sample_.value)) return Step::kNext;
  return Fail("'" + std::string(cells[2].substr(0, 40)) +
              "' is not a number; leave the cell empty where none is known");
}

Step LongCsv::Next(Moment* moment) {
  moment->samples.clear();
  if (!pending_)
    if (const Step step = ReadRow(); step != Step::kNext) return step;
  moment->ts_ns = ts_ns_;
  for (;;) {
    if (!missing_) moment->samples.push_back(sample_);
    const Step step = ReadRow();
    if (step == Step::kFailed) return step;
    pending_ = step == Step::kNext;
    if (!pending_ || ts_ns_ != moment->ts_ns || moment->samples.size() >= kMaxMomentRows)
      return Step::kNext;
  }
}

}  // namespace heald::recording
