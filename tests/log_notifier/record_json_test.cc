#include "plugins/support/record_json.h"

#include <gtest/gtest.h>

#include "tests/log_notifier/sample.h"

namespace heald::log_notifier {
namespace {

using support::NotificationJson;
using support::RecordJson;

TEST(RecordJsonTest, TimesAreUtcWithMilliseconds) {
  EXPECT_EQ(support::TimeJson(Sample::kTime), "2026-11-21T21:02:30.123Z");
  EXPECT_EQ(support::TimeJson(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_TRUE(support::TimeJson(0).is_null());
}

TEST(RecordJsonTest, FindingNamesAreThese) {
  const Sample sample;
  EXPECT_EQ(
      support::OneLine(support::FindingJson(sample.finding)),
      R"({"id":"spikes/1k2j/7","node":"spikes","kind":"anomaly","state":"open","severity":"critical",)"
      R"("target":{"service":"payments"},"metric":"latency_p99","unit":"s","summary":"",)"
      R"("value":1.84,"expected_low":null,"expected_high":0.09,"score":9.1,)"
      R"("confidence":0.0,"began":"2026-11-21T21:02:30.123Z",)"
      R"("time":"2026-11-21T21:02:30.123Z",)"
      R"("contributors":[{"name":"queue","share":1.0,"value":12.0,"expected":3.0}],)"
      R"("recent_step_s":1.0,"recent":[0.06,1.84]})");
}

TEST(RecordJsonTest, PredictionsCarryTheirOwnPart) {
  Sample sample;
  EXPECT_FALSE(support::FindingJson(sample.finding).contains("prediction"));
  sample.finding.kind = HEALD_FINDING_PREDICTION;
  sample.finding.probability = 0.8;
  sample.finding.eta_ns = Sample::kTime;
  sample.finding.recommended_action = Str("scale_out");
  const RecordJson part = support::FindingJson(sample.finding).at("prediction");
  EXPECT_EQ(part.at("probability"), 0.8);
  EXPECT_EQ(part.at("eta"), "2026-11-21T21:02:30.123Z");
  EXPECT_TRUE(part.at("eta_low").is_null());
  EXPECT_EQ(part.at("recommended_action"), "scale_out");
}

TEST(RecordJsonTest, EventHoldsItsRecordsAndTheirHighestSeverity) {
  Sample sample;
  const RecordJson json = NotificationJson(sample.event);
  EXPECT_EQ(json.at("event_id"), "e1");
  EXPECT_EQ(json.at("kind"), "outcome");
  EXPECT_EQ(json.at("severity"), "warning");
  EXPECT_EQ(json.at("target").at("service"), "payments");
  EXPECT_FALSE(json.contains("finding"));
  EXPECT_EQ(json.at("incident").at("findings").at(0).at("id"), "spikes/1k2j/7");
  EXPECT_TRUE(json.at("incident").at("closed").is_null());
  EXPECT_EQ(json.at("decision").at("verdict"), "refused");
  EXPECT_EQ(json.at("decision").at("guards").at(0).at("reason"), "12 s left");
  EXPECT_EQ(json.at("outcome").at("state"), "verified");
  sample.event.finding = &sample.finding;
  EXPECT_EQ(NotificationJson(sample.event).at("severity"), "critical");
}

TEST(RecordJsonTest, WordsOfALaterHostAndBrokenTextAreNoReasonToFail) {
  Sample sample;
  sample.outcome.state = 77;
  sample.outcome.detail = Str("bad \xff byte");
  const std::string line = support::OneLine(support::OutcomeJson(sample.outcome));
  EXPECT_NE(line.find("unknown_77"), std::string::npos);
  EXPECT_TRUE(RecordJson::accept(line));
}

}  // namespace
}  // namespace heald::log_notifier
