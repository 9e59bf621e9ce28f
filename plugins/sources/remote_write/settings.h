// The configuration of a remote_write node and what follows from it.
// Thread rule: plain values and pure functions.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "heald/config.h"
#include "plugins/support/selector.h"

namespace heald::remote_write {

struct MetricConfig {
  std::string gauge;
  std::string rate;
  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(
        Field("gauge", &MetricConfig::gauge, "Selector of series that are taken as they are"),
        Field("rate", &MetricConfig::rate,
              "Selector of counters, as growth per second since the sample before"));
  }
};

struct RemoteWriteConfig {
  std::map<std::string, MetricConfig> metrics;
  std::vector<std::string> drop_labels;
  sdk::Bytes max_body = {8 << 20};
  sdk::Duration silent_after = sdk::Seconds(300);
  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(
        Field("metrics", &RemoteWriteConfig::metrics,
              "What to take of all that is pushed, by the name it gets", {.required = true}),
        Field("drop_labels", &RemoteWriteConfig::drop_labels,
              "Labels to leave out, such as the one that tells two replicas of Prometheus apart"),
        Field("max_body", &RemoteWriteConfig::max_body, "Largest request, as it is sent",
              {.min = 1024, .max = 16 << 20}),
        Field("silent_after", &RemoteWriteConfig::silent_after,
              "Nothing pushed for so long is trouble: the node isn't well until something comes. "
              "0: never",
              {.min = 0}));
  }
};

// One thing wrong in the config: RFC 6901 pointer and what to do about it.
struct Problem {
  std::string pointer;
  std::string message;
};
std::vector<Problem> CheckConfig(const RemoteWriteConfig& config);

// How one metric comes about.
struct Rule {
  std::string name;
  bool rate = false;
  std::vector<support::Selector> of;
};
// For configs without problems.
std::vector<Rule> RulesOf(const RemoteWriteConfig& config);

}  // namespace heald::remote_write
