// Configuration of the notifier `pagerduty`. Thread rule: plain values.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "heald/plugin.h"
#include "plugins/support/http_config.h"
#include "plugins/support/notice.h"

namespace heald::pagerduty {

enum class Severity { kCritical, kError, kWarning, kInfo };
inline constexpr std::string_view kSeverityWords[] = {"critical", "error", "warning", "info"};

// heald's severity on the left, PagerDuty's on the right.
struct SeverityConfig {
  Severity critical = Severity::kCritical;
  Severity warning = Severity::kWarning;
  Severity info = Severity::kInfo;
  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(
        Field("critical", &SeverityConfig::critical, "What critical becomes",
              {.one_of = kSeverityWords}),
        Field("warning", &SeverityConfig::warning, "What warning becomes",
              {.one_of = kSeverityWords}),
        Field("info", &SeverityConfig::info, "What info becomes", {.one_of = kSeverityWords}));
  }
};

struct Config : support::HttpConfig {
  Config() { url = "https://events.pagerduty.com/v2/enqueue"; }

  std::string routing_key;
  std::vector<support::Event> trigger_on;
  SeverityConfig severity;
  std::string summary;
  std::string link = "${incident.url}";
  std::map<std::string, std::string> details;
  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple_cat(
        std::tuple(
            Field("routing_key", &Config::routing_key,
                  "Integration key of the service, of type Events API v2",
                  {.required = true, .secret = true}),
            Field("url", &Config::url, "The Events API; in the EU service region events.eu.…"),
            Field("trigger_on", &Config::trigger_on,
                  "What calls somebody; awaiting_approval and escalated by default",
                  {.one_of = support::kEventWords}),
            Field("severity", &Config::severity, "What a severity becomes there"),
            Field("summary", &Config::summary,
                  "Title of the alert, instead of \"🚨 Needs a person · payments · latency\"",
                  {.runtime = true}),
            Field("link", &Config::link, "Where the alert's link leads", {.runtime = true}),
            Field("details", &Config::details, "More for custom_details", {.runtime = true})),
        HttpConfig::ConnectionFields());
  }
};

}  // namespace heald::pagerduty
