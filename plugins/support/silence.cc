#include "plugins/support/silence.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "heald/unit.h"

namespace heald::support {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kOften = 10 * kSecond;
constexpr int64_t kSeldom = 3600 * kSecond;

// The same text for as long as the silence lasts, so that the log isn't full of it.
std::string UtcText(int64_t ns) {
  const std::time_t seconds = ns / kSecond;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  const size_t length = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return {text, length};
}

}  // namespace

Silence::Silence(sdk::Host host, sdk::Duration after)
    : host_(host),
      after_(after),
      last_(host.Gauge("last_received_timestamp_seconds",
                       "When the node last took what was pushed to it; 0: never since its start")),
      since_ns_(host.NowNs()),
      since_mono_ns_(host.MonotonicNs()) {}

void Silence::Heard() {
  since_ns_ = host_.NowNs();
  since_mono_ns_ = host_.MonotonicNs();
  ever_ = true;
  last_.Record(static_cast<double>(since_ns_) / 1e9);
}

void Silence::Check() const {
  if (after_.ns == 0 || host_.MonotonicNs() - since_mono_ns_ < after_.ns) return;
  throw sdk::Failure(HEALD_UNAVAILABLE,
                     std::string("nothing has been pushed since ") + (ever_ ? "" : "the start, ") +
                         UtcText(since_ns_) + " (silent_after " +
                         sdk::FormatValue(static_cast<double>(after_.ns) / 1e9, "s") +
                         "): does the sender run, and does it push to /receive/" +
                         std::string(host_.Name()) + " with a token of the role sender?")
      .Retryable();
}

sdk::Duration Silence::Interval() const {
  if (after_.ns == 0) return {kSeldom};
  return {std::clamp<int64_t>(after_.ns / 4, kSecond / 10, kOften)};
}

}  // namespace heald::support
