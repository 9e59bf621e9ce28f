#include "demo/tools/named_faults.h"

#include <algorithm>

#include "core/base/units.h"
#include "demo/services/profile.h"

namespace heald::demo {
namespace {

std::string Percent(double share) {
  return std::to_string(static_cast<int>(share * 100)) + " %";
}
std::string Whole(double number) {
  return std::to_string(static_cast<int>(number));
}

}  // namespace

const std::vector<NamedFault>& NamedFaults() {
  static const std::vector<NamedFault> kFaults = [] {
    const double latency_ms = FindProfile("payments")->fault_latency_ms;
    const std::string slow =
        "answers every request " + FormatElapsed(static_cast<int64_t>(latency_ms * 1e6)) + " later";
    return std::vector<NamedFault>{
        {"latency", "payments", slow, {{"latency_ms", latency_ms}}},
        {"errors",
         "users",
         "answers " + Percent(kErrorFaultShare) + " of its requests with 500",
         {{"failure_rate", kErrorFaultShare}}},
        {"crash", "payments", "ends with exit code 1", {{"crash", true}}},
        {"hang", "users", "answers no request any more, /health works", {{"hang", true}}},
        {"leak",
         "payments",
         "loses " + Whole(kLeakMiBPerS) + " MiB a second",
         {{"leak_mib_s", kLeakMiBPerS}}},
        {"cpu",
         "payments",
         "computes for nobody on " + Whole(kBurnCores) + " cores, or as many as there are",
         {{"cpu_cores", kBurnCores}}},
        {"pool",
         "users",
         "loses a database connection with " + Percent(kPoolLossShare) + " of its requests",
         {{"pool_loss_rate", kPoolLossShare}}},
        {"crash-loop",
         "payments",
         "ends with exit code 1, now and at each start, since its settings have a mistake",
         {{"crash_loop", true}}},
        {"certificate",
         "payments",
         "has a certificate that ends in " + Whole(kOldCertificateDays) + " days",
         {{"certificate_days", kOldCertificateDays}}},
        {"drift",
         "payments",
         "declines nearly every payment, since somebody changed its settings by hand",
         {{"drift", true}}},
        {"disk",
         "payments",
         "writes " + Whole(kDiskFillMiBPerS) + " MiB of debug logs a second on its disk of " +
             std::to_string(kDiskMiB) + " MiB",
         {{"disk_mib_s", kDiskFillMiBPerS}}}};
  }();
  return kFaults;
}

const NamedFault* FindFault(std::string_view name) {
  const auto& all = NamedFaults();
  const auto at = std::find_if(all.begin(), all.end(),
                               [&](const NamedFault& fault) { return fault.name == name; });
  return at == all.end() ? nullptr : &*at;
}

}  // namespace heald::demo
