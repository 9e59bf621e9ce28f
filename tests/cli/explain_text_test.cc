#include "core/cli/explain_text.h"

#include <gmock/gmock.h>

#include "core/base/units.h"
#include "core/store/json.h"

namespace heald::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kBegan = 1'767'225'600 * kSecond;  // 2026-01-01T00:00:00Z

AuditEvent Event(int64_t after_ns, std::string kind, std::string actor, std::string subject,
                 const Json& detail) {
  AuditEvent event;
  event.ts_ns = kBegan + after_ns;
  event.incident = 7;
  event.kind = std::move(kind);
  event.actor = std::move(actor);
  event.subject = std::move(subject);
  event.detail = Dump(detail);
  return event;
}

// A latency that rose, a restart that anna approved, and its success.
Chain Story() {
  Chain chain;
  chain.incident.id = 7;
  chain.incident.state = IncidentState::kResolved;
  chain.incident.severity = Severity::kCritical;
  chain.incident.target = {{"service", "payments"}};
  chain.incident.summary = "payments  latency_p99 1.98 s";
  chain.incident.opened_ns = kBegan;
  chain.incident.closed_ns = kBegan + 12 * kSecond;
  Decision decision;
  decision.id = "d1";
  decision.policy = "restart_sick";
  decision.action = "restart";
  decision.verdict = DecisionVerdict::kAct;
  decision.mode = Mode::kApprove;
  decision.actor = "user:anna";
  decision.why = "latency_p99 1.98 > 0.5 yes";
  decision.plan.summary = "restart payments";
  decision.guards = {{"cooldown", true, "cooldown ok (last never)"},
                     {"max_per_hour", false, "3/3 this hour"}};
  decision.ts_ns = kBegan + kSecond;
  chain.decisions = {decision};
  Execution execution;
  execution.decision = "d1";
  execution.state = ExecutionState::kVerified;
  execution.detail = "back to normal";
  chain.executions = {execution};
  const Call call{"POST /containers/payments/restart?t=10", "204", kBegan + 8 * kSecond,
                  812 * kMillisecond};
  chain.events = {
      Event(0, "finding.opened", "slow", "slow/1",
            {{"text", "payments  latency_p99 1.98 s"},
             {"unit", "s"},
             {"score", 38.1},
             {"expected_low", 0.04},
             {"expected_high", 0.276},
             {"recent", {0.081, nullptr, 1.98}},
             {"recent_step_ns", kSecond},
             {"sample_ts_ns", kBegan}}),
      Event(kSecond, "approval.asked", "heald", "d1",
            {{"text", "awaits approval"}, {"expires_ns", kBegan + kMinute}}),
      Event(8 * kSecond, "approval.given", "user:anna", "d1", {{"text", "restart payments"}}),
      Event(9 * kSecond, "execution.observed", "user:anna", "d1",
            {{"text", "restart payments … healthy"}, {"calls", {ToJson(call)}}}),
      Event(12 * kSecond, "execution.verified", "user:anna", "d1", {{"text", "verified: normal"}})};
  return chain;
}

TEST(ExplainTextTest, ShowsWhatWasSeenWithTimes) {
  const std::string text = ExplainText(Story());
  EXPECT_THAT(text, HasSubstr("incident #7  payments  resolved  critical"));
  EXPECT_THAT(text, HasSubstr("  samples  23:59:58.000  0.081 s\n"
                              "           23:59:59.000  no value\n"
                              "           00:00:00.000  1.98 s  above what is expected\n"
                              "  expected 0.04 s to 0.276 s\n"
                              "  score    38.1\n"));
}

TEST(ExplainTextTest, SaysHowOftenItBeganAgain) {
  Chain chain = Story();
  chain.incident.reopened = 2;
  EXPECT_THAT(ExplainText(chain), HasSubstr("closed after 12 s, began again 2 times\n"));
}

TEST(ExplainTextTest, ShowsWhoApprovedWhatWasCalledAndWhatCameOfIt) {
  const std::string text = ExplainText(Story());
  EXPECT_THAT(
      text,
      HasSubstr("  because  latency_p99 1.98 > 0.5 yes\n"
                "  action   restart\n"
                "  plan     restart payments\n"
                "  guard    ok   cooldown: cooldown ok (last never)\n"
                "  guard    NO   max_per_hour: 3/3 this hour\n"
                "  approval 00:00:01.000  asked, until 00:01:00.000\n"
                "  approval 00:00:08.000  given by user:anna, 7 s after it was asked\n"
                "  call     00:00:08.000  POST /containers/payments/restart?t=10 -> 204 in 812 ms\n"
                "  observed 00:00:09.000  restart payments … healthy\n"
                "  verified 00:00:12.000  verified: normal\n"
                "  outcome  verified: back to normal\n"));
}

TEST(ExplainTextTest, TakesWhoseWordItWasFromTheTrail) {
  Chain chain = Story();
  chain.decisions[0].actor = "user:anna";
  EXPECT_THAT(ExplainText(chain), Not(HasSubstr("unlike")));
  chain.decisions[0].actor = "user:ben";
  EXPECT_THAT(ExplainText(chain),
              HasSubstr("by user:anna (its record names user:ben, unlike the audit trail)"));
}

TEST(ExplainTextTest, GoesOnInOrderWhereTheClockWasSetBack) {
  Chain chain = Story();
  for (size_t i = 2; i < chain.events.size(); ++i) chain.events[i].ts_ns -= kHour;
  chain.incident.opened_ns -= kHour;
  const std::string text = ExplainText(chain);
  EXPECT_THAT(text, HasSubstr("closed after"));
  EXPECT_THAT(text, HasSubstr("the clock was set back by about 59"));
  EXPECT_THAT(text, Not(HasSubstr(", -")));
  EXPECT_THAT(text, Not(HasSubstr("+3")));
}

TEST(ExplainTextTest, ReadsAJournalFromBeforeSamplesAndCallsWereKept) {
  Chain chain = Story();
  for (AuditEvent& event : chain.events) event.detail = R"({"text":"x"})";
  EXPECT_THAT(ExplainText(chain), Not(HasSubstr("samples")));
  chain.events.front().detail = "not JSON";
  EXPECT_THAT(ExplainText(chain), HasSubstr("finding.opened"));
}

}  // namespace
}  // namespace heald::cli
