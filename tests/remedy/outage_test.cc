// The store goes away and comes back: the agent keeps detecting, acts only where it is told to, and
// what happened meanwhile is in the journal, once and in order.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <set>
#include <thread>

#include "core/store/audit_chain.h"
#include "tests/fakes/postgres_server.h"
#include "tests/remedy/outage_store.h"
#include "tests/remedy/world.h"

namespace heald::remedy {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

using Answer = OutageStore::Answer;

bool Issues(const Change& change) {
  return std::any_of(change.events.begin(), change.events.end(),
                     [](const AuditEvent& event) { return event.kind == "execution.issued"; });
}
bool Plans(const Change& change) {
  return std::any_of(change.events.begin(), change.events.end(),
                     [](const AuditEvent& event) { return event.kind == "execution.planned"; });
}

class OutageWorld : public World {
 public:
  explicit OutageWorld(PipelineSpec spec) : World(std::move(spec)) {
    wrap = [this](std::unique_ptr<Store> real) {
      auto store = std::make_unique<OutageStore>(std::move(real));
      outage = store.get();
      return store;
    };
    Restart();
  }
  void SetAway(bool away) {
    outage->away = [away] { return away; };
  }
  OutageStore* outage = nullptr;
};

PipelineSpec Spec(bool act_without_store = false) {
  PipelineSpec spec = MakeSpec({MakePolicy()});
  spec.agent.act_without_store = act_without_store;
  return spec;
}

std::vector<AuditEvent> Events(Store* store) {
  return *store->Events(0, 10'000);
}

// All rows, checked to be an unbroken chain.
std::vector<std::string> Rows(Store* store) {
  EXPECT_EQ(VerifyAudit(store)->problem, "");
  std::vector<std::string> rows;
  const std::vector<AuditEvent> events = Events(store);
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].seq, i + 1);
    rows.push_back(events[i].kind);
  }
  return rows;
}

TEST(RemedyOutageTest, WhatHappensMeanwhileIsWrittenOnceInOrder) {
  OutageWorld world(Spec());
  world.SetAway(true);
  const Finding finding = world.Open("payments");
  world.Run(30 * kSecond);
  EXPECT_EQ(world.gateway.executes, 0) << "nothing is done without the journal";
  EXPECT_THAT(world.Refusals(), Contains(HasSubstr("journal: ")));
  EXPECT_THAT(world.told.problems, Contains("the store is away"));
  EXPECT_GT(world.engine->journal_held(), 0u);
  world.Clear(finding);
  world.Run(kSecond);
  world.Open("orders");
  world.Run(kSecond);
  world.SetAway(false);
  world.Run(15 * kSecond);
  EXPECT_EQ(world.engine->journal_held(), 0u);
  EXPECT_EQ(world.gateway.executes, 1) << "orders, once the journal is back";
  EXPECT_THAT(world.Kinds(1), ElementsAre("finding.opened", "incident.opened", "decision.refused",
                                          "finding.cleared", "incident.resolved"));
  Rows(world.store.get());
}

TEST(RemedyOutageTest, AKillDuringTheOutageLosesNothing) {
  OutageWorld world(Spec());
  world.SetAway(true);
  const Finding finding = world.Open("payments");
  world.Open("orders");
  world.Run(2 * kSecond);
  world.Restart();  // as after a kill: what was in memory is gone, and the store is back
  EXPECT_THAT(world.engine->incidents().all(), SizeIs(2));
  EXPECT_EQ(world.engine->journal_held(), 0u);
  EXPECT_THAT(Rows(world.store.get()),
              ElementsAre("finding.opened", "incident.opened", "finding.opened", "incident.opened",
                          "decision.refused", "decision.refused"));
  world.engine->OnFinding(finding);
  world.Run(15 * kSecond);
  EXPECT_THAT(world.Kinds(1), Contains("execution.issued"));
}

