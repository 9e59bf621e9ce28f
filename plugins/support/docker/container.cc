#include "plugins/support/docker/container.h"

#include <algorithm>
#include <ctime>

#include "plugins/support/clock.h"
#include "plugins/support/docker/json.h"

namespace heald::docker {
namespace {

using nlohmann::json;

using support::kSecond;
// What the Engine takes where a health check leaves a time out.
constexpr int64_t kHealthIntervalNs = 30 * kSecond;
constexpr int64_t kHealthTimeoutNs = 30 * kSecond;
constexpr int64_t kHealthRetries = 3;
constexpr int64_t kMostNs = 365 * 86'400 * kSecond;  // some write the largest number there is
constexpr int kLastYear = 2261;                      // that nanoseconds count to its end

int64_t PositiveOr(int64_t value, int64_t other) {
  return value > 0 ? std::min(value, kMostNs) : other;
}

std::string LastLine(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (const size_t newline = text.rfind('\n'); newline != std::string::npos)
    text.erase(0, newline + 1);
  return text.substr(0, 200);
}

void ReadHealth(const json& inspect, Container* container) {
  const json& check = At(inspect, "/Config/Healthcheck");
  const std::string status = Text(inspect, "/State/Health/Status");
  container->has_health_check = !status.empty() && status != "none";
  if (!container->has_health_check) return;
  container->health = status;
  if (const json& log = At(inspect, "/State/Health/Log"); log.is_array() && !log.empty())
    container->health_output = LastLine(Text(log.back(), "/Output"));
  const int64_t try_ns = PositiveOr(Number(check, "/Interval"), kHealthIntervalNs) +
                         PositiveOr(Number(check, "/Timeout"), kHealthTimeoutNs);
  const int64_t tries =
      std::min(PositiveOr(Number(check, "/Retries"), kHealthRetries), kMostNs / try_ns + 1);
  container->healthy_within_ns = PositiveOr(Number(check, "/StartPeriod"), 0) + tries * try_ns;
}

}  // namespace

int64_t ParseTimeNs(std::string_view text) {
  std::tm parts{};
  const std::string copy(text);
  const char* end = strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (end == nullptr || parts.tm_year + 1900 < 1970 || parts.tm_year + 1900 > kLastYear) return 0;
  int64_t ns = static_cast<int64_t>(timegm(&parts)) * kSecond;
  if (*end == '.') {
    int64_t digit = kSecond / 10;
    for (++end; *end >= '0' && *end <= '9'; ++end, digit /= 10) ns += (*end - '0') * digit;
  }
  return std::string_view(end) == "Z" ? ns : 0;
}

Container ReadContainer(const json& inspect) {
  Container container;
  container.id = Text(inspect, "/Id");
  container.name = Text(inspect, "/Name");
  if (container.name.starts_with('/')) container.name.erase(0, 1);
  container.status = Text(inspect, "/State/Status");
  container.started_at = Text(inspect, "/State/StartedAt");
  container.exit_code = Number(inspect, "/State/ExitCode");
  container.error = Text(inspect, "/State/Error");
  container.auto_remove = At(inspect, "/HostConfig/AutoRemove") == true;
  ReadHealth(inspect, &container);
  return container;
}

std::string NameAndId(const Container& container) {
  return container.name + " (" + container.id.substr(0, 12) + ")";
}

}  // namespace heald::docker
