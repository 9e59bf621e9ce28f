// A notifier that meets a host of another minor version: records shorter and longer than it knows.
#include "heald/notices.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>

#include "heald/plugin.h"

namespace heald::sdk {
namespace {

heald_str Str(std::string_view text) {
  return {text.data(), text.size()};
}

// Findings as a host lays them out whose heald_finding has another size.
template <size_t kStride>
struct Row {
  alignas(8) std::array<char, kStride> bytes{};
  void Set(const heald_finding& finding) {
    std::memcpy(bytes.data(), &finding, std::min(kStride, sizeof finding));
    const auto size = static_cast<uint32_t>(kStride);
    std::memcpy(bytes.data(), &size, sizeof size);
  }
};

heald_finding Named(std::string_view metric) {
  heald_finding finding{};
  finding.metric = Str(metric);
  finding.count = 7;
  return finding;
}

template <size_t kStride>
void ReadsBoth() {
  std::array<Row<kStride>, 2> rows;
  rows[0].Set(Named("latency"));
  rows[1].Set(Named("errors"));
  heald_incident incident{};
  incident.size = sizeof incident;
  incident.findings = reinterpret_cast<const heald_finding*>(rows.data());
  incident.finding_count = rows.size();
  incident.finding_stride = kStride;
  heald_notification notice{};
  notice.size = sizeof notice;
  notice.incident = &incident;
  const KnownNotice known(&notice, sizeof notice);
  const heald_incident& read = *known.get().incident;
  ASSERT_EQ(read.finding_count, 2u);
  EXPECT_EQ(std::string_view(read.findings[0].metric.ptr, read.findings[0].metric.len), "latency");
  EXPECT_EQ(std::string_view(read.findings[1].metric.ptr, read.findings[1].metric.len), "errors");
  EXPECT_EQ(read.findings[1].count, kStride < sizeof(heald_finding) ? 0u : 7u);
}

TEST(NoticesTest, ReadsTheFindingsOfAHostThatKnowsLess) {
  ReadsBoth<offsetof(heald_finding, count)>();
}

TEST(NoticesTest, ReadsTheFindingsOfAHostThatKnowsMore) {
  ReadsBoth<sizeof(heald_finding) + 16>();
}

TEST(NoticesTest, ReadsNoFurtherThanARecordSays) {
  heald_outcome outcome{};
  outcome.size = offsetof(heald_outcome, ts_ns);
  outcome.detail = Str("ready");
  outcome.ts_ns = 99;  // whatever stands behind the record
  heald_notification notice{};
  notice.size = sizeof notice;
  notice.outcome = &outcome;
  const KnownNotice known(&notice, sizeof notice);
  EXPECT_EQ(known.get().outcome->detail.len, 5u);
  EXPECT_EQ(known.get().outcome->ts_ns, 0);
}

TEST(NoticesTest, ReadsPlanAndVerdictsOfAHostOfAnotherVersion) {
  heald_plan plan{};
  plan.size = offsetof(heald_plan, can_canary);
  plan.summary = Str("restart payments");
  plan.can_canary = 1;  // whatever stands behind the record
  constexpr uint64_t kStride = sizeof(heald_guard_verdict) + 8;
  alignas(8) std::array<char, 2 * kStride> guards{};
  for (size_t i = 0; i < 2; ++i) {
    heald_guard_verdict verdict{};
    verdict.guard = Str(i == 0 ? "cooldown" : "breaker");
    std::memcpy(&guards[i * kStride], &verdict, sizeof verdict);
  }
  heald_decision decision{};
  decision.size = sizeof decision;
  decision.plan = &plan;
  decision.guards = reinterpret_cast<const heald_guard_verdict*>(guards.data());
  decision.guard_count = 2;
  decision.guard_stride = kStride;
  heald_notification notice{};
  notice.size = sizeof notice;
  notice.decision = &decision;
  const KnownNotice known(&notice, sizeof notice);
  const heald_decision& read = *known.get().decision;
  EXPECT_EQ(read.plan->summary.len, plan.summary.len);
  EXPECT_EQ(read.plan->can_canary, 0u);
  EXPECT_EQ(std::string_view(read.guards[1].guard.ptr, read.guards[1].guard.len), "breaker");
}

TEST(NoticesTest, LeavesTheRecordsOfItsOwnVersionWhereTheyAre) {
  const heald_finding finding = [] {
    heald_finding made = Named("latency");
    made.size = sizeof made;
    return made;
  }();
  heald_notification notice{};
  notice.size = sizeof notice;
  notice.finding = &finding;
  const KnownNotice known(&notice, sizeof notice);
  EXPECT_EQ(known.get().finding, &finding);
}

}  // namespace
}  // namespace heald::sdk
