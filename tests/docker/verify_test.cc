#include "plugins/actions/docker/verify.h"

#include <gmock/gmock.h>

namespace heald::docker {
namespace {

using nlohmann::json;
using sdk::EffectState;
using ::testing::HasSubstr;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kStart = 1'795'294'950;  // 2026-11-21T21:02:30Z

json Inspect(const std::string& status) {
  return {{"Id", "3f2a1b4c5d6e7f8091a2b3c4d5e6f708"},
          {"Name", "/payments"},
          {"State",
           {{"Status", status},
            {"StartedAt", "2026-11-21T21:02:30.763447680Z"},
            {"ExitCode", status == "exited" ? 137 : 0},
            {"Error", ""}}},
          {"HostConfig", {{"AutoRemove", false}}},
          {"Config", json::object()}};
}

json WithHealth(const std::string& health, const std::string& output = "") {
  json inspect = Inspect("running");
  inspect["State"]["Health"] = {{"Status", health},
                                {"Log", {{{"ExitCode", 1}, {"Output", output}}}}};
  inspect["Config"]["Healthcheck"] = {
      {"StartPeriod", 2 * kSecond}, {"Retries", 3}, {"Interval", kSecond}, {"Timeout", kSecond}};
  return inspect;
}

sdk::Effect Judge(const json& inspect, int64_t age_s) {
  return JudgeUp(ReadContainer(inspect), kStart + age_s, 3 * kSecond);
}

TEST(DockerVerifyTest, ReadsTimesOfTheEngine) {
  EXPECT_EQ(ParseTimeNs("2026-11-21T21:02:30.763447680Z"), kStart * kSecond + 763'447'680);
  EXPECT_EQ(ParseTimeNs("2026-11-21T21:02:30Z"), kStart * kSecond);
  EXPECT_EQ(ParseTimeNs("0001-01-01T00:00:00Z"), 0);
  EXPECT_EQ(ParseTimeNs("yesterday"), 0);
  EXPECT_EQ(ParseTimeNs("9999-12-31T23:59:59Z"), 0) << "more than nanoseconds count";
}

TEST(DockerVerifyTest, WithoutHealthCheckUptimeCounts) {
  EXPECT_EQ(Judge(Inspect("running"), 2).state, EffectState::kPending);
  EXPECT_EQ(Judge(Inspect("running"), 3).state, EffectState::kPending) << "2.2 s, in fact";
  EXPECT_EQ(Judge(Inspect("running"), 4).state, EffectState::kDone);
}

TEST(DockerVerifyTest, HealthyIsDoneHoweverYoung) {
  EXPECT_EQ(Judge(WithHealth("healthy"), 1).state, EffectState::kDone);
}

TEST(DockerVerifyTest, StartingIsWaitedForWithinItsOwnTimes) {
  // StartPeriod + Retries × (Interval + Timeout) = 8 s.
  EXPECT_EQ(UpWithinNs(ReadContainer(WithHealth("starting")), 3 * kSecond), 8 * kSecond);
  EXPECT_EQ(Judge(WithHealth("starting"), 9).state, EffectState::kPending);
  const sdk::Effect late = Judge(WithHealth("starting", "connecting…\nno answer\n"), 11);
  EXPECT_EQ(late.state, EffectState::kFailed);
  EXPECT_EQ(late.detail, "payments not healthy within 8 s: no answer");
}

TEST(DockerVerifyTest, MissingTimesOfAHealthCheckAreTheEnginesDefaults) {
  json inspect = WithHealth("starting");
  inspect["Config"]["Healthcheck"] = {{"Test", {"CMD", "true"}}};
  EXPECT_EQ(UpWithinNs(ReadContainer(inspect), 0), 3 * 60 * kSecond);
}

TEST(DockerVerifyTest, AHealthCheckThatNeverGivesUpIsWaitedForAYearOrSo) {
  constexpr int64_t kYear = 365 * 86'400 * kSecond;
  json inspect = WithHealth("starting");
  for (const char* key : {"StartPeriod", "Retries", "Interval", "Timeout"}) {
    inspect["Config"]["Healthcheck"][key] = INT64_MAX;
    const int64_t within_ns = UpWithinNs(ReadContainer(inspect), 0);
    EXPECT_GE(within_ns, kYear) << key;
    EXPECT_LT(within_ns, 10 * kYear) << key;
  }
}

TEST(DockerVerifyTest, UnhealthyEndedAndPausedAreFailures) {
  EXPECT_EQ(Judge(WithHealth("unhealthy", "boom"), 1).detail, "payments is unhealthy: boom");
  const sdk::Effect ended = Judge(Inspect("exited"), 1);
  EXPECT_EQ(ended.state, EffectState::kFailed);
  EXPECT_EQ(ended.detail, "payments is exited, exit code 137; see `docker logs payments`");
  EXPECT_EQ(Judge(Inspect("paused"), 9).state, EffectState::kFailed);
}

TEST(DockerVerifyTest, RestartingByTheEngineIsPending) {
  EXPECT_EQ(Judge(Inspect("restarting"), 9).state, EffectState::kPending);
}

TEST(DockerVerifyTest, HealthCheckSwitchedOffIsNone) {
  EXPECT_EQ(Judge(WithHealth("none"), 4).state, EffectState::kDone);
}

}  // namespace
}  // namespace heald::docker
