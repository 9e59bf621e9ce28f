// Which spans are made of the journal, and how far the feed remembers to be.
#include "core/agent/trace_feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/agent/incident_trace.h"
#include "core/base/units.h"

namespace heald::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
using tracing::Span;
using tracing::SpanStatus;

constexpr int64_t kNoon = 1'790'000'000 * kSecond;
constexpr const char* kTrace = "5b8efff798038103d269b633813fc60c";

AuditEvent Event(uint64_t seq, int64_t second, const std::string& kind, const std::string& subject,
                 const std::string& detail = "{}") {
  return {seq, kNoon + second * kSecond, 7, kTrace, kind, "heald", subject, detail, ""};
}

Chain Example() {
  Chain chain;
  chain.incident.id = 7;
  chain.incident.trace_id = kTrace;
  chain.incident.target = Labels{{"service", "payments"}};
  chain.incident.began_ns = kNoon - 2 * kSecond;
  chain.incident.opened_ns = kNoon;
  chain.decisions.resize(1);
  chain.decisions[0].id = "d1";
  chain.decisions[0].finding = "spikes/1";
  chain.decisions[0].policy = "cure";
  return chain;
}

const Span& Named(const std::vector<Span>& spans, const std::string& name) {
  static const Span kNone;
  for (const Span& span : spans)
    if (span.name == name) return span;
  ADD_FAILURE() << "there is no span " << name;
  return kNone;
}

std::vector<std::string> Names(const std::vector<Span>& spans) {
  std::vector<std::string> names;
  for (const Span& span : spans) names.push_back(span.name);
  return names;
}

TEST(IncidentTraceTest, TheSameEventMakesTheSameSpans) {
  Chain chain = Example();
  chain.events = {Event(1, 0, "finding.opened", "spikes/1"), Event(2, 9, "incident.resolved", "7")};
  EXPECT_EQ(SpansOf(chain, chain.events[0])[0].span_id, SpansOf(chain, chain.events[0])[0].span_id);
  EXPECT_EQ(SpansOf(chain, chain.events[0])[0].parent_id,
            SpansOf(chain, chain.events[1])[0].span_id);
}

TEST(IncidentTraceTest, AnExecutionHasItsCallsAndItsVerification) {
  Chain chain = Example();
  chain.events = {Event(1, 0, "finding.opened", "spikes/1"), Event(2, 1, "execution.planned", "d1"),
                  Event(3, 2, "execution.issued", "d1", R"({"issue": 1, "part": "all"})"),
                  Event(4, 4, "execution.observed", "d1",
                        R"({"calls": [{"call": "POST /restart", "answer": "204",
                           "at_ns": 1790000002500000000, "took_ns": 1000000}]})"),
                  Event(5, 8, "execution.verified", "d1", R"({"text": "verified"})")};
  const std::vector<Span> spans = SpansOf(chain, chain.events[4]);
  EXPECT_THAT(Names(spans), UnorderedElementsAre("execute", "call", "POST", "verify"));
  const Span& execute = Named(spans, "execute");
  EXPECT_EQ(execute.start_ns, kNoon + kSecond);
  EXPECT_EQ(execute.end_ns, kNoon + 8 * kSecond);
  EXPECT_EQ(execute.status, SpanStatus::kOk);
  const Span& call = Named(spans, "call");
  EXPECT_EQ(call.parent_id, execute.span_id);
  EXPECT_EQ(call.end_ns, kNoon + 4 * kSecond);
  const Span& post = Named(spans, "POST");
  EXPECT_EQ(post.parent_id, call.span_id);
  EXPECT_EQ(post.end_ns - post.start_ns, kMillisecond);
  EXPECT_EQ(Named(spans, "verify").start_ns, kNoon + 4 * kSecond);
  EXPECT_EQ(Named(spans, "verify").parent_id, execute.span_id);
}

TEST(IncidentTraceTest, WhatNobodyKnowsIsNoError) {
  Chain chain = Example();
  chain.events = {Event(1, 0, "execution.failed", "d1", R"({"text": "it failed"})"),
                  Event(2, 1, "execution.failed", "d1", R"({"proof": "inconclusive"})")};
  EXPECT_EQ(SpansOf(chain, chain.events[0])[0].status, SpanStatus::kError);
  EXPECT_EQ(SpansOf(chain, chain.events[0])[0].status_message, "it failed");
  EXPECT_EQ(SpansOf(chain, chain.events[1])[0].status, SpanStatus::kUnset);
}

TEST(IncidentTraceTest, ADecisionBeginsWithWhatGaveRiseToIt) {
  Chain chain = Example();
  chain.events = {Event(1, 0, "finding.opened", "spikes/1"),
                  Event(2, 3, "finding.opened", "other/1"),
                  Event(3, 5, "decision.act", "d1", R"({"policy": "cure", "guards": [
                      {"guard": "cooldown", "allowed": true, "reason": "last never"}]})"),
                  Event(4, 6, "execution.failed", "d1"), Event(5, 9, "decision.refused", "d1")};
  const Span first = SpansOf(chain, chain.events[2])[0];
  EXPECT_EQ(first.start_ns, kNoon) << "another finding has nothing to do with it";
  EXPECT_THAT(first.attributes, ::testing::Contains(::testing::Pair(
                                    "heald.guard.cooldown",
                                    tracing::AttributeValue(std::string("allows: last never")))));
  EXPECT_EQ(SpansOf(chain, chain.events[4])[0].start_ns, kNoon + 6 * kSecond);
}

