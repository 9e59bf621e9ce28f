#include <algorithm>

#include "demo/scenario/scenarios.h"
#include "demo/services/profile.h"

namespace heald::demo {
namespace {

constexpr double kMiB = 1 << 20;
constexpr double kAny = 1e300;

Scenario Make(const char* fault, std::string expected) {
  const NamedFault& named = *FindFault(fault);
  return {named.name, named.service, named.service + " " + named.text, named.body,
          std::move(expected)};
}

// Cured without a restart: the process must be the one that had the fault.
Scenario Upkeep(const char* fault, std::string expected, Bounds afterwards) {
  Scenario scenario = Make(fault, std::move(expected));
  scenario.by_restart = false;
  scenario.afterwards = std::move(afterwards);
  return scenario;
}

}  // namespace

const std::vector<Scenario>& Scenarios() {
  static const std::vector<Scenario> kScenarios = [] {
    Scenario orders = Make(
        "latency", "baseline sees latency_p99, orders is restarted and its peers are left alone");
    orders.name = orders.service = "orders";
    orders.fault = "orders " + FindFault("latency")->text;
    Scenario leak =
        Make("leak", "trend predicts that memory runs out, payments is restarted before it does");
    leak.meanwhile = {"process_resident_memory_bytes", 0, kAlarmMemoryMiB * kMiB};
    Scenario crash_loop = Make("crash-loop",
                               "threshold sees up = 0, a restart doesn't help, payments is started "
                               "with the settings that worked");
    crash_loop.decisions = 3;
    crash_loop.afterwards = {"settings_drifted", -1, 0.5};
    Scenario disk = Upkeep("disk", "threshold sees disk_used_ratio, the debug logs are deleted",
                           {"disk_used_ratio", -1, kAlarmDiskUsed});
    disk.meanwhile = {"disk_used_ratio", -1, 0.99};
    return std::vector<Scenario>{
        Make("latency", "baseline sees latency_p99, payments is restarted"),
        Make("errors", "threshold sees error_rate, users is restarted"),
        Make("crash", "threshold sees up = 0, payments is started again"),
        Make("hang", "threshold sees in_flight rise while request_rate is 0, users is restarted"),
        orders,
        leak,
        Make("cpu", "threshold sees cpu, which no traffic explains, payments is restarted"),
        Make("pool", "threshold sees requests wait for a connection, users is restarted"),
        crash_loop,
        Upkeep("certificate", "threshold sees certificate_days_left, a new certificate is made",
               {"certificate_days_left", kAlarmCertificateDays, kAny}),
        Upkeep("drift", "threshold sees settings_drifted, the file's settings are applied again",
               {"settings_drifted", -1, 0.5}),
        disk};
  }();
  return kScenarios;
}

const Scenario* FindScenario(std::string_view name) {
  const auto& all = Scenarios();
  const auto at =
      std::find_if(all.begin(), all.end(), [&](const Scenario& s) { return s.name == name; });
  return at == all.end() ? nullptr : &*at;
}

}  // namespace heald::demo
