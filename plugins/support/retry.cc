#include "plugins/support/retry.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <string>

namespace heald::support {

Backoff::Backoff(const RetryPolicy& policy) : Backoff(policy, std::random_device{}()) {}

int64_t Backoff::NextNs(int64_t retry_after_ns) {
  int64_t ceiling_ns = std::min(policy_.base_ns, policy_.cap_ns);
  for (int i = 0; i < failures_ && ceiling_ns < policy_.cap_ns; ++i)
    ceiling_ns = ceiling_ns > policy_.cap_ns / 2 ? policy_.cap_ns : ceiling_ns * 2;
  ++failures_;
  const int64_t jittered_ns = std::uniform_int_distribution<int64_t>(0, ceiling_ns)(random_);
  return std::max(jittered_ns, std::min(retry_after_ns, policy_.max_retry_after_ns));
}

std::optional<int64_t> ParseRetryAfter(std::string_view text, int64_t now_ns) {
  constexpr int64_t kSecond = 1'000'000'000;
  constexpr int64_t kMaxSeconds = RetryPolicy().max_retry_after_ns / kSecond;
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc() && end == text.data() + text.size()) {
    if (seconds < 0) return std::nullopt;
    return std::min(seconds, kMaxSeconds) * kSecond;
  }
  const time_t date = curl_getdate(std::string(text).c_str(), nullptr);
  if (date < 0) return std::nullopt;
  const int64_t wait_seconds = static_cast<int64_t>(date) - now_ns / kSecond;
  return std::clamp<int64_t>(wait_seconds, 0, kMaxSeconds) * kSecond;
}

}  // namespace heald::support
