// What a detector says is wrong or about to go wrong: the host's copy of heald_finding, with the
// node it came from. Thread rule: plain values.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "core/model/labels.h"

namespace heald {

enum class Severity : uint8_t { kNormal = 0, kInfo = 1, kWarning = 2, kCritical = 3 };
enum class FindingKind : uint8_t { kAnomaly = 0, kPrediction = 1, kEvent = 2 };
enum class FindingState : uint8_t { kOpen = 0, kUpdate = 1, kClear = 2 };

std::string_view ToString(Severity severity);
std::string_view ToString(FindingKind kind);
std::string_view ToString(FindingState state);

inline constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
inline constexpr uint32_t kNoSeries = 0xffffffffu;

struct Contributor {
  std::string name;
  double share = 0;
  double value = kUnknown;
  double expected = kUnknown;
};

struct Finding {
  std::string node;  // the detector
  // "<node>/<start of the instance in base 36>/<detector's id>": the same from open to clear, never
  // reused.
  std::string id;
  FindingKind kind = FindingKind::kAnomaly;
  FindingState state = FindingState::kOpen;
  Severity severity = Severity::kNormal;
  uint32_t series = kNoSeries;
  Labels target;
  std::string metric;
  std::string unit;
  std::string summary;
  double value = kUnknown;
  double expected_low = kUnknown;
  double expected_high = kUnknown;
  double score = 0;
  double confidence = 0;
  int64_t began_ns = 0;
  int64_t ts_ns = 0;
  std::vector<Contributor> contributors;
  double probability = kUnknown;
  int64_t eta_ns = 0;
  int64_t eta_low_ns = 0;
  int64_t eta_high_ns = 0;
  std::string component;
  std::string recommended_action;
  std::vector<double> recent;
  int64_t recent_step_ns = 0;
  uint64_t count = 0;
  Labels annotations;
  int64_t arrived_ns = 0;  // monotonic time at which the sample behind it came in; not journaled
};

// True for a clear that says that the target recovered. A detector that ends a finding for another
// reason (re-baselined, gap, expired) says so in the clear's annotation `cleared`.
bool Recovered(const Finding& finding);
// One line for people: "payments  latency_p99 1.84 s, expected 0.04–0.09 s  critical (score 9.1)".
std::string Describe(const Finding& finding);
// "1.84 s", "512 MiB", "73 %": three significant digits with the unit.
std::string FormatValue(double value, std::string_view unit);
// The shortest name for a target: its service, pod, container or instance label, else all labels.
std::string TargetName(const Labels& target);

}  // namespace heald
