#include "core/backtest/metric_csv.h"

#include <zlib.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>

namespace heald::backtest {

namespace {

constexpr size_t kMaxLineBytes = size_t{1} << 20;
constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

std::string Lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

bool IsMissing(std::string_view cell) {
  if (cell.empty()) return true;
  if (cell.size() > 4) return false;
  const std::string lower = Lower(cell);
  return lower == "nan" || lower == "na" || lower == "null" || lower == "none";
}

bool ParseNumber(std::string_view cell, double* value) {
  const char* begin = cell.data();
  const char* const end = begin + cell.size();
  if (begin != end && *begin == '+') ++begin;
  const auto [at, code] = std::from_chars(begin, end, *value);
  if (at != end) return false;
  if (code == std::errc()) return true;
  if (code != std::errc::result_out_of_range) return false;
  *value = std::strtod(std::string(cell).c_str(), nullptr);  // 0 or infinite, as it should be
  return true;
}

bool IsTimeName(std::string_view name) {
  const std::string lower = Lower(name);
  for (const char* known : {"timestamp", "time", "ts", "date", "datetime"})
    if (lower == known) return true;
  return false;
}

}  // namespace

// Plain or gzipped: zlib sees which. Lines are handed out of one buffer.
struct MetricCsv::File {
  explicit File(gzFile opened) : in(opened) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { gzclose(in); }

