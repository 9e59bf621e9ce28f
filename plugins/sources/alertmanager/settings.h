// The configuration of an alertmanager node. Thread rule: plain values and pure functions.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "heald/config.h"
#include "heald/host.h"

namespace heald::alertmanager {

enum class Level { kInfo, kWarning, kCritical };
inline constexpr std::array<std::string_view, 3> kLevelWords = {"info", "warning", "critical"};

struct AlertmanagerConfig {
  std::string severity_label = "severity";
  std::map<std::string, Level> severities;
  Level default_severity = Level::kWarning;
  std::vector<std::string> drop_labels = {"prometheus", "replica"};
  sdk::Duration forget_after = {86'400'000'000'000};
  int64_t max_alerts = 10'000;
  sdk::Bytes max_body = {4 << 20};
  sdk::Duration silent_after = {0};
  static constexpr auto Fields() {
    using C = AlertmanagerConfig;
    using sdk::Field;
    return std::tuple(
        Field("severity_label", &C::severity_label, "Label that says how bad an alert is"),
        Field("severities", &C::severities,
              "What its values mean, beside the usual ones (critical, page, error… are critical; "
              "warning, warn… warning; info, none… info)",
              {.one_of = kLevelWords}),
        Field("default_severity", &C::default_severity, "Of alerts that don't say, or unknown",
              {.one_of = kLevelWords}),
        Field("drop_labels", &C::drop_labels, "Labels that don't tell targets apart"),
        Field("forget_after", &C::forget_after,
              "An alert that wasn't repeated for so long is taken as over; more than "
              "Alertmanager's repeat_interval. 0: never",
              {.min = 0}),
        Field("max_alerts", &C::max_alerts, "Firing alerts kept at a time",
              {.min = 1, .max = 1'000'000}),
        Field("max_body", &C::max_body, "Largest request", {.min = 1024, .max = 16 << 20}),
        Field("silent_after", &C::silent_after,
              "No message for so long is trouble: the node isn't well until one comes. For an "
              "Alertmanager with an alert that always fires. 0: never",
              {.min = 0}));
  }
};

// What can't work: RFC 6901 pointer, and what to do about it.
std::vector<std::pair<std::string, std::string>> CheckConfig(const AlertmanagerConfig& config);

sdk::Severity SeverityOf(const AlertmanagerConfig& config, std::string_view value);

}  // namespace heald::alertmanager
