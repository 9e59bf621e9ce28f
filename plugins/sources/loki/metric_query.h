// One query for values: every step is asked for once, also those that an outage left out. Part of
// the source loki. Thread rule: one thread.
#pragma once

#include <cstdint>
#include <string>

#include "plugins/sources/loki/position.h"
#include "plugins/sources/loki/settings.h"
#include "plugins/support/http.h"
#include "plugins/support/prometheus/answer.h"

namespace heald::loki {

class MetricQuery {
 public:
  MetricQuery(std::string name, std::string logql, const LokiConfig& config,
              const std::string& state_dir, prometheus::SeriesCache::Resolve resolve);

  const std::string& name() const { return name_; }
  prometheus::SeriesCache& cache() { return cache_; }
  // Goes on where an earlier life of the agent was, if there was one: then it has begun.
  void Resume();
  // What was read so far is handed on.
  void SavePosition();
  // The next value is the first after from_ns.
  void BeginAt(int64_t from_ns);
  bool begun() const { return read_to_ns_ != 0; }
  // Something is due at now_ns.
  bool Due(int64_t now_ns) const { return LastStep(now_ns) > read_to_ns_; }

  struct Reading {
    std::string error;
    int64_t retry_after_ns = 0;
    bool cancelled = false;
    bool transport = false;
    bool more = false;  // it isn't all: read again
  };
  // One piece of what is missing until now_ns, appended to rows.
  Reading Read(support::HttpClient& http, prometheus::AnswerParser& parser, int64_t now_ns,
               int64_t timeout_ns, prometheus::Columns* rows);

 private:
  // The last step whose lines have had time to arrive.
  int64_t LastStep(int64_t now_ns) const {
    const int64_t at_ns = now_ns - config_.lag.ns;
    return at_ns - at_ns % config_.interval.ns;
  }

  const std::string name_;
  const std::string logql_;
  const LokiConfig& config_;
  prometheus::SeriesCache cache_;
  int64_t piece_points_;    // of one request, per series
  int64_t read_to_ns_ = 0;  // a step; 0: not begun
  int64_t saved_ns_ = 0;    // of it, in the position
  Position position_;
};

}  // namespace heald::loki