  gzFile in;
  std::string buffer;
  size_t begin = 0;
  bool end = false;
};

MetricCsv::MetricCsv(std::string path, std::unique_ptr<File> file, int64_t first_ns)
    : path_(std::move(path)), file_(std::move(file)), next_ns_(first_ns) {}

MetricCsv::~MetricCsv() = default;

Result<std::unique_ptr<MetricCsv>> MetricCsv::Open(const std::string& path, int64_t first_ns) {
  const gzFile in = gzopen(path.c_str(), "rb");
  if (in == nullptr)
    return MakeError(Code::kNotFound, "can't read " + path + ": " + std::strerror(errno));
  std::unique_ptr<MetricCsv> csv(new MetricCsv(path, std::make_unique<File>(in), first_ns));
  if (Status status = csv->ReadHeader(); !status) return status.error();
  return csv;
}

Error MetricCsv::At(size_t column, const std::string& message) const {
  std::string where = path_ + ":" + std::to_string(line_);
  if (column > 0) where += ": column " + std::to_string(column);
  const size_t metric = column - (timed_ ? 2 : 1);
  if (column > 0 && metric < columns_.size()) where += " (" + columns_[metric] + ")";
  return MakeError(Code::kInvalid, where + ": " + message);
}

Result<bool> MetricCsv::ReadLine() {
  File& file = *file_;
  size_t searched = file.begin;
  for (;;) {
    const size_t newline = file.buffer.find('\n', searched);
    if (newline != std::string::npos || (file.end && file.begin < file.buffer.size())) {
      const size_t stop = std::min(newline, file.buffer.size());
      text_ = std::string_view(file.buffer).substr(file.begin, stop - file.begin);
      file.begin = std::min(stop + 1, file.buffer.size());
      ++line_;
      if (line_ == 1 && text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);
      return true;
    }
    if (file.end) return false;
    file.buffer.erase(0, file.begin);
    file.begin = 0;
    searched = file.buffer.size();
    if (searched > kMaxLineBytes)
      return MakeError(Code::kInvalid, path_ + ":" + std::to_string(line_ + 1) +
                                           ": this line is longer than 1 MiB: is it a CSV file?");
    constexpr size_t kChunk = size_t{1} << 18;
    file.buffer.resize(searched + kChunk);
    const int got = gzread(file.in, file.buffer.data() + searched, kChunk);
    file.buffer.resize(searched + static_cast<size_t>(std::max(got, 0)));
    int code = Z_OK;
    const char* const why = gzerror(file.in, &code);
    if (got < 0 || (got == 0 && code != Z_OK && code != Z_STREAM_END))
      return MakeError(Code::kInvalid, path_ + ": can't read on after line " +
                                           std::to_string(line_) + ": " +
                                           (code == Z_ERRNO       ? std::strerror(errno)
                                            : code == Z_BUF_ERROR ? "the compressed file is cut off"
                                                                  : why));
    file.end = got == 0;
  }
}

Status MetricCsv::Split() {
  cells_.clear();
  std::string_view rest = text_;
  for (;;) {
    size_t comma = rest.find(',');
    std::string_view cell = Trim(rest.substr(0, comma));
    if (cell.starts_with('"')) {
      const size_t from = static_cast<size_t>(cell.data() - rest.data()) + 1;
      const size_t quote = rest.find('"', from);
      if (quote == std::string_view::npos)
        return At(cells_.size() + 1, "a quote is opened and not closed on this line");
      cell = rest.substr(from, quote - from);
      comma = rest.find(',', quote);
      if (!Trim(rest.substr(quote + 1, std::min(comma, rest.size()) - quote - 1)).empty())
        return At(cells_.size() + 1, "there is something behind the closing quote");
    }
    cells_.push_back(cell);
    if (comma == std::string_view::npos) return {};
    rest.remove_prefix(comma + 1);
  }
}

Status MetricCsv::ReadHeader() {
  do {
    const Result<bool> read = ReadLine();
    if (!read) return read.error();
    if (!*read) return MakeError(Code::kInvalid, path_ + ": the file is empty");
  } while (Trim(text_).empty());
  if (Status status = Split(); !status) return status;
  const bool header = !std::all_of(cells_.begin(), cells_.end(), [](std::string_view cell) {
    double value = 0;
    return IsMissing(cell) || ParseNumber(cell, &value);
  });
  if (!header) {
    for (size_t i = 1; i <= cells_.size(); ++i) columns_.push_back("m" + std::to_string(i));
    pending_ = true;
    return {};
  }
  if (double value = 0; !ParseNumber(cells_[0], &value) && ParseTime(cells_[0]))
    return At(1,
              "this is a time, and the file has no header: put a line such as "
              "'timestamp,cpu,memory' above it");
  timed_ = IsTimeName(cells_[0]);
  if (timed_ && cells_.size() == 1) return At(0, "there is no metric beside the timestamp");
  std::set<std::string> seen;
  for (size_t i = timed_ ? 1 : 0; i < cells_.size(); ++i) {
    std::string name(cells_[i]);
    if (name.empty()) return At(i + 1, "this column has no name");
    if (!seen.insert(name).second) return At(i + 1, "two columns are called '" + name + "'");
    columns_.push_back(std::move(name));
  }
  return {};
}

Result<const CsvRow*> MetricCsv::Next() {
  if (!pending_) {
    do {
      const Result<bool> read = ReadLine();
      if (!read) return read.error();
      if (!*read) return static_cast<const CsvRow*>(nullptr);
    } while (Trim(text_).empty());
    if (Status status = Split(); !status) return status.error();
  }
  pending_ = false;
  const size_t first = timed_ ? 1 : 0;
  if (cells_.size() != columns_.size() + first)
    return At(0, std::to_string(cells_.size()) + (cells_.size() == 1 ? " cell" : " cells") +
                     " where " + std::to_string(columns_.size() + first) + " are expected");
  if (timed_) {
    const Result<int64_t> ts_ns = ParseTime(cells_[0]);
    if (!ts_ns) return At(1, ts_ns.error().message);
    row_.ts_ns = *ts_ns;
    row_.time = cells_[0];
  } else {
    row_.ts_ns = next_ns_;
    next_ns_ += kStepNs;
  }
  row_.values.resize(columns_.size());
  for (size_t i = 0; i < columns_.size(); ++i) {
    const std::string_view cell = cells_[first + i];
    if (ParseNumber(cell, &row_.values[i])) continue;
    if (!IsMissing(cell))
      return At(first + i + 1, "'" + std::string(cell.substr(0, 40)) +
                                   "' is not a number; leave the cell empty where none is known");
    row_.values[i] = kMissing;
  }
  return &row_;
}

}  // namespace heald::backtest
