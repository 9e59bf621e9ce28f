#include "core/remedy/hints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/remedy/specs.h"

namespace heald::remedy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

std::vector<std::string> Hints(World& world, uint64_t incident) {
  std::vector<std::string> out;
  for (const Hint& hint : HintsOf(world.ChainOf(incident).events)) out.push_back(hint.text);
  return out;
}

TEST(RemedyHintsTest, TellWhichSignalLed) {
  World world(MakeSpec({Shadow()}));
  Finding latency = world.Make("payments");
  latency.began_ns = kStart + 4 * kSecond;
  world.clock.Set(kStart + 10 * kSecond);
  world.engine->OnFinding(latency);
  Finding errors = world.Make("payments");
  errors.metric = "error_rate";
  errors.began_ns = kStart + kSecond;
  world.engine->OnFinding(errors);
  Finding queue = world.Make("payments");
  queue.metric = "queue";
  queue.began_ns = kStart + 5 * kSecond;
  world.engine->OnFinding(queue);
  EXPECT_THAT(Hints(world, 1), ElementsAre("error_rate deviated first, 3 s before latency_p99",
                                           "queue followed 4 s after error_rate"));
}

TEST(RemedyHintsTest, NameTheContributorsOfADetector) {
  World world(MakeSpec({Shadow()}));
  Finding finding = world.Make("payments");
  finding.contributors = {{"cpu", 0.62, 1, 1}, {"queue", 0.3, 1, 1}, {"noise", 0.01, 1, 1}};
  world.engine->OnFinding(finding);
  EXPECT_THAT(Hints(world, 1), ElementsAre("latency_p99 of payments: cpu 62 %, queue 30 %"));
}

TEST(RemedyHintsTest, TellWhatPeopleChangedShortlyBefore) {
  World world(MakeSpec({Shadow()}));
  world.engine->SetPolicies(MakeSpec({Shadow()}), "user:anna");
  world.Run(2 * kMinute);
  ASSERT_TRUE(world.engine->SetSwitch(false, "user:ben"));
  world.Run(30 * kSecond);
  world.Restart();
  Finding finding = world.Make("payments");
  finding.began_ns = world.clock.NowNs();
  world.engine->OnFinding(finding);
  EXPECT_THAT(Hints(world, 1), ElementsAre("2.5 min before: 1 policies loaded by user:anna"))
      << "also what was before this process began; not what only holds heald back";
  world.Run(20 * kMinute);
  world.Open("orders");
  EXPECT_THAT(Hints(world, 2), IsEmpty()) << "too long ago";
}

TEST(RemedyHintsTest, TellWhatHealdItselfDidToTheTarget) {
  World world(MakeSpec({MakePolicy()}));
  const Finding finding = world.Open("payments");
  world.Run(2 * kSecond);
  world.Clear(finding);
  world.Run(6 * kMinute);
  world.Open("payments");
  world.Open("orders");
  EXPECT_THAT(Hints(world, 2), ElementsAre(HasSubstr("before: heald did: restart payments")));
  EXPECT_THAT(Hints(world, 3), IsEmpty()) << "that was another target";
}

TEST(RemedyHintsTest, TellOfEventsThatDetectorsSaw) {
  World world(MakeSpec({Shadow()}));
  Finding restart = world.Make("payments", Severity::kInfo);
  restart.kind = FindingKind::kEvent;
  restart.metric = "process_start_time_seconds";
  restart.summary = "restarted";
  restart.target.Set("namespace", "shop");
  restart.began_ns = world.clock.NowNs();
  world.engine->OnFinding(restart);
  world.Run(40 * kSecond);
  Finding finding = world.Make("payments");
  finding.began_ns = world.clock.NowNs();
  world.engine->OnFinding(finding);
  EXPECT_THAT(Hints(world, 2), Contains("40 s before: payments: restarted"));
}

TEST(RemedyHintsTest, LeaveOutWhatCannotBeACause) {
  World world(MakeSpec({Shadow()}));
  ASSERT_TRUE(world.engine->AddSilence({std::move(*Matcher::Parse("service=orders"))},
                                       kStart + kHour, "user:anna", "deploy"));
  const Finding first = world.Make("payments");
  Finding again = first;
  again.id = "other/1/1";
  again.node = "other";
  again.began_ns += 64 * kSecond;
  Finding beside = first;
  beside.id = "spikes/1/99";
  beside.target = {{"service", "payments"}, {"namespace", "shop"}};
  world.engine->OnFinding(first);
  world.engine->OnFinding(again);
  world.engine->OnFinding(beside);
  EXPECT_THAT(Hints(world, 1), IsEmpty()) << "a silence; another look at the same metric";
  EXPECT_THAT(Hints(world, 2), IsEmpty()) << "samples of the same time have no order";
}

TEST(RemedyHintsTest, TellOfRelatedIncidentsThatBeganEarlier) {
  World world(MakeSpec({Shadow()}));
  Finding database = world.Make("db");
  database.target.Set("namespace", "shop");
  world.engine->OnFinding(database);
  world.Run(20 * kSecond);
  Finding orders = world.Make("orders");
  orders.target.Set("namespace", "shop");
  world.engine->OnFinding(orders);
  world.Open("elsewhere");
  EXPECT_THAT(Hints(world, 2), ElementsAre(HasSubstr("incident #1 began 20 s earlier: db")));
  EXPECT_THAT(Hints(world, 3), IsEmpty());
}

// ---- the same thing under another id ------------------------------------------------------------

TEST(RemedyFingerprintTest, TheSameThingUnderAnotherIdIsOneFinding) {
  World world(MakeSpec({Shadow()}));
  world.Open("payments");
  const Finding again = world.Open("payments");
  const Incident& incident = world.engine->incidents().all().at(1)->incident;
  ASSERT_THAT(incident.findings, SizeIs(1));
  EXPECT_EQ(incident.findings[0].id, again.id);
  EXPECT_THAT(world.Kinds(1), Contains("finding.adopted"));
  world.Run(kSecond);
  world.Clear(again);
  EXPECT_EQ(world.ChainOf(1).incident.state, IncidentState::kResolved);
}

TEST(RemedyFingerprintTest, OneThatComesAndGoesTakesOnePlace) {
  World world(MakeSpec({Shadow()}));
  Finding holds = world.Make("payments");
  holds.metric = "error_rate";
  world.engine->OnFinding(holds);
  for (int i = 0; i < 20; ++i) {
    const Finding flapping = world.Open("payments");
    world.Run(kSecond);
    world.Clear(flapping);
  }
  EXPECT_THAT(world.engine->incidents().all().at(1)->incident.findings, SizeIs(2));
  EXPECT_THAT(world.ChainOf(1).incident.findings, SizeIs(21)) << "the journal has all";
  EXPECT_THAT(Hints(world, 1), SizeIs(1)) << "and one hint";
}

}  // namespace
}  // namespace heald::remedy
