// The configuration of a log_patterns node. Thread rule: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "heald/config.h"

namespace heald::log_patterns {

struct Config {
  std::vector<std::string> group_by{};
  sdk::Duration interval = sdk::Seconds(30);
  sdk::Duration learn = sdk::Minutes(10);
  sdk::Duration half_life = sdk::Minutes(60);
  bool new_templates = true;
  bool rate_jumps = true;
  bool error_bursts = true;
  double sensitivity = 6;
  double min_ratio = 3;
  int64_t min_count = 20;
  int64_t min_errors = 10;
  double critical_at = 3;
  int64_t clear_after = 3;
  sdk::Duration quiet = sdk::Minutes(5);
  sdk::Duration max_hold = sdk::Minutes(30);
  sdk::Duration update_interval = sdk::Seconds(10);
  sdk::Duration late_by = sdk::Seconds(30);
  std::vector<std::string> level_labels{"level", "severity", "detected_level", "lvl", "loglevel"};
  sdk::Ratio similarity{0.4};
  int64_t depth = 2;
  int64_t max_children = 100;
  int64_t max_templates = 5000;
  int64_t max_groups = 1000;
  sdk::Bytes max_line{4096};

  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(
        Field("group_by", &Config::group_by,
              "Labels of a stream that say what is sick; without them all but the level's"),
        Field("interval", &Config::interval, "Lines are counted in intervals of this length",
              {.min = 1e9, .max = 3.6e12, .keeps_state = true}),
        Field("learn", &Config::learn,
              "Silent so long after the first line of a group, and of a template's rate",
              {.min = 0, .keeps_state = true}),
        Field("half_life", &Config::half_life, "How far back the usual rate reaches",
              {.min = 0, .exclusive_min = true, .keeps_state = true}),
        Field("new_templates", &Config::new_templates, "Report templates never seen before",
              {.keeps_state = true}),
        Field("rate_jumps", &Config::rate_jumps,
              "Report templates that come far more often than usual", {.keeps_state = true}),
        Field("error_bursts", &Config::error_bursts, "Report far more error lines than usual",
              {.keeps_state = true}),
        Field("sensitivity", &Config::sensitivity,
              "Deviations above the usual count of an interval from which it is too many",
              {.min = 0, .exclusive_min = true, .keeps_state = true}),
        Field("min_ratio", &Config::min_ratio, "… and times the usual count",
              {.min = 1, .keeps_state = true}),
        Field("min_count", &Config::min_count, "… and lines of one template at least",
              {.min = 1, .max = 1e9, .keeps_state = true}),
        Field("min_errors", &Config::min_errors, "… and error lines at least",
              {.min = 1, .max = 1e9, .keeps_state = true}),
        Field("critical_at", &Config::critical_at,
              "Times what is too many from which an error burst is critical",
              {.min = 1, .keeps_state = true}),
        Field("clear_after", &Config::clear_after, "Usual intervals in a row that clear a finding",
              {.min = 1, .max = 1000, .keeps_state = true}),
        Field("quiet", &Config::quiet, "A new template that doesn't come for so long is over",
              {.min = 0, .exclusive_min = true, .keeps_state = true}),
        Field("max_hold", &Config::max_hold,
              "Longest time for which something unusual isn't learnt as usual",
              {.min = 0, .exclusive_min = true, .keeps_state = true}),
        Field("update_interval", &Config::update_interval,
              "Shortest time between two updates of a finding that doesn't get worse",
              {.min = 0, .keeps_state = true}),
        Field("late_by", &Config::late_by, "How late lines may come while an interval is judged",
              {.min = 0, .keeps_state = true}),
        Field("level_labels", &Config::level_labels,
              "Labels and structured fields that hold a line's level"),
        Field("similarity", &Config::similarity,
              "Share of equal words from which a line belongs to a template",
              {.min = 0.1, .max = 1}),
        Field("depth", &Config::depth, "Words at the front that have to be equal",
              {.min = 1, .max = 8}),
        Field("max_children", &Config::max_children,
              "Different words in one place until all others count as variable",
              {.min = 2, .max = 10'000}),
        Field("max_templates", &Config::max_templates,
              "Templates kept; the one not seen for longest makes room",
              {.min = 10, .max = 100'000, .keeps_state = true}),
        Field("max_groups", &Config::max_groups,
              "Groups kept; the one without lines for longest makes room",
              {.min = 1, .max = 100'000}),
        Field("max_line", &Config::max_line, "Bytes of a line that are looked at",
              {.min = 64, .max = 65'536}));
  }
};

}  // namespace heald::log_patterns
