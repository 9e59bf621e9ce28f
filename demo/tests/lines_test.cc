// What the first terminal shows of an event.
#include <gmock/gmock.h>

#include "core/base/units.h"
#include "demo/scenario/interactive.h"

namespace heald::demo {
namespace {

constexpr int64_t kNoon = 1'790'000'000 * kSecond;

AgentEvent Event(const std::string& kind, const std::string& text) {
  return {kNoon, 7, "payments", kind, text, {{"text", text}}};
}

TEST(DemoLinesTest, TellsAVerificationFromTheFaultWhenItIsKnown) {
  const AgentEvent event = Event(
      "execution.verified", "verified: payments latency_p99 0.06 s. Healed 5 s after it began.");
  EXPECT_EQ(LineFor(event, kNoon - 7'200 * kMillisecond),
            "verified: payments latency_p99 0.06 s. Healed 7.2 s after the fault.");
  EXPECT_EQ(LineFor(event, 0), event.text);
}

TEST(DemoLinesTest, LeavesOutWhatRepeatsAnotherLine) {
  EXPECT_EQ(LineFor(Event("incident.opened", "incident #7"), 0), "");
  EXPECT_EQ(LineFor(Event("execution.planned", "restart payments"), 0), "");
  AgentEvent resolved = Event("incident.resolved", "incident #7  resolved: healed by restart");
  resolved.detail["healed"] = true;
  EXPECT_EQ(LineFor(resolved, 0), "");
  resolved.detail["healed"] = false;
  EXPECT_EQ(LineFor(resolved, 0), resolved.text) << "over by itself, which no other line says";
}

TEST(DemoLinesTest, SaysSinceWhenWhereThatIsEarlier) {
  AgentEvent event = Event("finding.opened", "payments  up 0  critical  (score 1.0)");
  event.detail["began_ns"] = kNoon - 3 * kSecond;
  EXPECT_THAT(LineFor(event, 0),
              ::testing::MatchesRegex("payments  up 0  critical  .score 1.0, since ..:..:..."));
  event.detail["began_ns"] = kNoon;
  EXPECT_EQ(LineFor(event, 0), event.text);
}

TEST(DemoLinesTest, ShowsRefusalsAsTheyAre) {
  const AgentEvent event = Event("decision.refused", "incident #7  not done: restart: cooldown");
  EXPECT_EQ(LineFor(event, 0), event.text);
}

TEST(DemoLinesTest, WhatAProgramAnsweredStaysOnOneLine) {
  const AgentEvent event = Event("execution.verified", "reapply: HTTP 200 OK\nlast lines: a\nb\n");
  EXPECT_EQ(LineFor(event, 0), "reapply: HTTP 200 OK last lines: a b");
  EXPECT_EQ(LineFor(Event("execution.failed", "\n"), 0), "");
}

}  // namespace
}  // namespace heald::demo
