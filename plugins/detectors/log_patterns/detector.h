// log_patterns as the agent runs it: learns templates, counts them by group (what a finding says is
// sick), and reports new templates, rates that jump and error bursts. README.md explains the rules.
// Used by plugin.cc and by tests. Thread rule: as every detector, hooks come one at a time.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "heald/plugin.h"
#include "heald/series_book.h"
#include "plugins/detectors/log_patterns/config.h"
#include "plugins/detectors/log_patterns/templates.h"

namespace heald::log_patterns {

enum class Kind : uint8_t { kNew, kJump, kErrors };
inline constexpr size_t kKinds = 3;
inline constexpr std::string_view kMetrics[kKinds] = {"new_log_templates", "log_template_rate",
                                                      "error_log_rate"};

// A template that an open finding is about.
struct Concerned {
  uint32_t id = 0;
  uint64_t serial = 0;  // of the template, as ids are used again
  int64_t hot = 0;      // interval in which it was last too much
  uint64_t count = 0;   // lines since it began
};

struct OpenFinding {
  uint64_t id = 0;  // 0: none is open
  int64_t began_ns = 0;
  int64_t ts_ns = 0;
  int64_t sent_ns = 0;
  int64_t began = 0;  // interval
  int64_t hot = 0;    // interval in which it was last too much
  uint64_t count = 0;
  double score = 0;
  double confidence = 0;
  sdk::Severity severity = sdk::Severity::kNormal;
  std::vector<double> recent;
  std::vector<Concerned> templates;
};

struct Group {
  uint32_t id = 0;
  sdk::LabelSet target;
  int64_t born = 0;        // interval of its first line
  int64_t now = 0;         // interval of its latest line, or of the clock where none come
  int64_t last_ns = 0;     // of its latest line
  int64_t arrived_ns = 0;  // when that came, by the host's clock
  size_t streams = 0;
  Rate errors;
  Rate fresh;  // templates never seen before
  std::array<OpenFinding, kKinds> open;
};

class Detector : public sdk::Detector<Detector> {
 public:
  static constexpr sdk::Info kInfo{
      .name = "log_patterns",
      .doc = "Reports new log templates, template rates that jump and bursts of errors",
      .flags = HEALD_DETERMINISTIC};
  using Config = log_patterns::Config;
  static constexpr size_t kMostConcerned = 20;

  Detector(sdk::Host host, const Config& config);
  static void Validate(const Config& config, sdk::Problems& problems);

  void ProcessLogs(std::span<const heald_log_line> lines, sdk::Sink& sink);
  void Tick(int64_t now_ns, sdk::Sink& sink);
  void Expired(std::span<const heald_series> gone, sdk::Sink& sink);
  std::string Snapshot();
  void Restore(std::string_view state);

  const Templates& templates() const { return templates_; }
  size_t group_count() const { return groups_.size(); }

 private:
  struct Stream {
    Group* group = nullptr;
    Level level = Level::kUnknown;  // of all its lines, where a label says
  };
  struct Line {
    int64_t ts_ns = 0;
    int64_t interval = 0;
    Level level = Level::kUnknown;
  };

  TreeLimits LimitsOf() const;
  int64_t IntervalOf(int64_t ts_ns) const { return ts_ns / config_.interval.ns; }
  int64_t Intervals(sdk::Duration time) const;
  bool Learnt(const Group& group) const;
  bool Overflows(const Group& group, int64_t ts_ns) const;
  Stream& StreamOf(heald_series series, const sdk::Sink& sink);
  Group& GroupOf(sdk::LabelSet target, const sdk::Sink& sink);
  void EvictGroup(const sdk::Sink& sink);
  Level LevelIn(const heald_labels& labels) const;

  void Take(const heald_log_line& in, int64_t now_ns, const sdk::Sink& sink);
  void Count(Group& group, uint32_t id, const Line& line, const sdk::Sink& sink);
  void OnCreated(Group& group, uint32_t id, const Line& line);
  void OnNews(Group& group, uint32_t id, const Line& line, const sdk::Sink& sink);
  void OnJump(Group& group, uint32_t id, const Rate& rate, const Line& line, const sdk::Sink& sink);
  void OnErrors(Group& group, const Line& line, const sdk::Sink& sink);
  void AdvanceTo(Group& group, int64_t interval, const sdk::Sink& sink);
  void EndNews(Group& group, const sdk::Sink& sink);
  void EndJump(Group& group, const sdk::Sink& sink);
  void EndErrors(Group& group, const sdk::Sink& sink);

  // report.cc
  void Report(Group& group, Kind kind, sdk::Severity severity, double value, const Line& line,
              const sdk::Sink& sink);
  void Clear(Group& group, Kind kind, sdk::Cleared why, std::string summary, const sdk::Sink& sink);
  void ClearAll(Group& group, sdk::Cleared why, const std::string& summary, const sdk::Sink& sink);
  // The templates behind it, most lines first.
  struct Share {
    const Template* known;
    double lines;
    double usual;  // lines of an interval
  };
  std::vector<Share> SharesOf(Group& group, Kind kind);
  sdk::Finding FindingOf(Group& group, Kind kind);

  Concerned& Concern(OpenFinding& open, uint32_t id, int64_t interval);

  sdk::Host host_;
  const Config config_;
  const RateSettings rates_;
  const RateSettings errors_;
  Splitter splitter_;
  Templates templates_;
  sdk::SlotTable<Stream> streams_;
  Stream no_stream_;  // for lines of none
  std::map<sdk::LabelSet, std::unique_ptr<Group>> groups_;
  uint32_t next_group_ = 1;
  uint64_t next_finding_ = 1;
  uint64_t skipped_ = 0;
  uint64_t late_ = 0;
  uint64_t evicted_ = 0;  // as it was last told
  sdk::Metric lines_total_;
  sdk::Metric skipped_total_;
  sdk::Metric late_total_;
  sdk::Metric evicted_total_;
  sdk::Metric template_count_;
  sdk::Metric learning_;
};

}  // namespace heald::log_patterns
