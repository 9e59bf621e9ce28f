#include "demo/scenario/traffic.h"

#include <algorithm>
#include <utility>

#include "core/base/units.h"
#include "demo/services/profile.h"
#include "demo/support/http_client.h"

namespace heald::demo {
namespace {

constexpr int64_t kMeasure_ns = 2 * kSecond;

LoadPlan PlanFor(std::vector<Target> targets) {
  LoadPlan plan;
  plan.targets = std::move(targets);
  plan.rate_per_s = kProfiles[0].steady_per_s;
  plan.connections = kOpenLoopConnections;
  return plan;
}

}  // namespace

Traffic::Traffic(std::vector<Target> targets)
    : thread_([this, plan = PlanFor(std::move(targets))] { Run(plan); }) {}

Traffic::~Traffic() {
  Stop();
  thread_.join();
}

void Traffic::Run(const LoadPlan& plan) {
  const auto keep = [this](const LoadReport& report) {
    const std::lock_guard lock(mutex_);
    report_ = report;
  };
  if (const auto report = RunLoad(plan, stop_, keep)) keep(*report);
}

LoadReport Traffic::Report() const {
  const std::lock_guard lock(mutex_);
  return report_;
}

std::string Unwell(const Target& target) {
  HttpClient client;
  const auto health = client.Send("GET", target.url + "/health", "", kSecond);
  if (!health) return "/health: " + health.error().message;
  if (health->status != 200) return "/health answered " + std::to_string(health->status);
  LoadPlan plan = PlanFor({target});
  plan.duration_ns = kMeasure_ns;
  const std::atomic<bool> never{false};
  const auto load = RunLoad(plan, never, [](const LoadReport&) {});
  if (!load) return load.error().message;
  const ServiceReport& report = load->services.at(target.service);
  const int64_t p99_ns = report.latency.Quantile(0.99);
  const double errors = static_cast<double>(report.errors) /
                        static_cast<double>(std::max<int64_t>(1, report.requests));
  if (report.requests == 0) return "no request was answered";
  if (errors > kHealthyErrorShareMax)
    return std::to_string(report.errors) + " of " + std::to_string(report.requests) +
           " requests failed: " + report.last_error;
  if (static_cast<double>(p99_ns) > kAlarmP99Ms * 1e6)
    return "p99 of " + std::to_string(report.requests) + " requests is " + FormatElapsed(p99_ns);
  return "";
}

}  // namespace heald::demo
