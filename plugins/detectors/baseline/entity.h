// What the detector keeps: a Member per series, an Entity per thing that is judged (one series, or
// the series of one group). Used by Detector only. Thread rule: plain values.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "heald/batch.h"
#include "plugins/detectors/baseline/judge.h"
#include "plugins/detectors/baseline/series.h"

namespace heald::baseline {

struct OpenFinding {
  sdk::Finding finding{};  // as it was last reported
  int64_t sent_ns = 0;
  std::vector<heald_series> leads{};  // whose return to normal ends it
};

// What several series have together: the moment that is being collected.
struct Group {
  static constexpr size_t kMost = 3;  // series that say how unusual a moment is

  void Note(float amount) {
    auto least = std::min_element(most.begin(), most.end());
    *least = std::max(*least, amount);
  }
  double Take() {
    const double sum = static_cast<double>(most[0]) + most[1] + most[2];
    most = {};
    reported = 0;
    ++moment;
    return sum;
  }

  std::vector<std::string> key{};
  std::vector<heald_series> members{};
  sdk::LabelSet target{};  // the labels that all members share
  std::array<float, kMost> most{};
  int64_t ts_ns = 0;
  uint32_t moment = 1;
  uint32_t reported = 0;  // members of this moment
  uint32_t expected = 0;  // … that make it complete
};

struct Entity {
  Judge judge{};
  std::unique_ptr<OpenFinding> open{};
  std::unique_ptr<Group> group{};  // null: one series by itself
  bool Alone() const { return group == nullptr || group->members.size() <= 1; }
};

struct Member {
  Series series{};
  int64_t last_ns = 0;
  double value = 0;
  std::unique_ptr<Entity> own{};  // where it is judged by itself
  Entity* entity = nullptr;
  float amount = 0;    // of the newest sample
  float smoothed = 0;  // … and of the last few
  uint32_t moment = 0;
};

}  // namespace heald::baseline
