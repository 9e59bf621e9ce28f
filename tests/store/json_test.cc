#include "core/store/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace heald {
namespace {

TEST(StoreJsonTest, NumbersThatJsonHasNoWordForComeBack) {
  Finding finding;
  finding.value = HUGE_VAL;
  finding.expected_low = -HUGE_VAL;
  const Result<Finding> read = FindingFromJson(Dump(ToJson(finding)));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->value, HUGE_VAL);
  EXPECT_EQ(read->expected_low, -HUGE_VAL);
  EXPECT_TRUE(std::isnan(read->expected_high));
}

TEST(StoreJsonTest, BytesThatAreNotUtf8AreReplacedNotRefused) {
  Finding finding;
  finding.summary = "bad \xff byte";
  EXPECT_EQ(FindingFromJson(Dump(ToJson(finding)))->summary, "bad \xef\xbf\xbd byte");
}

TEST(StoreJsonTest, PredictionsKeepWhatTheyForetell) {
  Finding finding;
  finding.kind = FindingKind::kPrediction;
  finding.probability = 0.8;
  finding.eta_ns = 77;
  finding.component = "pool";
  finding.recommended_action = "scale_out";
  finding.annotations = {{"a", "b"}};
  const Result<Finding> read = FindingFromJson(Dump(ToJson(finding)));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->probability, 0.8);
  EXPECT_EQ(read->eta_ns, 77);
  EXPECT_EQ(read->component, "pool");
  EXPECT_EQ(read->recommended_action, "scale_out");
  EXPECT_EQ(read->annotations, finding.annotations);
}

TEST(StoreJsonTest, DamagedRecordsAreErrorsNotCrashes) {
  for (const char* text : {"", "{", "[]", "{\"kind\": 7}", "{\"kind\": \"odd\"}",
                           "{\"target\": {\"a\": 1}}", "{\"count\": \"many\"}"}) {
    const Result<Finding> read = FindingFromJson(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, Code::kCorrupt);
  }
  EXPECT_FALSE(DecisionFromJson("{\"verdict\": \"perhaps\"}"));
  EXPECT_FALSE(LabelsFromJson("nope"));
}

TEST(StoreJsonTest, MissingMembersKeepTheirDefaults) {
  const Result<Decision> read = DecisionFromJson("{}");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->verdict, DecisionVerdict::kRefused);
}

TEST(StoreJsonTest, IncidentsAndOutcomesComeBack) {
  Incident incident;
  incident.id = 7;
  incident.state = IncidentState::kVerifying;
  incident.severity = Severity::kCritical;
  incident.trace_id = "abc";
  incident.target = {{"service", "a"}};
  incident.summary = "slow";
  incident.opened_ns = 5;
  incident.closed_ns = 6;
  incident.reopened = 2;
  incident.findings.resize(2);
  incident.findings[1].id = "x/y/2";
  const Result<Incident> read = IncidentFromJson(Dump(ToJson(incident)));
  ASSERT_TRUE(read);
  EXPECT_EQ(ToJson(*read), ToJson(incident));
  const Outcome outcome{"d1", 7, OutcomeState::kUndone, "back", 9};
  const Result<Outcome> outcome_read = OutcomeFromJson(Dump(ToJson(outcome)));
  ASSERT_TRUE(outcome_read);
  EXPECT_EQ(ToJson(*outcome_read), ToJson(outcome));
  EXPECT_FALSE(IncidentFromJson("{\"state\": \"odd\"}"));
  EXPECT_FALSE(OutcomeFromJson("[7]"));
}

}  // namespace
}  // namespace heald
