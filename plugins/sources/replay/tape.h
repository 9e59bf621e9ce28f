// All files as one stream of moments, with numbers for the series that hold across files. Used by
// the plugin. Thread rule: one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/support/recording/history_file.h"

namespace heald::replay {

// What a file doesn't know the source of belongs to any.
bool IsSelected(const std::vector<std::string>& sources, std::string_view source);

class Tape {
 public:
  struct Contents {
    std::vector<std::string> files;
    std::vector<std::string> sources;  // empty: all
    std::map<std::string, std::string> labels;
    // Something about a file that was read to its end.
    std::function<void(const std::string&)> on_remark;
  };
  explicit Tape(Contents contents) : contents_(std::move(contents)) {}

  // The next moment that has samples, which stays so until Pop; null at the end. Throws
  // Failure(HEALD_INVALID) where a file is broken, again each time.
  const recording::Moment* Peek();
  void Pop() { ready_ = false; }
  void Rewind();

  // By RecordedSample::series of the moments; grows.
  const std::vector<recording::RecordedSeries>& series() const { return series_; }

 private:
  void OpenNext();
  bool ReadMoment();
  uint32_t SeriesOf(uint32_t in_file);

  static constexpr uint32_t kUnselected = UINT32_MAX;
  static constexpr uint32_t kNotSeen = UINT32_MAX - 1;

  const Contents contents_;
  size_t next_file_ = 0;
  std::unique_ptr<recording::HistoryFile> file_;
  std::vector<uint32_t> numbers_;  // of the open file's series, here
  std::vector<recording::RecordedSeries> series_;
  std::map<std::pair<std::string, sdk::LabelSet>, uint32_t> known_;
  recording::Moment read_;
  recording::Moment moment_;
  bool ready_ = false;
  std::string broken_;  // what is wrong with a file; there is no way on
};

}  // namespace heald::replay