TEST(RemedyOutageTest, ACallWhoseRecordIsInDoubtIsNotMade) {
  for (const Answer answer : {Answer::kLostAfter, Answer::kLostBefore}) {
    SCOPED_TRACE(answer == Answer::kLostAfter ? "it was written" : "it was not");
    OutageWorld world(Spec());
    world.outage->only = Issues;
    world.outage->next_answer = answer;
    world.Open("payments");
    world.Run(5 * kSecond);
    EXPECT_TRUE(world.outage->gone);
    EXPECT_EQ(world.gateway.executes, 0);
    world.outage->gone = false;
    world.Run(kMinute);
    EXPECT_EQ(world.gateway.executes, 1) << "the target showed that it was never called";
    for (const auto& [decision, count] : world.gateway.by_decision) EXPECT_EQ(count, 1);
    std::multiset<std::string> issued;
    for (const AuditEvent& event : Events(world.store.get()))
      if (event.kind == "execution.issued")
        issued.insert(Json::parse(event.detail)["issue"].dump() + event.subject);
    EXPECT_EQ(std::set<std::string>(issued.begin(), issued.end()).size(), issued.size())
        << "no row is there twice";
    EXPECT_THAT(issued, SizeIs(2));
    Rows(world.store.get());
  }
}

TEST(RemedyOutageTest, APolicyIsLoweredAtOnceAndWrittenLater) {
  OutageWorld world(Spec());
  world.SetAway(true);
  ASSERT_TRUE(world.engine->ChangePolicy("latency", std::nullopt, Mode::kShadow, "user:anna"));
  EXPECT_EQ(world.engine->policies().front().mode, Mode::kShadow);
  EXPECT_EQ(
      world.engine->ChangePolicy("latency", std::nullopt, Mode::kEnforce, "user:ben").error().code,
      Code::kUnavailable);
  EXPECT_EQ(world.engine->policies().front().mode, Mode::kShadow) << "not in force";
  ASSERT_TRUE(world.engine->ChangePolicy("latency", false, std::nullopt, "user:anna"));
  world.Run(kSecond);
  world.SetAway(false);
  world.Run(kSecond);
  world.Restart();
  EXPECT_EQ(world.engine->policies().front().mode, Mode::kShadow);
  EXPECT_FALSE(world.engine->policies().front().enabled);
  EXPECT_THAT(Rows(world.store.get()), ElementsAre("policy", "policy"));
}

TEST(RemedyOutageTest, ATransitionInDoubtIsThereOnce) {
  for (const Answer answer : {Answer::kLostAfter, Answer::kLostBefore}) {
    OutageWorld world(Spec());
    world.outage->only = Plans;
    world.outage->next_answer = answer;
    world.Open("payments");
    world.Run(5 * kSecond);
    EXPECT_EQ(world.gateway.executes, 0);
    world.outage->gone = false;
    world.Run(kMinute);
    EXPECT_EQ(world.gateway.executes, 1);
    const std::vector<std::string> rows = Rows(world.store.get());
    EXPECT_EQ(std::count(rows.begin(), rows.end(), "incident.opened"), 1);
    std::set<std::string> planned;
    for (const AuditEvent& event : Events(world.store.get()))
      if (event.kind == "execution.planned") {
        EXPECT_TRUE(planned.insert(event.subject).second) << "once per decision";
      }
  }
}

TEST(RemedyOutageTest, TheSwitchIsBelievedOnceItIsInDoubtOnlyWhereItIsHeld) {
  OutageWorld world(Spec());
  world.outage->next_answer = Answer::kLostAfter;
  EXPECT_TRUE(world.engine->SetSwitch(false, "user:anna"));
  world.Restart();
  EXPECT_FALSE(world.engine->switch_on());
  EXPECT_THAT(Rows(world.store.get()), ElementsAre("switch"));
}

TEST(RemedyOutageTest, ActsWithoutTheStoreWhereToldTo) {
  OutageWorld world(Spec(true));
  const Finding before = world.Open("payments");
  world.Run(5 * kSecond);
  world.Clear(before);
  world.Run(kSecond);
  ASSERT_EQ(world.gateway.executes, 1);
  world.SetAway(true);
  world.Open("payments");
  world.Open("orders");
  world.Run(30 * kSecond);
  EXPECT_EQ(world.gateway.executes, 2) << "orders; payments has its cooldown, store or not";
  EXPECT_THAT(world.Refusals(), Contains(HasSubstr("cooldown")));
  world.Restart();  // killed
  world.Run(kMinute);
  EXPECT_EQ(world.gateway.executes, 2) << "taken up from what was held";
  EXPECT_THAT(world.Kinds(3), Contains("execution.issued"));
  Rows(world.store.get());
}

