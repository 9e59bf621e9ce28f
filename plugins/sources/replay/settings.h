// The configuration of a replay node. Thread rule: plain values; functions read files.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "heald/config.h"

namespace heald::replay {

enum class Shift { kNow, kOriginal };
inline constexpr std::string_view kShifts[] = {"now", "original"};

struct ReplayConfig {
  std::string file;
  std::vector<std::string> files;
  std::string speed = "1";
  bool loop = false;
  Shift shift = Shift::kNow;
  std::map<std::string, std::string> labels;
  std::vector<std::string> sources;
  std::optional<sdk::Duration> interval;
  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(
        Field("file", &ReplayConfig::file, "Recording or CSV, plain or gzipped; * and ? may match"),
        Field("files", &ReplayConfig::files, "Several, played one after the other"),
        Field("speed", &ReplayConfig::speed,
              "1 is as recorded, 60 sixty times faster; max is all at once",
              {.pattern = "^(max|[0-9]+([.][0-9]+)?)$"}),
        Field("loop", &ReplayConfig::loop, "Begin again at the end"),
        Field("shift", &ReplayConfig::shift,
              "now: samples get the time at which they are played; original: they keep theirs, and "
              "old ones are stale",
              {.one_of = kShifts}),
        Field("labels", &ReplayConfig::labels, "Labels for every series"),
        Field("sources", &ReplayConfig::sources,
              "Only what these sources of a recording gave; by default all"),
        Field("interval", &ReplayConfig::interval,
              "Distance of a series' samples while played; a value three of them old is stale, by "
              "default one of five minutes",
              {.min = 1e6}));
  }
};

struct Problem {
  std::string pointer;
  std::string message;
};
std::vector<Problem> CheckConfig(const ReplayConfig& config);

// For configs without problems:

// 0: all at once.
double SpeedOf(const ReplayConfig& config);
// In the order in which they are played; those of a pattern by name.
std::vector<std::string> FilesOf(const ReplayConfig& config);
// Names of the metrics, from the files' heads, or from all of a file whose head doesn't tell.
std::vector<std::string> OutputNames(const ReplayConfig& config);

}  // namespace heald::replay
