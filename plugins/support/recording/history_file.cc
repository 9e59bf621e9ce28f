#include "plugins/support/recording/history_file.h"

#include "plugins/support/recording/csv_cells.h"
#include "plugins/support/recording/long_csv.h"
#include "plugins/support/recording/recording_reader.h"
#include "plugins/support/recording/wide_csv.h"

namespace heald::recording {

std::unique_ptr<HistoryFile> HistoryFile::Open(const std::string& path, std::string* error) {
  std::unique_ptr<LineReader> lines = LineReader::Open(path, error);
  if (!lines) return nullptr;
  Step step = Step::kNext;
  do step = lines->Next();
  while (step == Step::kNext && Trim(lines->text()).empty());
  if (step == Step::kFailed) {
    *error = lines->error();
    return nullptr;
  }
  if (step == Step::kEnd) {
    *error = path + ": the file is empty";
    return nullptr;
  }
  if (Trim(lines->text()).starts_with('{')) return RecordingReader::Open(std::move(lines), error);
  if (LongCsv::IsHeader(lines->text())) return LongCsv::Open(std::move(lines), error);
  return WideCsv::Open(path, error);
}

}  // namespace heald::recording