TEST(IncidentTraceTest, WhatBeginsAgainIsAPartOfTheFirstTime) {
  Chain chain = Example();
  chain.incident.closed_ns = kNoon + 50 * kSecond;
  chain.incident.resolution = Resolution::kHealed;
  chain.events = {Event(1, 0, "finding.opened", "spikes/1"),
                  Event(2, 10, "incident.resolved", "7"),
                  Event(3, 20, "finding.opened", "spikes/2"),
                  Event(4, 20, "incident.reopened", "7"),
                  Event(5, 60, "incident.resolved", "7", R"({"healed": true})"),
                  Event(6, 90, "undo.done", "d1")};
  const Span root = SpansOf(chain, chain.events[1])[0];
  const Span again = SpansOf(chain, chain.events[4])[0];
  EXPECT_EQ(root.name, "incident");
  EXPECT_EQ(root.parent_id, "");
  EXPECT_EQ(root.start_ns, kNoon - 2 * kSecond);
  EXPECT_EQ(root.end_ns, kNoon + 10 * kSecond);
  EXPECT_EQ(again.name, "incident again");
  EXPECT_EQ(again.parent_id, root.span_id);
  EXPECT_EQ(again.start_ns, kNoon + 20 * kSecond);
  EXPECT_EQ(again.end_ns, kNoon + 50 * kSecond) << "since its last clear";
  EXPECT_EQ(SpansOf(chain, chain.events[0])[0].parent_id, root.span_id);
  EXPECT_EQ(SpansOf(chain, chain.events[2])[0].parent_id, again.span_id);
  EXPECT_EQ(SpansOf(chain, chain.events[5])[0].parent_id, again.span_id);
}

TEST(IncidentTraceTest, DetailsThatAreNoneAreLeftOut) {
  Chain chain = Example();
  for (const char* detail : {"", "[]", "nonsense", R"({"calls": 7, "guards": [7, {}], "text": 7})"})
    for (const char* kind : {"incident.resolved", "finding.opened", "approval.denied",
                             "decision.act", "execution.failed", "undo.failed"}) {
      chain.events = {Event(1, 0, kind, "d1", detail)};
      EXPECT_THAT(SpansOf(chain, chain.events[0]), SizeIs(1)) << kind << detail;
    }
}

struct TraceFeedTest : ::testing::Test {
  TraceFeedTest() {
    std::string pattern = ::testing::TempDir() + "heald-traces-XXXXXX";
    location.state_dir = mkdtemp(pattern.data());
    store = std::move(*OpenStore(location));
  }
  ~TraceFeedTest() override {
    store.reset();
    std::filesystem::remove_all(location.state_dir);
  }
  void Write(int64_t second, const std::string& kind, const std::string& subject) {
    Change change;
    change.incidents = {Example().incident};
    change.events = {Event(0, second, kind, subject)};
    ASSERT_TRUE(store->Commit(&change).ok());
  }

  StoreLocation location;
  std::unique_ptr<Store> store;
  VirtualClock clock{kNoon + kMinute};
};

TEST_F(TraceFeedTest, BeginsWithWhatHappensAfterItsFirstStart) {
  Write(0, "finding.opened", "old");
  TraceFeed feed(location, clock);
  EXPECT_THAT(feed.Next(10), IsEmpty());
  Write(1, "finding.opened", "new");
  EXPECT_THAT(feed.Next(10), SizeIs(1));
}

TEST_F(TraceFeedTest, GivesTheSameUntilItIsDoneAlsoAfterARestart) {
  std::string id;
  {
    TraceFeed feed(location, clock);
    feed.Next(10);
    Write(1, "finding.opened", "a");
    id = feed.Next(10)[0].span_id;
    EXPECT_EQ(feed.Next(10)[0].span_id, id);
  }
  TraceFeed feed(location, clock);
  ASSERT_THAT(feed.Next(10), SizeIs(1));
  EXPECT_EQ(feed.Next(10)[0].span_id, id);
  feed.Done();
  EXPECT_THAT(feed.Next(10), IsEmpty());
  EXPECT_THAT(TraceFeed(location, clock).Next(10), IsEmpty());
}

TEST_F(TraceFeedTest, GoesOnBehindWhatHasNoSpan) {
  TraceFeed feed(location, clock);
  feed.Next(10);
  for (int i = 0; i < 600; ++i) Write(1, "finding.raised", "a");
  Write(2, "finding.opened", "b");
  Write(3, "finding.opened", "c");
  EXPECT_THAT(feed.Next(1), SizeIs(1));
  feed.Done();
  EXPECT_THAT(feed.Next(1), SizeIs(1));
  feed.Done();
  EXPECT_THAT(feed.Next(1), IsEmpty());
}

TEST_F(TraceFeedTest, SkipsAndCountsWhatIsOlderThanADay) {
  TraceFeed feed(location, clock);
  feed.Next(10);
  Write(1, "finding.opened", "a");
  clock.Advance(TraceFeed::kOldestNs);
  Write(kDay / kSecond, "finding.opened", "b");
  const std::vector<Span> spans = feed.Next(10);
  ASSERT_THAT(spans, SizeIs(1));
  EXPECT_EQ(feed.skipped_total(), 1u);
}

TEST_F(TraceFeedTest, WaitsForAJournalThatIsAway) {
  StoreLocation nowhere = location;
  nowhere.url = "sqlite:later.db";
  TraceFeed feed(nowhere, clock);
  EXPECT_THAT(feed.Next(10), IsEmpty());
  store = std::move(*OpenStore(nowhere));
  EXPECT_THAT(feed.Next(10), IsEmpty());
  Write(1, "finding.opened", "a");
  EXPECT_THAT(feed.Next(10), SizeIs(1));
}

}  // namespace
}  // namespace heald::agent
