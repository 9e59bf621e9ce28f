// Samples out of messages: heald's own plain form and those of Telegraf, Vector and Prometheus'
// adapters, told apart by their shape; with or without a CloudEvent around them. README.md shows
// each.
// Thread rule: one thread.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sources/kafka/json.h"
#include "plugins/sources/kafka/series_cache.h"

namespace heald::kafka {

// Row i is series[i] at ts_ns[i] with value[i].
struct Rows {
  std::vector<uint32_t> series;
  std::vector<int64_t> ts_ns;
  std::vector<double> value;
  size_t size() const { return series.size(); }
  void Resize(size_t rows) {
    series.resize(rows);
    ts_ns.resize(rows);
    value.resize(rows);
  }
};

class MetricReader {
 public:
  // What was left out of messages that were understood.
  struct LeftOut {
    uint64_t nan = 0;
    uint64_t unsupported = 0;  // histograms, summaries, sets
  };

  explicit MetricReader(SeriesCache& cache) : cache_(cache) {}

  // Appends a message's samples. `ts_ns`: of the message, for samples without a time of their own.
  // Throws BadMessage, and then has appended nothing.
  LeftOut Read(std::string_view message, int64_t ts_ns, int64_t now_ns, Rows* rows);

 private:
  void Object(const dom::object& object);
  void Telegraf(const dom::object& object, const dom::object& fields);
  void Series(const dom::object& object, const dom::array& samples);
  void Labels(const dom::object& object);
  std::string_view Name(const dom::object& object);
  void Time(const dom::object& object, int64_t otherwise_ns);
  void Value(dom::element value, std::string_view name);
  void Add(std::string_view name, double number);

  SeriesCache& cache_;
  dom::parser parser_;

  // Of the message that is being read:
  Rows* rows_ = nullptr;
  LeftOut left_out_;
  int64_t message_ns_ = 0;
  int64_t now_ns_ = 0;
  int64_t sample_ns_ = 0;
  LabelViews labels_;
  std::vector<std::string> texts_;  // of labels that aren't texts
  std::string_view label_name_;     // the label __name__
  std::string name_;
};

}  // namespace heald::kafka
