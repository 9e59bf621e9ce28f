#include "core/api/attempts.h"

#include <gtest/gtest.h>

#include "core/base/units.h"

namespace heald::api {
namespace {

void Guess(Attempts& attempts, const std::string& address, size_t times, int64_t now_ns) {
  for (size_t i = 0; i < times; ++i) attempts.Failed(address, "guess" + std::to_string(i), now_ns);
}

TEST(ApiAttemptsTest, TwentyDifferentWrongTokensAMinuteAreTheLimit) {
  Attempts attempts;
  Guess(attempts, "10.0.0.1", Attempts::kPerMinute - 1, 0);
  EXPECT_EQ(attempts.WaitNs("10.0.0.1", 1), 0);
  Guess(attempts, "10.0.0.1", Attempts::kPerMinute, 1);
  EXPECT_EQ(attempts.WaitNs("10.0.0.1", 20 * kSecond), 40 * kSecond);
  EXPECT_EQ(attempts.WaitNs("10.0.0.1", kMinute), 0);
  Guess(attempts, "10.0.0.1", 1, kMinute);
  EXPECT_EQ(attempts.WaitNs("10.0.0.1", kMinute + 1), 0) << "a new minute begins anew";
}

TEST(ApiAttemptsTest, OneWrongTokenAgainAndAgainIsNoGuessing) {
  Attempts attempts;
  for (int i = 0; i < 1000; ++i) attempts.Failed("10.0.0.1", "revoked", i);
  EXPECT_EQ(attempts.WaitNs("10.0.0.1", 1000), 0);
}

TEST(ApiAttemptsTest, NoAddressLocksOutAnother) {
  Attempts attempts;
  Guess(attempts, "10.0.0.1", 1000, 0);
  EXPECT_GT(attempts.WaitNs("10.0.0.1", 1), 0);
  EXPECT_EQ(attempts.WaitNs("10.0.0.2", 1), 0);
  EXPECT_EQ(attempts.WaitNs("::1", 1), 0);
}

TEST(ApiAttemptsTest, AnIpv6ClientIsItsNetwork) {
  Attempts attempts;
  for (size_t i = 0; i < Attempts::kPerMinute; ++i)
    attempts.Failed("2001:db8:0:1::" + std::to_string(i), "guess" + std::to_string(i), 0);
  EXPECT_GT(attempts.WaitNs("2001:db8:0:1:ffff::1", 1), 0);
  EXPECT_GT(attempts.WaitNs("2001:db8:0:1::1%eth0", 1), 0);
  EXPECT_EQ(attempts.WaitNs("2001:db8:0:2::1", 1), 0);
  EXPECT_EQ(AttemptKey("10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(AttemptKey("2001:db8:0:1::5"), AttemptKey("2001:0db8:0000:0001::abcd"));
}

TEST(ApiAttemptsTest, MemoryIsBoundedAndTheNewestStay) {
  Attempts attempts;
  for (size_t i = 0; i < 3 * Attempts::kMaxAddresses; ++i)
    Guess(attempts, "client" + std::to_string(i), Attempts::kPerMinute + 5,
          static_cast<int64_t>(i));
  EXPECT_EQ(attempts.addresses(), Attempts::kMaxAddresses);
  const int64_t now_ns = 3 * Attempts::kMaxAddresses;
  EXPECT_GT(attempts.WaitNs("client" + std::to_string(now_ns - 1), now_ns), 0);
  EXPECT_EQ(attempts.WaitNs("client0", now_ns), 0);
}

}  // namespace
}  // namespace heald::api
