#include "plugins/support/retry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace heald::support {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(RetryTest, PausesGrowToTheCapWithFullJitter) {
  const RetryPolicy policy{.base_ns = 100, .cap_ns = 1000};
  int64_t longest[6] = {};
  int64_t shortest[6] = {1000, 1000, 1000, 1000, 1000, 1000};
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    Backoff backoff(policy, seed);
    for (int i = 0; i < 6; ++i) {
      const int64_t pause_ns = backoff.NextNs();
      longest[i] = std::max(longest[i], pause_ns);
      shortest[i] = std::min(shortest[i], pause_ns);
    }
  }
  const int64_t ceilings[6] = {100, 200, 400, 800, 1000, 1000};
  for (int i = 0; i < 6; ++i) {
    EXPECT_LE(longest[i], ceilings[i]) << i;
    EXPECT_GT(longest[i], ceilings[i] * 95 / 100) << i;
    EXPECT_LT(shortest[i], ceilings[i] / 20) << i;
  }
}

TEST(RetryTest, ManyFailuresDoNotOverflow) {
  Backoff backoff({.base_ns = kSecond, .cap_ns = INT64_MAX / 2}, 1);
  for (int i = 0; i < 200; ++i) EXPECT_GE(backoff.NextNs(), 0);
  EXPECT_EQ(backoff.failures(), 200);
  backoff.Reset();
  EXPECT_LE(backoff.NextNs(), kSecond);
}

TEST(RetryTest, WaitsAtLeastAsLongAsTheServerAsksWithinReason) {
  Backoff backoff({.base_ns = 1, .cap_ns = 1, .max_retry_after_ns = 60 * kSecond}, 1);
  EXPECT_EQ(backoff.NextNs(7 * kSecond), 7 * kSecond);
  EXPECT_EQ(backoff.NextNs(9000 * kSecond), 60 * kSecond);
}

TEST(RetryTest, ReadsRetryAfterAsSecondsOrDate) {
  const int64_t now_ns = 1'795'290'124 * kSecond;  // Sat, 21 Nov 2026 19:42:04 GMT
  EXPECT_EQ(ParseRetryAfter("50", now_ns), 50 * kSecond);
  EXPECT_EQ(ParseRetryAfter("0", now_ns), 0);
  EXPECT_EQ(ParseRetryAfter("Sat, 21 Nov 2026 19:42:34 GMT", now_ns), 30 * kSecond);
  EXPECT_EQ(ParseRetryAfter("Sat, 21 Nov 2020 19:42:34 GMT", now_ns), 0);
  EXPECT_EQ(ParseRetryAfter("-5", now_ns), std::nullopt);
  EXPECT_EQ(ParseRetryAfter("soon", now_ns), std::nullopt);
  EXPECT_EQ(ParseRetryAfter("86400", now_ns), 60 * kSecond) << "one wrong header is no day of silence";
  EXPECT_EQ(ParseRetryAfter("999999999999", now_ns), 60 * kSecond);
}

}  // namespace
}  // namespace heald::support
