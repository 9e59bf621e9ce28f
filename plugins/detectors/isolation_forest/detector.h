// isolation_forest as the agent runs it: puts the series of one entity into one row, judges rows by
// a forest, and reports findings about the entity. Used by plugin.cc and by tests.
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
#include "plugins/detectors/isolation_forest/entity.h"

namespace heald::isolation_forest {

struct Thresholds {
  double warning = 0.6;
  double critical = 0.8;

  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(Field("warning", &Thresholds::warning, "Score at which a finding opens",
                            {.min = 0, .max = 1, .exclusive_min = true}),
                      Field("critical", &Thresholds::critical, "Score from which it is critical",
                            {.min = 0, .max = 1, .exclusive_min = true}));
  }
};

struct Config {
  std::vector<std::string> group_by{"instance"};
  std::vector<std::string> features{};
  int64_t n_estimators = 100;
  int64_t max_samples = 256;
  std::optional<sdk::Ratio> contamination{};
  Thresholds thresholds{};
  int64_t min_samples = 128;
  sdk::Duration refit_interval = sdk::Minutes(60);
  int64_t half_life = 10'000;
  int64_t clear_after = 3;
  sdk::Duration stale_after = sdk::Minutes(5);
  sdk::Duration max_hold = sdk::Minutes(60);
  sdk::Duration max_gap = sdk::Minutes(360);
  sdk::Duration update_interval = sdk::Seconds(10);
  int64_t seed = 1;
  int64_t max_features = 128;
  int64_t max_entities = 1000;
  int64_t max_series = 100'000;

  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(
        Field("group_by", &Config::group_by,
              "Series with the same values of these labels are judged together; a series without "
              "them, and every series where this is empty, by itself"),
        Field("features", &Config::features,
              "Names of the metrics or queries to judge; without it all that come in"),
        Field("n_estimators", &Config::n_estimators, "Trees in a forest",
              {.min = 1, .max = Forest::kMaxTrees}),
        Field("max_samples", &Config::max_samples, "Moments that one tree is grown from",
              {.min = 2, .max = Forest::kMaxSamples}),
        Field("contamination", &Config::contamination,
              "Share of the past that counts as unusual: sets the warning threshold with every "
              "forest; without it thresholds.warning",
              {.min = 0, .max = 0.5, .exclusive_min = true}),
        Field("thresholds", &Config::thresholds, "Scores, 0 to 1, from which something is wrong",
              {.keeps_state = true}),
        Field("min_samples", &Config::min_samples, "Moments until an entity is judged",
              {.min = 8, .max = 1'000'000}),
        Field("refit_interval", &Config::refit_interval,
              "A new forest is grown this often, by the samples' time; sooner while few are known",
              {.min = 1e9}),
        Field("half_life", &Config::half_life, "Moments after which half is forgotten",
              {.min = 10, .max = 10'000'000}),
        Field("clear_after", &Config::clear_after, "Normal moments in a row that clear a finding",
              {.min = 1, .max = 1000, .keeps_state = true}),
        Field("stale_after", &Config::stale_after,
              "A series' last value counts for so long; then it is absent",
              {.min = 0, .exclusive_min = true}),
        Field("max_hold", &Config::max_hold,
              "A finding that is open for longer ends: what it shows is usual from then on",
              {.min = 0, .exclusive_min = true, .keeps_state = true}),
        Field("max_gap", &Config::max_gap,
              "After a silence longer than this nobody knows whether a finding still holds, and "
              "what has ended is forgotten",
              {.min = 0, .exclusive_min = true, .keeps_state = true}),
        Field("update_interval", &Config::update_interval,
              "Shortest time between two updates of a finding that doesn't get worse",
              {.min = 0, .keeps_state = true}),
        Field("seed", &Config::seed, "Another number grows other trees"),
        Field("max_features", &Config::max_features,
              "Series of one entity beyond this many are left out", {.min = 1, .max = 10'000}),
        Field("max_entities", &Config::max_entities,
              "Entities beyond this many are left out; each takes about half a megabyte",
              {.min = 1, .max = 1'000'000}),
        Field("max_series", &Config::max_series, "Series beyond this many are left out",
              {.min = 1, .max = 10'000'000, .keeps_state = true}));
  }
};

class Detector : public sdk::Detector<Detector> {
 public:
  static constexpr sdk::Info kInfo{
      .name = "isolation_forest",
      .doc = "Judges an entity's metrics as one row: reports combinations that were rare so far",
      .flags = HEALD_DETERMINISTIC};
  using Config = isolation_forest::Config;

  static void Validate(const Config& config, sdk::Problems& problems);
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
  struct Member {
    Entity* entity = nullptr;  // none: left out
    uint32_t column = 0;
    uint32_t tried = 0;     // room_ when it was left out
    bool unwanted = false;  // not one of `features`
  };
  using Entities = std::map<std::string, std::unique_ptr<Entity>, std::less<>>;

  // scores: null where nobody asks for them.
  void Feed(const sdk::Samples& samples, sdk::Sink& sink, sdk::Scores* scores);
  void Take(Entity& entity, Column& column, int64_t ts_ns, double value, const sdk::Sink& sink);
  // Where the value that its finding tells is far out of the range told.
  static std::optional<Strayed> StrayedOf(const Entity& entity);
  void Learn(Entity& entity);
  void Assess(Entity& entity, const sdk::Sink& sink, sdk::Scores* scores);
  Limits LimitsFor(const Model& model) const;
  void FillRow(const Entity& entity);
  void Fit(Entity& entity);

  // members.cc: who belongs to whom.
  Member* Seat(heald_series series, const sdk::Sink& sink);
  void Join(Member& member, heald_series series, const sdk::LabelSet& labels,
            const sdk::Sink& sink);
  Entity* EntityFor(const std::string& key, const sdk::Sink& sink);
  Column* ColumnFor(Entity& entity, const std::string& identity);
  void Leave(Member& member, heald_series series, const sdk::Sink& sink);
  // Takes out columns whose series ended before `before_ns`.
  void RemoveGone(Entity& entity, int64_t before_ns);
  void Forget(Entities::iterator at, const sdk::Sink& sink);

  // report.cc: what is said.
  struct Cause {
    size_t column;
    double share;
  };
  std::vector<Cause> CausesOf(Entity& entity);
  std::vector<sdk::Contributor> Because(const Entity& entity,
                                        const std::vector<Cause>& causes) const;
  void Report(Entity& entity, const sdk::Sink& sink);
  void Fill(Entity& entity, const std::vector<Cause>& causes, sdk::Finding& finding) const;
  void Close(Entity& entity, sdk::Cleared why, std::string summary, const sdk::Sink& sink);

  sdk::Host host_;
  Config config_;
  Rules rules_;
  sdk::SlotTable<Member> members_;
  Entities entities_;
  std::vector<Entity*> touched_;
  bool told_full_ = false;      // that max_features leaves series out
  std::vector<float> row_;      // scratch: of the moment that is judged
  std::vector<double> credit_;  // scratch: by column
  double agree_ = 0;            // share of the trees that found that moment unusual
  uint32_t room_ = 1;           // changes when somebody leaves
  uint64_t next_id_ = 1;
  sdk::Metric skipped_;
  sdk::Metric rebaselined_;
  sdk::Metric learning_;
  sdk::Metric left_out_;
  sdk::Metric fitted_;
};

}  // namespace heald::isolation_forest
