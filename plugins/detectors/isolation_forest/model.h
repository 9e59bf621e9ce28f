// What an entity's rows usually look like, and how unusual one is: a reservoir of the past and the
// forest that was last grown from it. No host, no findings: Detector adds those, Judge says when it
// is enough. README.md explains the rules. Thread rule: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "plugins/detectors/isolation_forest/column.h"
#include "plugins/detectors/isolation_forest/forest.h"
#include "plugins/detectors/isolation_forest/reservoir.h"

namespace heald::isolation_forest {

struct Rules {
  uint32_t trees = 100;
  uint32_t samples = 256;  // of one tree
  size_t min_samples = 128;
  double half_life = 10'000;
  int64_t refit_interval_ns = 3'600'000'000'000;
  std::optional<double> contamination{};
};

class Model {
 public:
  explicit Model(uint64_t seed) : random_(seed), phase_(seed) {}

  // A row has kAspects numbers for each column, NaN where the column is absent. A new column is the
  // last one; the forest knows it from its next growth on.
  void AddColumn() {
    rows_.Widen(rows_.width() + kAspects);
    Release();
  }
  void RemoveColumn(size_t column);
  size_t columns() const { return rows_.width() / kAspects; }

  bool Learning() const { return forest_.empty(); }
  // All that it has seen is still in the reservoir, or was until lately.
  bool Young(const Rules& rules) const { return rows_.seen() <= kRows * rules.samples; }
  // 0 to 1; none while it learns and where more than half of what it knows is absent.
  std::optional<double> Score(std::span<const float> row);
  // How much each column adds to the score, 0 or more; returns the share of trees that agree.
  double Attribute(std::span<const float> row, std::span<double> credit);

  void Learn(const Rules& rules, std::span<const float> row);
  // Part of an incident: not learnt, unless Adopt says later that this is what is usual now.
  void Hold(const Rules& rules, std::span<const float> row);
  void Release() {
    held_ = {};
    held_next_ = 0;
  }
  void Adopt();
  // It is time for a new forest.
  bool Due(const Rules& rules, int64_t ts_ns) const;
  void Fit(const Rules& rules, int64_t ts_ns);

  // Score that the `contamination` of the past reach; 1 where none is given.
  double unusual() const { return unusual_; }
  double typical() const { return typical_; }  // score that half of the past have
  uint64_t seen() const { return rows_.seen(); }
  struct Usual {
    float low = 0;  // 1 % are below
    float middle = 0;
    float high = 0;  // 1 % are above
    float greatest = 0;
  };
  // Of one number of a row; null where the forest doesn't know it.
  const Usual* UsualOf(size_t number) const {
    return number < usual_.size() ? &usual_[number] : nullptr;
  }

  void Save(sdk::SnapshotWriter& out);
  void Load(sdk::SnapshotReader& in);

 private:
  static constexpr size_t kRows = 4;  // reservoir, in samples of one tree

  void Grow(const Rules& rules);
  static Usual UsualIn(std::vector<float>& numbers);
  // Into dense_: with the usual number where one is absent; returns how many columns aren't.
  size_t Fill(std::span<const float> row);

  Reservoir rows_;
  Random random_;
  Forest forest_;
  std::vector<Usual> usual_;  // of each of the forest's numbers
  double unusual_ = 1;
  double typical_ = 0.5;
  uint64_t phase_;          // entities don't all grow at the same moment
  uint64_t next_seen_ = 0;  // of a young entity: grows again when it has seen so many
  int64_t next_ns_ = 0;
  size_t held_next_ = 0;
  std::vector<float> held_;   // the newest rows of an open finding
  std::vector<float> dense_;  // scratch
};

}  // namespace heald::isolation_forest
