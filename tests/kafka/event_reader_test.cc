#include "plugins/sources/kafka/event_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace heald::kafka {
namespace {

using sdk::Finding;
using sdk::FindingState;
using sdk::Severity;
using ::testing::HasSubstr;

constexpr int64_t kMessageNs = 1'700'000'000'000'000'000;

std::vector<Finding> Read(std::string_view message) {
  EventReader reader;
  std::vector<Finding> findings;
  reader.Read(message, kMessageNs, &findings);
  return findings;
}
std::string Why(std::string_view message) {
  EventReader reader;
  std::vector<Finding> findings;
  try {
    reader.Read(message, kMessageNs, &findings);
  } catch (const BadMessage& bad) {
    EXPECT_TRUE(findings.empty());
    return bad.why;
  }
  return "understood";
}

TEST(KafkaEventReaderTest, ReadsThePlainForm) {
  const std::vector<Finding> findings = Read(
      R"({"name": "disk_failing", "severity": "critical", "target": {"host": "db1"},
          "summary": "disk sda reports errors", "value": 17, "time": "2026-11-21T21:02:30Z"})");
  ASSERT_EQ(findings.size(), 1u);
  const Finding& finding = findings[0];
  EXPECT_EQ(finding.kind, sdk::FindingKind::kAnomaly);
  EXPECT_EQ(Read(R"({"name": "deployed", "kind": "event", "severity": "info"})").at(0).kind,
            sdk::FindingKind::kEvent);
  EXPECT_EQ(finding.state, FindingState::kOpen);
  EXPECT_EQ(finding.severity, Severity::kCritical);
  EXPECT_EQ(finding.metric, "disk_failing");
  EXPECT_EQ(finding.target, (sdk::LabelSet{{"host", "db1"}}));
  EXPECT_EQ(finding.summary, "disk sda reports errors");
  EXPECT_EQ(finding.value, 17);
  EXPECT_EQ(finding.ts_ns, 1'795'294'950'000'000'000);
  EXPECT_EQ(finding.began_ns, finding.ts_ns);
}

TEST(KafkaEventReaderTest, TextsHaveALengthThatALogLineBearsAndNothingBeganIn1970) {
  const std::string longest(100'000, 'x');
  const Finding finding = Read(R"({"labels": {"alertname": ")" + longest + R"("}, "summary": ")" +
                               longest + R"(", "startsAt": "1970-01-01T00:00:01Z"})")
                              .at(0);
  EXPECT_EQ(finding.metric, std::string(1000, 'x') + "…");
  EXPECT_EQ(finding.summary, std::string(1000, 'x') + "…");
  EXPECT_EQ(finding.began_ns, kMessageNs);
}

TEST(KafkaEventReaderTest, ATimeThatSaysNothingLosesNoAlert) {
  for (const char* time : {"\"0001-01-01T00:00:00Z\"", "\"\"", "0", "\"0\"", "-62135596800",
                           "\"1970-01-01T00:00:00Z\"", "null"}) {
    for (const char* name : {"startsAt", "time"}) {
      const std::vector<Finding> findings =
          Read(R"({"status": "firing", "labels": {"alertname": "a"}, ")" + std::string(name) +
               "\": " + time + "}");
      ASSERT_EQ(findings.size(), 1u) << name << time;
      EXPECT_EQ(findings[0].ts_ns, kMessageNs) << name << time;
      EXPECT_EQ(findings[0].began_ns, kMessageNs) << name << time;
    }
  }
}

TEST(KafkaEventReaderTest, NoTimeIsTurnedIntoAnother) {
  EXPECT_EQ(Read(R"({"name": "a", "began": -9223372036854775807})").at(0).began_ns, kMessageNs);
  for (const char* time : {"50000000000", "50000000000000", "50000000000000000"})
    EXPECT_NE(Why(R"({"name": "a", "time": )" + std::string(time) + "}"), "understood") << time;
}

