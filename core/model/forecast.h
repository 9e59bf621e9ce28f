// A prediction held to its word: what was said when it was made, and what became of it. Made and
// judged by remedy/forecasts.h; kept in the journal; shown by the API and `heald explain`.
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/model/finding.h"

namespace heald {

enum class ForecastOutcome : uint8_t {
  kPending = 0,
  kCameTrue = 1,
  kAverted = 2,      // an action was verified in between, and it didn't happen
  kFalseAlarm = 3,   // it didn't happen, and nobody did anything
  kUndecidable = 4,  // nobody can know: no data, the agent was away, others changed the target
  kSuperseded = 5,   // the same was predicted again, and that one is judged
};
std::string_view ToString(ForecastOutcome outcome);

// What a detector says of its threshold, in annotations of a finding of kind prediction. `horizon`
// is in seconds.
inline constexpr std::string_view kAboveAnnotation = "threshold_above";
inline constexpr std::string_view kBelowAnnotation = "threshold_below";
inline constexpr std::string_view kHorizonAnnotation = "horizon_seconds";

struct Forecast {
  std::string finding;  // id
  uint64_t incident = 0;
  std::string trace_id;
  std::string detector;
  std::string metric;
  std::string unit;
  std::string component;
  Labels target;
  std::string target_key;  // of the incident's target
  // As it was first said:
  double probability = kUnknown;
  int64_t made_ns = 0;
  int64_t eta_low_ns = 0;
  int64_t eta_ns = 0;
  int64_t eta_high_ns = 0;
  int64_t until_ns = 0;         // what hasn't happened by then was a false alarm
  double threshold = kUnknown;  // NaN: the detector names none
  bool above = true;            // it is crossed upwards
  // What became of it:
  ForecastOutcome outcome = ForecastOutcome::kPending;
  int64_t judged_ns = 0;
  int64_t happened_ns = 0;  // 0: it didn't
  std::string reason;
};

}  // namespace heald
