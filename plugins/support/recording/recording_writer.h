// Writes a recording: docs/recording.md describes the format. Used by `heald record` and by tests.
// Thread rule: one thread per writer.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "plugins/support/recording/history_file.h"

namespace heald::recording {

class RecordingWriter {
 public:
  struct Head {
    int64_t began_ns = 0;  // when the recorder was started
    std::string by;        // which program
    HistoryFile::Outputs outputs;
  };
  // Over an existing file. Null: `error` says why.
  static std::unique_ptr<RecordingWriter> Create(const std::string& path, bool gzip,
                                                 const Head& head, std::string* error);
  // Without Finish the file stays as one that was not finished.
  ~RecordingWriter();

  // The number of a series that is new: samples of it may follow.
  uint32_t Declare(const RecordedSeries& series);
  // Several lines where there are many.
  void Add(int64_t ts_ns, std::span<const RecordedSample> samples);
  // So that what was added survives a kill. False: error() says why, here and in Finish.
  bool Flush();
  // The last line; then syncs the file to disk and closes it.
  bool Finish(int64_t ended_ns);
  const std::string& error() const { return error_; }
  uint64_t samples_total() const { return samples_total_; }
  uint32_t series_total() const { return series_total_; }

 private:
  struct File;

  RecordingWriter(std::string path, std::unique_ptr<File> file);
  void Drain();
  bool Fail(const std::string& why);

  const std::string path_;
  std::unique_ptr<File> file_;
  std::string text_;  // not handed to zlib yet
  uint64_t samples_total_ = 0;
  uint32_t series_total_ = 0;
  std::string error_;
};

}  // namespace heald::recording