TEST(KafkaEventReaderTest, WhatClearsHasTheIdOfWhatOpened) {
  const auto id = [](std::string_view message) { return Read(message).at(0).id; };
  const uint64_t open = id(R"({"name": "a", "target": {"x": "1", "y": "2"}})");
  EXPECT_EQ(id(R"({"state": "clear", "target": {"y": "2", "x": "1"}, "name": "a"})"), open);
  EXPECT_NE(id(R"({"name": "b", "target": {"x": "1", "y": "2"}})"), open);
  EXPECT_EQ(id(R"({"id": "d1", "name": "a"})"), id(R"({"id": "d1", "name": "b"})"));
  const Finding clear = Read(R"({"state": "clear", "name": "a"})").at(0);
  EXPECT_EQ(clear.state, FindingState::kClear);
  EXPECT_EQ(clear.severity, Severity::kNormal);
}

TEST(KafkaEventReaderTest, ReadsAlerts) {
  const Finding finding =
      Read(R"({"status": "firing", "labels": {"alertname": "HighLatency", "severity": "page",
               "service": "orders"}, "annotations": {"summary": "slow", "runbook": "http://x"},
               "startsAt": "2026-11-21T21:02:30Z", "endsAt": "0001-01-01T00:00:00Z"})")
          .at(0);
  EXPECT_EQ(finding.metric, "HighLatency");
  EXPECT_EQ(finding.severity, Severity::kCritical);
  EXPECT_EQ(finding.target, (sdk::LabelSet{{"service", "orders"}}));
  EXPECT_EQ(finding.summary, "slow");
  EXPECT_EQ(finding.annotations.Get("runbook"), "http://x");
  EXPECT_EQ(finding.began_ns, 1'795'294'950'000'000'000);
  EXPECT_EQ(finding.ts_ns, kMessageNs);
}

TEST(KafkaEventReaderTest, ReadsWhatAnotherHealdWrites) {
  const char* open =
      R"({"specversion": "1.0", "id": "6f1c", "source": "//eu/heald",
          "type": "dev.heald.finding.opened", "time": "2026-11-21T21:02:30.000Z", "data":
          {"event_id": "6f1c", "kind": "finding", "node": "spikes", "finding": {"id": 3,
           "kind": "anomaly", "state": "open", "severity": "warning",
           "target": {"service": "orders"}, "metric": "latency_p99", "unit": "s", "summary": "slow",
           "value": 1.84, "expected_low": null, "expected_high": 0.09, "began": null,
           "time": "2026-11-21T21:02:29.000Z"}}})";
  const Finding finding = Read(open).at(0);
  EXPECT_EQ(finding.metric, "latency_p99");
  EXPECT_EQ(finding.unit, "s");
  EXPECT_EQ(finding.expected_high, 0.09);
  EXPECT_EQ(finding.ts_ns, 1'795'294'949'000'000'000);
  std::string other = open;
  other.replace(other.find("//eu"), 4, "//us");
  EXPECT_NE(Read(other).at(0).id, finding.id) << "two agents number alike";
  EXPECT_TRUE(Read(R"({"event_id": "1", "kind": "decision", "decision": {}})").empty());
}

TEST(KafkaEventReaderTest, AnAlertIsTakenWhateverItsSeverityIsCalled) {
  const auto severity = [](const std::string& word) {
    return Read(R"({"status": "firing", "labels": {"alertname": "X", "severity": ")" + word +
                "\"}}")
        .at(0)
        .severity;
  };
  EXPECT_EQ(severity("high"), Severity::kCritical);
  EXPECT_EQ(severity("Low"), Severity::kInfo);
  EXPECT_EQ(severity("p1"), Severity::kWarning);
  EXPECT_EQ(severity(""), Severity::kWarning);
}

TEST(KafkaEventReaderTest, SaysWhyAMessageIsBad) {
  EXPECT_THAT(Why("x"), HasSubstr("is no JSON"));
  EXPECT_EQ(Why("{}"), "has no name");
  EXPECT_THAT(Why(R"({"name": "a", "state": "odd"})"), HasSubstr("none of open, update, clear"));
  EXPECT_EQ(Why(R"({"name": "a", "target": "db1"})"), "its labels are no object");
  EXPECT_EQ(Why(R"({"name": "a", "value": "much"})"), "its value is no number");
  EXPECT_THAT(Why(R"({"name": "a", "time": "noon"})"), HasSubstr("its time is neither"));
  EXPECT_EQ(Why(R"([{"name": "a"}, {}])"), "has no name");
}

}  // namespace
}  // namespace heald::kafka
