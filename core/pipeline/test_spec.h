// Unit tests of a pipeline as plain data: what config reads from `tests:` and core/backtest runs.
// Times are offsets from the test's start. Thread rule: immutable once loaded.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/units.h"
#include "core/model/incident.h"
#include "core/model/labels.h"

namespace heald {

// Nothing at a step: the source had no sample then.
using TestValues = std::vector<std::optional<double>>;

struct TestSeries {
  std::string source;
  std::string output;
  Labels labels;
  int64_t every_ns = 10 * kSecond;
  TestValues values;
  // Instead of the rest, from the moment that action has taken effect on a target of this series.
  std::map<std::string, TestValues> after;
};

// Log lines of one stream.
struct TestLines {
  std::string source;
  std::string output;
  Labels labels;
  int64_t from_ns = 0;
  int64_t every_ns = 10 * kSecond;
  uint64_t times = 0;              // lines in all
  std::vector<std::string> lines;  // in turn; {n} is the number of the line
};

// How the pretended target of an action behaves.
struct TestTarget {
  enum class Result : uint8_t { kDone, kFailed, kAbsent, kRefused };
  int64_t takes_ns = kSecond;
  Result result = Result::kDone;
  bool reversible = false;
  bool can_canary = false;
};

// What a person does meanwhile.
struct TestDeed {
  enum class What : uint8_t { kApprove, kDeny, kSwitchOn, kSwitchOff, kMode };
  int64_t at_ns = 0;
  What what = What::kApprove;
  std::string policy;
  Mode mode = Mode::kShadow;  // kMode: the policy's from then on
};

struct TestExpectation {
  std::string kind;                           // "finding", "decision", "execution", "incident"
  std::map<std::string, std::string> fields;  // each must be equal
  Labels target;                              // each label must be there
  int64_t from_ns = 0;
  int64_t to_ns = INT64_MAX;
  std::optional<uint64_t> count;  // exactly; otherwise once at least
  bool never = false;
  std::string path;
  int line = 0;  // in the file, for the report
};

struct PipelineTest {
  std::string name;
  std::vector<TestSeries> feed;
  std::vector<TestLines> logs;
  std::map<std::string, TestTarget> targets;  // by action
  std::vector<TestDeed> deeds;                // in order of time
  int64_t run_ns = 0;                         // 0: until the feed ends
  std::vector<TestExpectation> expectations;
  std::string file;
  int line = 0;
};

}  // namespace heald
