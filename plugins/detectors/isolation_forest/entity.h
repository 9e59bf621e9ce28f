// What is judged together: the series of one entity, what they usually do, and the finding about
// them. Used by Detector only. Thread rule: plain values.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "heald/batch.h"
#include "plugins/detectors/isolation_forest/column.h"
#include "plugins/detectors/isolation_forest/judge.h"
#include "plugins/detectors/isolation_forest/model.h"

namespace heald::isolation_forest {

struct OpenFinding {
  sdk::Finding finding{};  // as it was last reported
  int64_t sent_ns = 0;
};

// A value that is far out of what is usual, though the finding that told it has ended.
struct Strayed {
  std::string column{};  // its identity
  double low = 0;
  double high = 0;
  int64_t since_ns = 0;

  bool IsOut(const Column& of) const {
    return of.identity == column && (of.last > high || of.last < low);
  }
};

struct Entity {
  Entity(std::string id, uint64_t seed) : key(std::move(id)), model(seed) {}

  bool Gone() const {
    return std::all_of(columns.begin(), columns.end(),
                       [](const Column& column) { return column.series == HEALD_SERIES_NONE; });
  }

  std::string key;
  Model model;
  Judge judge{};
  std::vector<Column> columns{};
  std::unique_ptr<OpenFinding> open{};
  std::optional<Strayed> strayed{};  // so nothing is learnt
  sdk::LabelSet target{};            // the labels that all its series share
  bool alone = false;                // one series without the labels that make a group
  int64_t ts_ns = 0;                 // of the moment that is being collected
  uint32_t moment = 1;
  uint32_t reported = 0;  // columns of this moment
  uint32_t expected = 0;  // … that make it complete
};

}  // namespace heald::isolation_forest
