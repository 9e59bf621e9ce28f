#include "plugins/support/recording/line_reader.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace heald::recording {

namespace {

constexpr size_t kMaxLineBytes = size_t{1} << 20;
constexpr unsigned kChunkBytes = 1u << 18;

}  // namespace

// Lines are handed out of one buffer.
struct LineReader::File {
  explicit File(gzFile opened) : in(opened) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { gzclose(in); }

  gzFile in;
  std::string buffer;
  size_t begin = 0;
  bool end = false;
};

LineReader::LineReader(std::string path, std::unique_ptr<File> file)
    : path_(std::move(path)), file_(std::move(file)) {}

LineReader::~LineReader() = default;

std::unique_ptr<LineReader> LineReader::Open(const std::string& path, std::string* error) {
  const gzFile in = gzopen(path.c_str(), "rb");
  if (in == nullptr) {
    *error = "can't read " + path + ": " + std::strerror(errno);
    return nullptr;
  }
  gzbuffer(in, kChunkBytes);
  return std::unique_ptr<LineReader>(new LineReader(path, std::make_unique<File>(in)));
}

Step LineReader::Next() {
  File& file = *file_;
  size_t searched = file.begin;
  for (;;) {
    const size_t newline = file.buffer.find('\n', searched);
    if (newline != std::string::npos || (file.end && file.begin < file.buffer.size())) {
      const size_t stop = std::min(newline, file.buffer.size());
      text_ = std::string_view(file.buffer).substr(file.begin, stop - file.begin);
      open_end_ = newline == std::string::npos;
      file.begin = std::min(stop + 1, file.buffer.size());
      ++line_;
      if (line_ == 1 && text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);
      return Step::kNext;
    }
    if (file.end) return Step::kEnd;
    file.buffer.erase(0, file.begin);
    file.begin = 0;
    searched = file.buffer.size();
    if (searched > kMaxLineBytes) {
      error_ = path_ + ":" + std::to_string(line_ + 1) +
               ": this line is longer than 1 MiB: is it a file of samples?";
      return Step::kFailed;
    }
    if (!Fill()) return Step::kFailed;
  }
}

bool LineReader::Fill() {
  File& file = *file_;
  const size_t before = file.buffer.size();
  file.buffer.resize(before + kChunkBytes);
  const int got = gzread(file.in, file.buffer.data() + before, kChunkBytes);
  file.buffer.resize(before + static_cast<size_t>(std::max(got, 0)));
  int code = Z_OK;
  const char* const why = gzerror(file.in, &code);
  file.end = got <= 0;
  cut_off_ = file.end && code == Z_BUF_ERROR;
  if (got >= 0 && (got > 0 || cut_off_ || code == Z_OK || code == Z_STREAM_END)) return true;
  if (cut_off_) return true;
  error_ = path_ + ": can't read on after line " + std::to_string(line_) + ": " +
           (code == Z_ERRNO ? std::strerror(errno) : why);
  return false;
}

}  // namespace heald::recording
