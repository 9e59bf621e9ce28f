// Drives a pipeline's detectors and the remediation engine on a virtual clock, in one thread: fast
// and the same every time. Used by `heald test`. Thread rule: one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/model/series.h"
#include "core/pipeline/instance.h"
#include "core/remedy/engine.h"

namespace heald::backtest {

struct ReplaySample {
  uint32_t series = kNoSeries;
  int64_t ts_ns = 0;
  double value = 0;
};

class Replay {
 public:
  struct Deps {
    VirtualClock* clock;
    SeriesTable* series;
    InstanceFactory* factory;
    Store* store;
    remedy::ActionGateway* gateway;
    remedy::EventSink* sink;
  };

  // Makes the detectors and the engine. The spec's sources, actions and notifiers are not made.
  static Result<std::unique_ptr<Replay>> Create(const Deps& deps, const PipelineSpec& spec);
  ~Replay();

  // The handle of a source's series.
  Result<uint32_t> Intern(const std::string& source, const std::string& output,
                          const Labels& labels);
  // Samples of one source, now: to every detector that reads them.
  Status Feed(const std::string& source, const std::vector<ReplaySample>& samples);
  // Moves the clock, by way of every tick of the detectors and everything that falls due in the
  // engine or in `next_due` (the gateway's; `deliver` then does it).
  Status AdvanceTo(int64_t ts_ns, const std::function<int64_t()>& next_due,
                   const std::function<void()>& deliver);
  remedy::Engine& engine() { return *engine_; }

 private:
  class Node;

  Replay(const Deps& deps, const PipelineSpec& spec);
  Status TickDetectors();

  const Deps deps_;
  const PipelineSpec spec_;
  remedy::LatestSamples latest_;
  std::vector<std::unique_ptr<Node>> detectors_;
  std::unique_ptr<remedy::Engine> engine_;
  int64_t next_tick_ns_ = 0;
};

}  // namespace heald::backtest
