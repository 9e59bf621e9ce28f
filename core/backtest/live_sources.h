// A pipeline's sources by themselves, as the agent runs them: what they emit goes into a recorder.
// Used by `heald record`. Thread rule: Start and Stop belong to one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/backtest/recorder.h"
#include "core/base/clock.h"
#include "core/pipeline/runner.h"

namespace heald::backtest {

class LiveSources final : private NodeEvents {
 public:
  // `state_dir`: a folder that goes with the run. All of these outlive this.
  LiveSources(const std::string& state_dir, const Clock& clock, SeriesTable& series,
              InstanceFactory& factory, Recorder& recorder);

  // `spec` has only sources.
  Status Start(const PipelineSpec& spec) { return runner_.Start(spec); }
  // False: a call doesn't return; the process should end without waiting for it.
  bool Stop(int64_t within_ns);
  // Sources that don't give what they should now, each with why.
  std::vector<std::string> Complaints() const { return runner_.Complaints(); }

 private:
  // NodeEvents
  bool WantsSamples(const NodeSpec&) override { return true; }
  void OnSamples(const NodeSpec& source, const SampleBatch& batch) override;
  void OnFinding(Finding) override {}
  void OnHealth(const NodeSpec&, const Error*) override {}
  void OnCall(const NodeSpec&, int64_t) override {}
  void OnGone(const NodeSpec&) override {}

  Recorder& recorder_;
  Runner runner_;
};

}  // namespace heald::backtest
