// Reads what Prometheus answers to query and query_range, straight into columns. A series' labels
// are parsed once: afterwards the bytes of its "metric" object lead to its handle.
// Thread rule: a parser and a cache belong to one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "heald/host.h"

namespace heald::prometheus {

// Row i is series[i] at ts_ns[i] with value[i].
struct Columns {
  std::vector<uint32_t> series;
  std::vector<int64_t> ts_ns;
  std::vector<double> value;

  size_t size() const { return series.size(); }
  void Resize(size_t rows) {
    series.resize(rows);
    ts_ns.resize(rows);
    value.resize(rows);
  }
  void Add(uint32_t handle, int64_t at_ns, double number) {
    series.push_back(handle);
    ts_ns.push_back(at_ns);
    value.push_back(number);
  }
};

// The series of one query, by the bytes of their "metric" object.
class SeriesCache {
 public:
  static constexpr uint32_t kNoHandle = 0xffffffff;
  // Gives the handle for labels (without __name__), or kNoHandle to leave the series out.
  using Resolve = std::function<uint32_t(const sdk::LabelSet& labels)>;

  explicit SeriesCache(Resolve resolve) : resolve_(std::move(resolve)) {}

  // A new answer begins: series that were away in the one before are resolved again, as the host
  // may have let them expire.
  void Begin();
  uint32_t Handle(std::string_view metric_json);
  // Every handle is to be resolved again.
  void Forget();
  // Series in the latest answer.
  size_t live() const { return now_.size(); }
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    uint32_t handle = kNoHandle;
    uint64_t seen = 0;  // answer
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  using Entries = std::unordered_map<std::string, Entry, Hash, std::equal_to<>>;

  const Resolve resolve_;
  Entries entries_;
  // The order of the answer before and of this one. It hardly ever changes, so the next series is
  // mostly found by one comparison.
  std::vector<Entries::value_type*> before_;
  std::vector<Entries::value_type*> now_;
  uint64_t answer_ = 1;
};

// Labels of a "metric" object, without __name__ and without empty ones.
sdk::LabelSet ParseMetric(std::string_view metric_json);

struct Answer {
  // What is wrong: the server's own words, or why its answer can't be used. Empty: all is well.
  std::string error;
  std::string error_type;  // bad_data, execution, timeout…; empty where it isn't its own
  std::vector<std::string> warnings;  // of the server
  uint64_t nan_rows = 0;              // left out
  uint64_t histogram_rows = 0;        // native histograms: left out
};

class AnswerParser {
 public:
  // server: whose answers they should be, for the message where they aren't.
  explicit AnswerParser(std::string server = "Prometheus");
  ~AnswerParser();

  // An instant vector or a scalar. Appends to `out`; on an error appends nothing. `body` may be
  // moved in memory, to get the room that the parser needs behind it.
  Answer ParseInstant(std::string& body, SeriesCache& cache, Columns* out);
  // A matrix.
  Answer ParseRange(std::string& body, SeriesCache& cache, Columns* out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace heald::prometheus
