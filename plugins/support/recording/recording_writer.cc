#include "plugins/support/recording/recording_writer.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "heald/time_text.h"
#include "plugins/support/recording/recording_reader.h"
#include "plugins/support/recording/sample_line.h"

namespace heald::recording {

namespace {

constexpr size_t kDrainBytes = size_t{1} << 16;
constexpr size_t kMaxPairs = 10'000;  // of a line, so that it stays short of a reader's limit

using OrderedJson = nlohmann::ordered_json;

// Text that isn't UTF-8 gets replacement characters.
std::string OneLine(const OrderedJson& json) {
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

}  // namespace

struct RecordingWriter::File {
  File(int opened, gzFile stream) : fd(opened), out(stream) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { Close(); }
  int Close() {
    const int code = out == nullptr ? Z_OK : gzclose(out);
    out = nullptr;
    return code;
  }

  const int fd;  // gzclose closes it
  gzFile out;
};

RecordingWriter::RecordingWriter(std::string path, std::unique_ptr<File> file)
    : path_(std::move(path)), file_(std::move(file)) {}

RecordingWriter::~RecordingWriter() {
  if (file_) Drain();
}

std::unique_ptr<RecordingWriter> RecordingWriter::Create(const std::string& path, bool gzip,
                                                         const Head& head, std::string* error) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) {
    *error = "can't write " + path + ": " + std::strerror(errno);
    return nullptr;
  }
  const gzFile out = gzdopen(fd, gzip ? "wb6" : "wbT");
  if (out == nullptr) {
    close(fd);
    *error = "can't write " + path + ": out of memory";
    return nullptr;
  }
  std::unique_ptr<RecordingWriter> writer(
      new RecordingWriter(path, std::make_unique<File>(fd, out)));
  writer->text_ = OneLine({{"heald_recording", kRecordingVersion},
                           {"began", sdk::FormatTimeText(head.began_ns)},
                           {"by", head.by},
                           {"sources", head.outputs}});
  if (writer->Flush()) return writer;
  *error = writer->error_;
  return nullptr;
}

uint32_t RecordingWriter::Declare(const RecordedSeries& series) {
  OrderedJson labels = OrderedJson::object();
  for (const auto& [label, value] : series.labels.items()) labels[label] = value;
  text_ += OneLine({{"series", series_total_},
                    {"source", series.source},
                    {"name", series.name},
                    {"labels", std::move(labels)}});
  return series_total_++;
}

void RecordingWriter::Add(int64_t ts_ns, std::span<const RecordedSample> samples) {
  samples_total_ += samples.size();
  while (!samples.empty()) {
    const size_t count = std::min(samples.size(), kMaxPairs);
    AppendSampleLine(ts_ns, samples.data(), count, &text_);
    samples = samples.subspan(count);
    if (text_.size() >= kDrainBytes) Drain();
  }
}

bool RecordingWriter::Fail(const std::string& why) {
  if (error_.empty()) error_ = "can't write " + path_ + ": " + why;
  return false;
}

void RecordingWriter::Drain() {
  const auto size = static_cast<unsigned>(text_.size());
  if (size > 0 && gzwrite(file_->out, text_.data(), size) != static_cast<int>(size))
    Fail(std::strerror(errno));
  text_.clear();
}

bool RecordingWriter::Flush() {
  Drain();
  if (error_.empty() && gzflush(file_->out, Z_SYNC_FLUSH) != Z_OK) Fail(std::strerror(errno));
  return error_.empty();
}

bool RecordingWriter::Finish(int64_t ended_ns) {
  text_ += OneLine({{"end", sdk::FormatTimeText(ended_ns)},
                    {"series", series_total_},
                    {"samples", samples_total_}});
  Drain();
  // Flushed with the trailer, and on disk before anyone gives the file its final name.
  if (error_.empty() && gzflush(file_->out, Z_FINISH) != Z_OK) Fail(std::strerror(errno));
  if (error_.empty() && fsync(file_->fd) != 0 && errno != EINVAL && errno != EROFS)
    Fail(std::strerror(errno));
  if (file_->Close() != Z_OK) Fail(std::strerror(errno));
  file_.reset();
  return error_.empty();
}

}  // namespace heald::recording
