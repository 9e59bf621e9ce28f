// Reads what `heald record` writes. docs/recording.md describes the format. Thread rule: as
// HistoryFile.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "plugins/support/recording/history_file.h"

namespace heald::recording {

// What the first line says; RecordingWriter writes no other.
inline constexpr int kRecordingVersion = 1;

class RecordingReader final : public HistoryFile {
 public:
  // `lines` gave the first line last.
  static std::unique_ptr<HistoryFile> Open(std::unique_ptr<LineReader> lines, std::string* error);
  Step Next(Moment* moment) override;
  size_t line() const override { return lines_->line(); }

 private:
  explicit RecordingReader(std::unique_ptr<LineReader> lines) : lines_(std::move(lines)) {}
  // Empty: done; otherwise what is wrong with the line.
  std::string ReadHead();
  std::string ReadOther();
  Step Finish(const std::string& torn);

  const std::unique_ptr<LineReader> lines_;
  bool ended_ = false;  // by its own last line
};

}  // namespace heald::recording
