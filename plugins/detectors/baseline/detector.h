// baseline as the agent runs it: learns what every series usually does, judges those of one entity
// together, and reports findings about the entity. Used by plugin.cc and by tests.
// Thread rule: as every detector, hooks come one at a time.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "heald/config.h"
#include "heald/plugin.h"
#include "heald/series_book.h"
#include "heald/slot_table.h"
#include "heald/snapshot.h"
#include "plugins/detectors/baseline/entity.h"

namespace heald::baseline {

inline constexpr std::string_view kDirections[] = {"both", "above", "below"};

struct Config {
  std::vector<std::string> group_by{"instance"};
  int64_t half_life = 10'000;
  int64_t min_samples = 30;
  Direction direction = Direction::kBoth;
  double min_deviation = 0;
  sdk::Ratio min_deviation_ratio{0.005};
  std::optional<double> threshold{};
  double critical_at = 2;
  bool season = true;
  int64_t clear_after = 3;
  sdk::Duration max_hold = sdk::Minutes(60);
  sdk::Duration max_gap = sdk::Minutes(360);
  sdk::Duration update_interval = sdk::Seconds(10);
  int64_t max_series = 100'000;
  std::string unit{};

  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(
        Field("group_by", &Config::group_by,
              "Series with the same values of these labels are judged together; a series without "
              "them, and every series where this is empty, by itself"),
        Field("half_life", &Config::half_life, "Samples after which half is forgotten",
              {.min = 10, .max = 10'000'000}),
        Field("min_samples", &Config::min_samples, "Samples until a series is judged",
              {.min = 5, .max = 1'000'000}),
        Field("direction", &Config::direction, "Which side of what is usual is a fault",
              {.one_of = kDirections}),
        Field("min_deviation", &Config::min_deviation,
              "A deviation counts as at least this much, in the metric's unit", {.min = 0}),
        Field("min_deviation_ratio", &Config::min_deviation_ratio,
              "A deviation counts as at least this share of the mean", {.min = 0}),
        Field("threshold", &Config::threshold,
              "Score at which a finding opens; without it 5.1 for series that are judged together "
              "and 2.2 for one by itself",
              {.min = 0, .exclusive_min = true, .keeps_state = true}),
        Field("critical_at", &Config::critical_at,
              "Multiple of the threshold from which it is critical, below it is a warning",
              {.min = 1, .keeps_state = true}),
        Field("season", &Config::season,
              "Learn what is usual at each time of day, and use it where it explains the series"),
        Field("clear_after", &Config::clear_after, "Normal samples in a row that clear a finding",
              {.min = 1, .max = 1000, .keeps_state = true}),
        Field("max_hold", &Config::max_hold,
              "A finding that is open for longer ends: its level is what is usual from then on",
              {.min = 0, .exclusive_min = true, .keeps_state = true}),
        Field("max_gap", &Config::max_gap,
              "After a silence longer than this nobody knows whether a finding still holds",
              {.min = 0, .exclusive_min = true, .keeps_state = true}),
        Field("update_interval", &Config::update_interval,
              "Shortest time between two updates of a finding that doesn't get worse",
              {.min = 0, .keeps_state = true}),
        Field("max_series", &Config::max_series, "Series beyond this many are left out",
              {.min = 1, .max = 10'000'000, .keeps_state = true}),
        Field("unit", &Config::unit,
              "Unit of the values (s, By, 1, 1/s); without it guessed from the metric's name",
              {.keeps_state = true}));
  }
};

class Detector : public sdk::Detector<Detector> {
 public:
  static constexpr sdk::Info kInfo{
      .name = "baseline",
      .doc = "Learns what is usual, also by time of day, and reports what isn't, with its causes",
      .flags = HEALD_DETERMINISTIC};
  using Config = baseline::Config;

  Detector(sdk::Host host, const Config& config);

  void Process(const sdk::Samples& samples, sdk::Sink& sink) { Feed(samples, sink, nullptr); }
  void Score(const sdk::Samples& samples, sdk::Sink& sink, sdk::Scores& scores) {
    Feed(samples, sink, &scores);
  }
  void Tick(int64_t now_ns, sdk::Sink& sink);
  void Expired(std::span<const heald_series> gone, sdk::Sink& sink);
  std::string Snapshot();
  void Restore(std::string_view state);

 private:
  using Key = std::vector<std::string>;

  bool Learning(const Member& member) const;
  // scores: null where nobody asks for them.
  void Feed(const sdk::Samples& samples, sdk::Sink& sink, sdk::Scores* scores);
  Member* Add(heald_series series, sdk::Sink& sink);
  void Join(Member& member, heald_series series, const sdk::LabelSet& labels);
  // A lead of the entity's open finding may be known again after a restart.
  static void Recognise(Entity& entity, heald_series series, const sdk::LabelSet& labels);
  void Leave(Member& member, heald_series series, const sdk::Sink& sink);
  Return ReturnOf(const Entity& entity, int64_t ts_ns) const;
  void Assess(Entity& entity, heald_series alone, int64_t ts_ns, float amount,
              const sdk::Sink& sink, sdk::Scores* scores);
  void JudgeGroup(Entity& entity, const sdk::Sink& sink, sdk::Scores* scores);
  void Rate(const Entity& entity, heald_series alone, int64_t ts_ns, Step step,
            sdk::Scores& scores) const;
  const Rules& RulesFor(bool alone) const { return alone ? alone_ : together_; }

  // report.cc: what is said.
  struct Cause {
    heald_series series;
    const Member* member;
    double share;
  };
  std::vector<Cause> CausesOf(const Entity& entity, heald_series alone) const;
  std::vector<sdk::Contributor> Because(const std::vector<Cause>& causes,
                                        const sdk::LabelSet& target) const;
  void Report(Entity& entity, heald_series alone, const sdk::Sink& sink);
  Lead LeadOf(const Cause& cause) const;
  const Lead* Told(const OpenFinding& open) const;
  void Fill(const Entity& entity, const std::vector<Cause>& causes, OpenFinding& open) const;
  std::string Rebaseline(Entity& entity, heald_series alone);
  void Close(Entity& entity, sdk::Cleared why, std::string summary, const sdk::Sink& sink);

  sdk::Host host_;
  Config config_;
  Habits habits_;
  Rules together_;
  Rules alone_;
  mutable sdk::SlotTable<Member> members_;  // lookup isn't const
  std::map<Key, std::unique_ptr<Grouped>> groups_;
  std::vector<Entity*> touched_;
  // From a snapshot, until they come back.
  std::map<sdk::LabelSet, Member> saved_series_;
  std::map<Key, std::unique_ptr<Grouped>> saved_groups_;
  uint64_t next_id_ = 1;
  sdk::Metric skipped_;
  sdk::Metric rebaselined_;
  sdk::Metric learning_;
  sdk::Metric left_out_;
};

}  // namespace heald::baseline
