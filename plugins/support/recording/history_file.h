// Recorded samples moment by moment, whatever the file: a recording of `heald record`, CSV with a
// column per series, CSV with a row per sample; each plain or gzipped. Used by source `replay` and
// by the host's backtest::History. docs/recording.md describes the formats to people.
// Thread rule: one thread per reader.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "heald/host.h"
#include "plugins/support/recording/line_reader.h"

namespace heald::recording {

struct RecordedSeries {
  std::string source;  // the node's name; empty where the file doesn't say
  std::string name;    // of the metric (query)
  sdk::LabelSet labels;
};

struct RecordedSample {
  uint32_t series = 0;  // index into HistoryFile::series()
  double value = 0;     // may be NaN or ±Inf: that was recorded
};

// What was seen at one time, or a part of it: the next moment may have the same time, and in a
// careless file an earlier one.
struct Moment {
  int64_t ts_ns = 0;
  std::vector<RecordedSample> samples;
};

class HistoryFile {
 public:
  // Times of rows that have none begin here; late enough for no time to be 0.
  static constexpr int64_t kFirstNs = 946'684'800'000'000'000;  // 2000-01-01

  // Looks into the file to see what it is. Null: `error` says why.
  static std::unique_ptr<HistoryFile> Open(const std::string& path, std::string* error);
  virtual ~HistoryFile() = default;

  // Fills `moment`. kFailed: error() names the file and the line.
  virtual Step Next(Moment* moment) = 0;
  // Grows while a recording or a CSV with a row per sample is read; indices stay.
  const std::vector<RecordedSeries>& series() const { return series_; }
  // Metrics by source as far as the file's head tells, before the first Next; empty: it doesn't.
  using Outputs = std::map<std::string, std::vector<std::string>>;
  const Outputs& outputs() const { return outputs_; }
  // False: the times are made up, a row a minute.
  virtual bool timed() const { return true; }
  virtual size_t line() const = 0;
  const std::string& error() const { return error_; }
  // Once read to its end: what is wrong with the file although all that is there was read (the
  // recorder was killed); empty: nothing.
  const std::string& remark() const { return remark_; }

 protected:
  std::vector<RecordedSeries> series_;
  Outputs outputs_;
  std::string error_;
  std::string remark_;
};

}  // namespace heald::recording
