// What the detector keeps: a Member per series, an Entity per thing that is judged (one series, or
// the series of one group). Used by Detector only. Thread rule: plain values.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "heald/batch.h"
#include "plugins/detectors/baseline/judge.h"
#include "plugins/detectors/baseline/series.h"

namespace heald::baseline {

// A series that was wrong when a finding began, and what was expected of it then.
struct Lead {
  heald_series series = HEALD_SERIES_NONE;  // none: restored, and not seen again yet
  double expected = 0;
  double deviation = 0;
  double low = 0;  // NaN: any
  double high = 0;
  bool inside = false;     // its value was as expected: it was how it moved that was wrong
  sdk::LabelSet labels{};  // of a restored one

  bool Out(double value) const { return value > high || value < low; }
  bool Within(double value, double deviations) const {
    return std::fabs(value - expected) <= deviations * deviation;
  }
};

struct OpenFinding {
  sdk::Finding finding{};  // as it was last reported
  int64_t sent_ns = 0;
  std::vector<Lead> leads{};  // whose return to normal ends it; the first ones led most
};

// What several series have together: the moment that is being collected.
struct Group {
  static constexpr size_t kMost = 3;  // series that say how unusual a moment is

  void Note(float amount) {
    if (amount <= most[2]) return;
    most[2] = amount;
    if (most[1] < most[2]) std::swap(most[1], most[2]);
    if (most[0] < most[1]) std::swap(most[0], most[1]);
  }
  float Take() {
    const double sum = static_cast<double>(most[0]) + most[1] + most[2];
    most = {};
    reported = 0;
    ++moment;
    return static_cast<float>(sum);
  }

  std::vector<std::string> key{};
  std::vector<heald_series> members{};
  sdk::LabelSet target{};           // the labels that all members share
  std::array<float, kMost> most{};  // largest first
  int64_t ts_ns = 0;
  uint32_t moment = 1;
  uint32_t reported = 0;  // members of this moment
  uint32_t expected = 0;  // … that make it complete
};

struct Grouped;

// What is judged: one series by itself, or a Grouped.
struct Entity {
  Group* group();  // null: one series by itself
  const Group* group() const { return const_cast<Entity*>(this)->group(); }
  bool Alone() const { return !grouped || group()->members.size() <= 1; }

  // One for each series that is judged by itself: the flag goes into the padding.
  [[no_unique_address]] Judge judge{};
  bool grouped = false;
  std::unique_ptr<OpenFinding> open{};
};

struct Grouped : Entity {
  Grouped() { grouped = true; }
  Group series{};
};

inline Group* Entity::group() {
  return grouped ? &static_cast<Grouped*>(this)->series : nullptr;
}

// Where a series is judged: an entity of its own, which goes with it, or that of a group. One
// pointer, since there may be a million; its lowest bit says which.
class Home {
 public:
  Home() = default;
  Home(Home&& other) noexcept : bits_(std::exchange(other.bits_, 0)) {}
  Home& operator=(Home&& other) noexcept {
    std::swap(bits_, other.bits_);
    return *this;
  }
  ~Home() { delete own(); }

  Entity* get() const { return reinterpret_cast<Entity*>(bits_ & ~kOwn); }
  Entity* own() const { return (bits_ & kOwn) != 0 ? get() : nullptr; }
  void Own(std::unique_ptr<Entity> entity) {
    *this = Home(reinterpret_cast<uintptr_t>(entity.release()) | kOwn);
  }
  void Join(Grouped& group) { *this = Home(reinterpret_cast<uintptr_t>(&group)); }

 private:
  static constexpr uintptr_t kOwn = 1;
  static_assert(alignof(Entity) > kOwn);
  explicit Home(uintptr_t bits) : bits_(bits) {}

  uintptr_t bits_ = 0;
};

struct Member {
  [[no_unique_address]] Series series{};
  float amount = 0;  // of the newest sample
  int64_t last_ns = 0;
  double value = 0;
  Home home{};
  float smoothed = 0;  // … as far as it names causes, of the last few samples
  uint32_t moment = 0;
};

}  // namespace heald::baseline