TEST(RemedyOutageTest, WhatIsHeldCountsWhereAReloadLetsItActWithoutTheStoreAgain) {
  OutageWorld world(Spec(true));
  world.SetAway(true);
  const Finding before = world.Open("payments");
  world.Run(5 * kSecond);
  world.Clear(before);
  world.Run(kSecond);
  ASSERT_EQ(world.gateway.executes, 1);
  world.engine->SetPolicies(Spec(false));
  world.SetAway(false);
  world.engine->SetPolicies(Spec(true));  // the store is there, what was held isn't in it yet
  world.SetAway(true);
  world.Open("payments");
  world.Run(30 * kSecond);
  EXPECT_EQ(world.gateway.executes, 1) << "within the cooldown of what was held";
}

TEST(RemedyOutageTest, WhatWaitedIsDoneAsSoonAsTheJournalIsWrittenAgain) {
  OutageWorld world(Spec());
  world.SetAway(true);
  world.Open("payments");
  world.Run(12 * kSecond);  // it looks again every five
  EXPECT_EQ(world.gateway.executes, 0);
  world.SetAway(false);
  world.Run(kSecond);
  EXPECT_EQ(world.gateway.executes, 1);
}

TEST(RemedyOutageTest, NeverActsWithoutTheStoreOnADiskThatTakesNothing) {
  OutageWorld world(Spec(true));
  world.Restart();
  world.SetAway(true);
  world.held->~HeldChanges();
  new (world.held.get()) HeldChanges();  // in memory: there is no file to write
  world.Open("payments");
  world.Run(30 * kSecond);
  EXPECT_EQ(world.gateway.executes, 0);
}

TEST(RemedyOutageTest, AnotherAgentsJournalIsNotWrittenInto) {
  OutageWorld world(Spec());
  world.SetAway(true);
  world.Open("payments");
  world.Run(kSecond);
  const size_t held = world.engine->journal_held();
  ASSERT_GT(held, 0u);
  world.engine.reset();
  world.store.reset();
  const TempDir elsewhere;
  {
    Result<std::unique_ptr<Store>> other =
        OpenStore({"sqlite:" + world.dir.path() + "/heald.db", elsewhere.path(), false});
    ASSERT_TRUE(other) << other.error().message;
    Change change;
    change.incidents.emplace_back().id = 1;
    ASSERT_TRUE((*other)->Commit(&change));
  }
  world.Restart();
  EXPECT_THAT(world.held->note(), HasSubstr("another agent has written it since"));
  EXPECT_EQ(world.held->lost_total(), held);
  EXPECT_EQ(world.ChainOf(1).incident.target, Labels()) << "the other's";
  size_t aside = 0;
  for (const auto& entry : std::filesystem::directory_iterator(world.dir.path()))
    aside += entry.path().string().find(".aside") != std::string::npos ? 1 : 0;
  EXPECT_EQ(aside, 1u) << "kept for people to look at";
}

TEST(RemedyOutageTest, HoldsThousandsOfChangesAndCatchesUpInPieces) {
  PipelineSpec spec = Spec();
  spec.agent.storm.incidents = 0;
  OutageWorld world(spec);
  constexpr size_t kFindings = 5'000;
  world.SetAway(true);
  for (size_t i = 0; i < kFindings; ++i) world.Clear(world.Open("s" + std::to_string(i)));
  EXPECT_GE(world.engine->journal_held(), 2 * kFindings);
  world.SetAway(false);
  int pieces = 0;
  for (; world.engine->journal_held() > 0; ++pieces) world.engine->Tick();
  EXPECT_GT(pieces, 10);
  EXPECT_EQ(*world.store->LastIncidentId(), kFindings);
  EXPECT_EQ(VerifyAudit(world.store.get())->problem, "");
}

// ---- a real PostgreSQL --------------------------------------------------------------------------

enum class End { kStopped, kCrashed };

class RemedyPostgresOutageTest : public ::testing::TestWithParam<End> {};

