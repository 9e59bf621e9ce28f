// A tape's samples on their way into the pipeline: what it has no room for waits. Used by the
// plugin. Thread rule: one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "heald/plugin.h"
#include "plugins/sources/replay/tape.h"

namespace heald::replay {

class Outlet {
 public:
  // `refused` counts series beyond the node's max_series.
  Outlet(sdk::Host host, const Tape& tape, sdk::Metric refused)
      : host_(host), tape_(tape), refused_(refused) {}

  // The tape's moment, with the time that its samples get.
  void Add(const recording::Moment& moment, int64_t ts_ns);
  // There are so many that they should go.
  bool full() const { return rows_.size() >= kBatchRows; }
  // False: the pipeline is behind; the rows stay.
  bool Flush(sdk::Sink& sink);
  // Waits where the pipeline is behind, as nobody calls again for history.
  void FlushAll(sdk::Sink& sink);

 private:
  struct Row {
    uint32_t series;  // of the tape
    int64_t ts_ns;
    double value;
  };
  static constexpr size_t kBatchRows = 65'536;

  heald_series HandleOf(uint32_t series);

  const sdk::Host host_;
  const Tape& tape_;
  const sdk::Metric refused_;
  std::vector<heald_series> handles_;  // by the tape's series
  std::vector<Row> rows_;
};

}  // namespace heald::replay
