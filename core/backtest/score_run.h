// Runs one detector over the rows of one entity, through the same host as the agent does, and says
// for every row how bad it is. Used by `heald score` and the detection benchmark.
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/backtest/quiet_services.h"
#include "core/base/clock.h"
#include "core/model/series.h"
#include "core/pipeline/instance.h"
#include "core/plugin/instances.h"

namespace heald::backtest {

struct RowScore {
  double score = 0;  // finite; 0 while nothing is known; of series judged one by one the mean
  // Of the worst finding that is open after the row; none, but the score is raised: info.
  Severity severity = Severity::kNormal;
  bool alert = false;  // a finding was opened on this row
  // Name and share, largest first, shares sum to 1; empty when normal.
  std::vector<std::pair<std::string, double>> contributors;
};

class ScoreRun final : private Emitter, private NodeContext {
 public:
  struct Options {
    std::string plugin;                // a detector that `plugins` has
    Value config;                      // typed
    std::vector<std::string> columns;  // names of the series
    std::string instance;              // the entity's name: label `instance` of all series
    std::string scratch_dir;           // an empty folder for what the detector may write
    // Takes the detector's log, and outlives the run; none: nobody reads it.
    plugin::Services* services = nullptr;
  };
  static Result<std::unique_ptr<ScoreRun>> Create(const plugin::Loader& plugins, Options options);

  // One value per column; NaN: missing. Rows come in the order of time; what a detector does with
  // one that doesn't is its own affair.
  Result<RowScore> Feed(int64_t ts_ns, std::span<const double> values);
  // What the detector reported on the row fed last.
  const std::vector<Finding>& findings() const { return reported_; }

 private:
  ScoreRun(const plugin::Loader& plugins, Options options);
  Status Start();
  RowScore Judge();
  void AddContributors(RowScore* row) const;

  // Emitter
  Result<SampleBatch*> Reserve(uint64_t) override { return NotASource(); }
  Status Commit(SampleBatch*, uint64_t) override { return NotASource(); }
  Status Logs(std::vector<LogLine>) override { return NotASource(); }
  Status Findings(std::vector<Finding> findings) override;
  static Error NotASource() {
    return MakeError(Code::kUnsupported, "a detector emits findings only");
  }
  // NodeContext
  uint32_t index() const override { return 0; }
  const NodeSpec& spec() const override { return spec_; }
  bool cancelled() const override { return false; }

  const Options options_;
  VirtualClock clock_;
  SeriesTable table_;
  QuietServices services_;
  plugin::Factory factory_;
  NodeSpec spec_;
  std::unique_ptr<DetectorInstance> detector_;
  std::vector<uint32_t> series_;           // by column
  std::map<uint32_t, std::string> names_;  // of the columns, by series
  std::map<std::string, Finding> open_;    // by id
  std::vector<Finding> reported_;          // on this row
  std::vector<MomentScore> scores_;        // of this row
  double last_score_ = 0;                  // of the latest row that had one
};

}  // namespace heald::backtest