// How long the server stays away at least: the long run has a minute of it.
int64_t OutageNs() {
  const char* const seconds = std::getenv("HEALD_TEST_OUTAGE_SECONDS");
  return seconds == nullptr ? 0 : std::atoi(seconds) * kSecond;
}

// Real seconds pass until the store is back, so the world's clock follows them.
void RunUntil(World* world, const std::function<bool()>& done) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!done() && std::chrono::steady_clock::now() < until) {
    world->Run(100 * kMillisecond);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(done());
}

TEST_P(RemedyPostgresOutageTest, AStormLosesNothingAndDoublesNothing) {
  if (!fakes::PostgresServer::Installed()) GTEST_SKIP() << "PostgreSQL isn't installed";
  fakes::PostgresServer server("");  // with fsync: a crash is to lose nothing
  PipelineSpec spec = MakeSpec({MakePolicy()});
  spec.agent.storm.incidents = 0;
  World world(spec, server.Url("storm"));
  std::map<std::string, std::multiset<std::string>> expected;  // finding -> kinds
  std::vector<Finding> open;
  const auto storm = [&](int from, int to) {
    int64_t slowest_ns = 0;
    for (int i = from; i < to; ++i) {
      const int64_t begin_ns = SystemClock().MonotonicNs();
      const Finding finding = world.Open("s" + std::to_string(i));
      expected[finding.id].insert("finding.opened");
      open.push_back(finding);
      if (i % 3 != 0) {
        const Finding over = open[open.size() / 2];
        open.erase(open.begin() + static_cast<ptrdiff_t>(open.size() / 2));
        world.Clear(over);
        expected[over.id].insert("finding.cleared");
      }
      world.Run(10 * kMillisecond);
      slowest_ns = std::max(slowest_ns, SystemClock().MonotonicNs() - begin_ns);
    }
    return slowest_ns;
  };
  const auto quiet = [&] {
    const int64_t begin_ns = SystemClock().MonotonicNs();
    world.Run(100 * kMillisecond);
    const int64_t took_ns = SystemClock().MonotonicNs() - begin_ns;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return took_ns;
  };
  storm(0, 50);
  const int before = world.gateway.executes;
  EXPECT_GT(before, 0);
  GetParam() == End::kStopped ? server.Stop() : server.Crash();
  const int64_t back_ns = SystemClock().MonotonicNs() + OutageNs();
  int64_t slowest_ns = storm(50, 250);
  while (SystemClock().MonotonicNs() < back_ns) slowest_ns = std::max(slowest_ns, quiet());
  EXPECT_LT(slowest_ns, 2500 * kMillisecond) << "the engine doesn't hang";
  EXPECT_GT(world.engine->journal_held(), 0u);
  EXPECT_LE(world.gateway.executes, before + 1) << "at most the one that was being called";
  server.Start();
  storm(250, 300);
  RunUntil(&world, [&] { return world.engine->journal_held() == 0; });
  RunUntil(&world, [&] { return world.gateway.executes > before + 10; });
  for (const auto& [decision, count] : world.gateway.by_decision) EXPECT_EQ(count, 1) << decision;

  std::map<std::string, std::multiset<std::string>> found;
  std::multiset<std::string> incidents;
  const std::vector<AuditEvent> events = Events(world.store.get());
  for (size_t i = 0; i < events.size(); ++i) {
    ASSERT_EQ(events[i].seq, i + 1);
    if (events[i].kind.starts_with("finding.")) found[events[i].subject].insert(events[i].kind);
    if (events[i].kind == "incident.opened") incidents.insert(events[i].subject);
  }
  EXPECT_EQ(found, expected);
  EXPECT_THAT(incidents, SizeIs(300));
  EXPECT_EQ(std::set<std::string>(incidents.begin(), incidents.end()).size(), 300u);
  EXPECT_EQ(VerifyAudit(world.store.get())->problem, "");
}

INSTANTIATE_TEST_SUITE_P(End, RemedyPostgresOutageTest,
                         ::testing::Values(End::kStopped, End::kCrashed), [](const auto& end) {
                           return end.param == End::kStopped ? "Stopped" : "Crashed";
                         });

}  // namespace
}  // namespace heald::remedy
