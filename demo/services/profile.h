// Every number of the demo in one place: what is normal, what a fault looks like, and how fast the
// agent must see it. demo/README.md holds the same numbers for people; a test compares the two and
// derives its expectations from here. Used by the services, the traffic tool and the tests.
// Thread rule: constants.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace heald::demo {

struct ServiceProfile {
  std::string_view name;
  int port;                 // unless --port says otherwise
  double base_latency_ms;   // median of the log-normal a request of this service takes by itself
  double base_max_ms;       // draws are cut here, so that the tail is bounded
  double noise_p99_ms;      // p99 of a healthy service under steady load stays below this
  double fault_latency_ms;  // what the latency fault adds
  double fault_share;       // share of requests it hits
  double steady_per_s;      // requests per second of `demo/chaos steady`
};

// orders adds the calls to users and payments to its own latency.
inline constexpr std::array<ServiceProfile, 3> kProfiles{{
    {"orders", 8001, 12, 27, 250, 1500, 1.0, 30},
    {"users", 8002, 15, 34, 100, 1500, 1.0, 30},
    {"payments", 8003, 40, 90, 150, 1500, 1.0, 30},
}};

inline constexpr double kBaseSpread = 0.25;          // sigma of the log-normal
inline constexpr double kOrderDeadlineMs = 250;      // for users and payments together
inline constexpr double kOrdersDegradedP99Ms = 400;  // orders stays below it when peers are slow
inline constexpr double kErrorFaultShare = 0.5;      // failure_rate of the error fault
inline constexpr double kLeakMiBPerS = 8;            // of the leak fault
inline constexpr size_t kLeakMostMiB = 512;          // then it stops growing
inline constexpr int kBurnMostCores = 4;
inline constexpr double kBurnCores = 4;                // of the CPU fault
inline constexpr int kPoolConnections = 80;            // to its database, of each service
inline constexpr double kPoolPatienceS = 1;            // a request waits so long for one, then 503
inline constexpr double kPoolLossShare = 0.5;          // pool_loss_rate of the pool fault
inline constexpr size_t kDiskMiB = 32;                 // of a service with a data folder
inline constexpr double kDiskFillMiBPerS = 2;          // of the disk fault
inline constexpr int kCertificateDays = 90;            // that a new certificate lasts
inline constexpr double kOldCertificateDays = 2;       // that are left with the certificate fault
inline constexpr double kHealthyErrorShareMax = 0.01;  // share of 5xx of a healthy service

// The agent's side of the table.
inline constexpr double kScrapeIntervalS = 1;
inline constexpr double kQuantileWindowS = 5;
inline constexpr int kBaselineMinSamples = 10;
inline constexpr double kBaselineFloorMs = 50;  // smallest deviation
inline constexpr double kBaselineReach = 4;     // deviations that are still expected
inline constexpr int kBaselineSignals = 2;      // metrics of a service that it sees
inline constexpr double kAlarmP99Ms = 500;
inline constexpr double kAlarmErrorShare = 0.1;
inline constexpr double kCrowdWindowS = 3;  // of the request rate
inline constexpr double kAlarmInFlight =
    100;                                // above it, with less than kIdleRate answered: a hang
inline constexpr double kIdleRate = 1;  // per second
inline constexpr double kAlarmCores = 0.25;
inline constexpr double kAlarmPoolWaiting = 5;
inline constexpr double kBusyRate = 100;  // per second; who answers that many may be busy
inline constexpr double kAlarmDiskUsed = 0.75;
inline constexpr double kAlarmCertificateDays = 7;
inline constexpr double kDownForS = 1;          // a restart is no outage
inline constexpr double kAlarmMemoryMiB = 256;  // a service may not get there
inline constexpr int kTrendWindow = 16;         // samples
inline constexpr double kTrendHorizonS = 30;
inline constexpr double kTrendProbability = 0.8;
inline constexpr double kForS = 2;
inline constexpr double kRestartBudgetS = 2;  // SIGTERM until the new process is ready
inline constexpr double kVerifyWithinS = 10;
inline constexpr double kHealedWithinS = 15;      // fault until verified
inline constexpr double kLeakHealedWithinS = 30;  // the same for a leak, which is no fault at first

constexpr const ServiceProfile* FindProfile(std::string_view name) {
  for (const ServiceProfile& profile : kProfiles)
    if (profile.name == name) return &profile;
  return nullptr;
}

}  // namespace heald::demo
