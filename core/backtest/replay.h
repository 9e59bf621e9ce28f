// Drives a pipeline's detectors and the remediation engine on a virtual clock, in one thread: fast
// and the same every time. Used by `heald test` and `heald backtest`. Thread rule: one thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
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
    remedy::EngineOptions engine = {};
    // Is told of every finding before the engine is; may be empty.
    std::function<void(const Finding& finding)> on_finding = {};
  };

  // Makes the detectors and the engine. The spec's sources, actions and notifiers are not made.
  static Result<std::unique_ptr<Replay>> Create(const Deps& deps, const PipelineSpec& spec);
  ~Replay();

  // The handle of a source's series.
  Result<uint32_t> Intern(const std::string& source, const std::string& output,
                          const Labels& labels);
  // Samples of any sources, now: to every detector that reads them. From history it only learns, as
  // the agent does at its start: what is found there comes out once later samples confirm it.
  Status Feed(const std::vector<ReplaySample>& samples, bool history = false);
  // Tells detectors which series had no sample since then. One that comes back under its old handle
  // is a new series, as in the agent.
  void Expire(int64_t before_ns);
  // On to `ts_ns` without ticks, while there is only history to learn from.
  void JumpTo(int64_t ts_ns);
  // Log lines of one source, now: to every detector that reads their query.
  Status FeedLogs(const std::string& source, const std::vector<LogLine>& lines);
  // Moves the clock, by way of every tick of the detectors and everything that falls due in the
  // engine or in `next_due` (the gateway's; `deliver` then does it).
  Status AdvanceTo(int64_t ts_ns, const std::function<int64_t()>& next_due,
                   const std::function<void()>& deliver);
  // A finding, of a detector or of a source that gives findings itself.
  void TellEngine(const Finding& finding);
  remedy::Engine& engine() { return *engine_; }

 private:
  class Node;
  class Sink;
  // One name of one source, and who wants it.
  struct Output {
    std::string source;
    std::string name;
    std::vector<Node*> readers;
    bool looked_up = false;  // by conditions or predictions, as far as known now
  };
  // What is known of a series; conditions see its latest sample only when they may look.
  struct Route {
    uint32_t handle = kNoSeries;
    const SeriesTable::Series* series = nullptr;
    uint32_t output = 0;
    bool unseen = false;
    double value = 0;
    int64_t ts_ns = 0;
  };

  Replay(const Deps& deps, const PipelineSpec& spec);
  Status TickDetectors();
  Route* RouteOf(uint32_t handle);
  uint32_t LiveHandle(uint32_t handle);
  uint32_t OutputOf(const SeriesTable::Series& series);
  void ShowLatest();

  const Deps deps_;
  const PipelineSpec spec_;
  remedy::LatestSamples latest_;
  std::unique_ptr<Sink> sink_;
  std::vector<std::unique_ptr<Node>> detectors_;
  std::unique_ptr<remedy::Engine> engine_;
  int64_t next_tick_ns_ = 0;
  std::vector<Output> outputs_;
  std::map<std::pair<uint32_t, std::string>, uint32_t> output_of_;  // by source and name
  std::vector<Route> routes_;                                       // by slot
  std::vector<uint32_t> unseen_;                                    // slots
  struct Gone {
    uint32_t owner = 0;
    Labels labels;
    uint32_t again = kNoSeries;  // its handle since it came back
  };
  std::unordered_map<uint32_t, Gone> gone_;  // expired, by handle
};

}  // namespace heald::backtest
