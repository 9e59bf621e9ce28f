#include "plugins/actions/docker/verify.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "plugins/support/clock.h"

namespace heald::docker {
namespace {

using sdk::Effect;
using sdk::EffectState;

using support::kSecond;
std::string SecondsText(int64_t ns) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.0f s", static_cast<double>(ns) / kSecond);
  return text.data();
}

}  // namespace

Effect JudgeUp(const Container& container, int64_t now_s, int64_t stable_for_ns) {
  const std::string& name = container.name;
  if (container.status == "restarting")
    return {EffectState::kPending, name + " ended with exit code " +
                                       std::to_string(container.exit_code) +
                                       ", the Engine starts it again"};
  if (container.status == "paused") return {EffectState::kFailed, name + " is paused"};
  if (container.status != "running") {
    std::string detail =
        name + " is " + container.status + ", exit code " + std::to_string(container.exit_code);
    if (!container.error.empty()) detail += ": " + container.error;
    return {EffectState::kFailed, detail + "; see `docker logs " + name + "`"};
  }
  const int64_t age_ns = std::max<int64_t>(0, now_s * kSecond - ParseTimeNs(container.started_at));
  if (!container.has_health_check) {
    if (age_ns >= stable_for_ns)
      return {EffectState::kDone, name + " running for " + SecondsText(age_ns)};
    return {EffectState::kPending,
            name + " running for " + SecondsText(age_ns) + " of " + SecondsText(stable_for_ns)};
  }
  if (container.health == "healthy")
    return {EffectState::kDone, name + " healthy, running for " + SecondsText(age_ns)};
  const std::string output = container.health_output.empty() ? "" : ": " + container.health_output;
  if (container.health == "unhealthy")
    return {EffectState::kFailed, name + " is unhealthy" + output};
  // One second more, as now_s is cut to whole ones.
  if (age_ns > container.healthy_within_ns + kSecond)
    return {EffectState::kFailed,
            name + " not healthy within " + SecondsText(container.healthy_within_ns) + output};
  return {EffectState::kPending, name + " waits for its health check" + output};
}

int64_t UpWithinNs(const Container& container, int64_t stable_for_ns) {
  return container.has_health_check ? container.healthy_within_ns : stable_for_ns;
}

}  // namespace heald::docker
