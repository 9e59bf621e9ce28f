#include "core/backtest/history.h"

namespace heald::backtest {

Result<std::unique_ptr<History>> History::Open(const std::string& path) {
  std::string error;
  std::unique_ptr<recording::HistoryFile> file = recording::HistoryFile::Open(path, &error);
  if (!file) return MakeError(Code::kInvalid, error);
  return std::unique_ptr<History>(new History(std::move(file)));
}

Result<const Moment*> History::Next() {
  switch (file_->Next(&moment_)) {
    case recording::Step::kNext:
      return &moment_;
    case recording::Step::kEnd:
      return static_cast<const Moment*>(nullptr);
    case recording::Step::kFailed:
      break;
  }
  return MakeError(Code::kInvalid, file_->error());
}

}  // namespace heald::backtest
