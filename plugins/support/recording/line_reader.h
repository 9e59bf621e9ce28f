// The lines of a file, plain or gzipped: zlib sees which. Used by all readers of recorded samples.
// Thread rule: one thread per reader.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace heald::recording {

enum class Step : uint8_t { kNext, kEnd, kFailed };

class LineReader {
 public:
  // Null: `error` says why.
  static std::unique_ptr<LineReader> Open(const std::string& path, std::string* error);
  ~LineReader();

  Step Next();
  // Without its newline; until the next call.
  std::string_view text() const { return text_; }
  // Of the line that Next gave last, from 1.
  size_t line() const { return line_; }
  // That line has no newline behind it.
  bool open_end() const { return open_end_; }
  // The compressed data ends in the middle: whoever wrote it was stopped.
  bool cut_off() const { return cut_off_; }
  const std::string& path() const { return path_; }
  const std::string& error() const { return error_; }
  // "file:line"
  std::string Where() const { return path_ + ":" + std::to_string(line_); }

 private:
  struct File;

  LineReader(std::string path, std::unique_ptr<File> file);
  bool Fill();

  const std::string path_;
  const std::unique_ptr<File> file_;
  std::string_view text_;
  size_t line_ = 0;
  bool open_end_ = false;
  bool cut_off_ = false;
  std::string error_;
};

}  // namespace heald::recording
