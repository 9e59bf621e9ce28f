// Samples into a recording, in the order of time, with an account of what there was and what is
// missing. Used by `heald record`; docs/recording.md describes the file.
// Thread rule: Add is safe from any thread; the rest belongs to one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/result.h"
#include "core/model/series.h"
#include "plugins/support/recording/recording_writer.h"

namespace heald::backtest {

struct RecordSummary {
  struct Gap {
    std::string series;  // "prom.cpu{service="a"}"
    int64_t from_ns = 0;
    int64_t to_ns = 0;
  };
  uint64_t series = 0;
  uint64_t samples = 0;
  int64_t from_ns = 0;  // of the samples
  int64_t to_ns = 0;
  uint64_t gaps = 0;  // times that a series missed more than one sample
  Gap longest;
};

class Recorder {
 public:
  struct Source {
    std::string name;
    std::vector<std::string> outputs;  // as far as they are known
    int64_t interval_ns = 0;           // between its samples; 0: not known, so there are no gaps
  };
  // Writes to PATH.part until it is finished. `table` has the series of what is added.
  static Result<std::unique_ptr<Recorder>> Create(const std::string& path,
                                                  const std::vector<Source>& sources,
                                                  const SeriesTable& table, const std::string& by,
                                                  int64_t now_ns);

  void Add(std::string_view source, uint32_t series, int64_t ts_ns, double value);
  // Hands what is older to the file, in the order of time, safe from a kill. What comes later and
  // is older still is written then, out of order.
  Status WriteUntil(int64_t until_ns);
  // Writes the rest and gives the file its name.
  Status Finish(int64_t now_ns);
  // For a recording that has nothing in it.
  void Discard();
  // Of what was written.
  const RecordSummary& summary() const { return summary_; }
  const std::string& part() const { return part_; }

 private:
  struct Row {
    uint32_t handle;
    uint32_t source;
    int64_t ts_ns;
    double value;
  };
  struct Series {
    std::string name;  // for people
    int64_t interval_ns = 0;
    int64_t last_ns = 0;
  };

  Recorder(std::string path, const std::vector<Source>& sources, const SeriesTable& table);
  void WriteRows(std::vector<Row>& rows);
  uint32_t NumberOf(const Row& row);
  void Account(uint32_t number, int64_t ts_ns);

  const std::string path_;
  const std::string part_;
  const std::vector<Source> sources_;
  const SeriesTable& table_;
  std::unique_ptr<recording::RecordingWriter> writer_;
  std::unordered_map<uint32_t, uint32_t> by_handle_;
  std::map<std::pair<uint32_t, Labels>, uint32_t> by_labels_;  // a series that came back
  std::vector<Series> series_;
  std::vector<recording::RecordedSample> samples_;
  RecordSummary summary_;

  std::mutex mutex_;
  std::vector<Row> rows_;  // guarded by mutex_: not written yet
};

}  // namespace heald::backtest
