#include "core/remedy/silences.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/remedy/world.h"

namespace heald::remedy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

std::vector<Matcher> Of(std::initializer_list<std::string_view> texts) {
  std::vector<Matcher> matchers;
  for (const std::string_view text : texts) matchers.push_back(std::move(*Matcher::Parse(text)));
  return matchers;
}

std::string Why(const Result<Silence>& silence) {
  EXPECT_FALSE(silence);
  return silence ? std::string() : silence.error().message;
}

// ---- the book -----------------------------------------------------------------------------------

TEST(RemedySilenceBookTest, RefusesWhatNobodyCanMean) {
  const SilenceBook book;
  const auto make = [&](std::vector<Matcher> matchers, int64_t for_ns, std::string_view comment) {
    return book.Make(std::move(matchers), kStart + for_ns, "user:anna", comment, kStart);
  };
  EXPECT_THAT(Why(make({}, kHour, "why")), HasSubstr("needs a matcher"));
  EXPECT_THAT(Why(make(Of({"service=~.*", "zone="}), kHour, "why")), HasSubstr("fit everything"));
  EXPECT_THAT(Why(make(Of({"service!=orders"}), kHour, "why")), HasSubstr("fit everything"));
  EXPECT_THAT(Why(make(Of({"service=a"}), kHour, "")), HasSubstr("comment"));
  EXPECT_THAT(Why(make(Of({"service=a"}), 0, "why")), HasSubstr("in the future"));
  EXPECT_THAT(Why(make(Of({"service=a"}), 400 * kDay, "why")), HasSubstr("a year"));
  EXPECT_EQ(make(Of({"service=a"}), kHour, "why")->id, "s1");
}

TEST(RemedySilenceBookTest, ReadsBackWhatItKept) {
  SilenceBook book;
  book.Add(*book.Make(Of({"service=~\"pay.*\"", "zone!=a"}), kStart + kHour, "user:anna",
                      "deploy \"7\"", kStart));
  book.Add(*book.Make(Of({"metric=x"}), kStart + kHour, "user:ben", "noise", kStart));
  ASSERT_TRUE(book.End("s2", "user:anna", kStart + kMinute));
  const Result<SilenceBook> read = SilenceBook::FromText(book.ToText());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->ToText(), book.ToText());
  EXPECT_EQ(read->Make(Of({"a=b"}), kStart + kHour, "user:anna", "why", kStart)->id, "s3")
      << "an id is never used again";
  EXPECT_EQ(SilenceBook::FromText("{").error().code, Code::kCorrupt);
  EXPECT_EQ(SilenceBook::FromText("{\"last\": 1}").error().code, Code::kCorrupt);
}

TEST(RemedySilenceBookTest, ForgetsTheOldestOfThoseThatAreOver) {
  SilenceBook book;
  for (int64_t i = 0; i < 300; ++i)
    book.Add(*book.Make(Of({"service=a"}), kStart + i * kHour + kMinute, "user:anna", "why",
                        kStart + i * kHour));
  EXPECT_THAT(book.all(), SizeIs(SilenceBook::kKeptEnded + 1));
  EXPECT_EQ(book.all().back().id, "s300");
}

// ---- through the engine -------------------------------------------------------------------------

class RemedySilenceTest : public ::testing::Test {
 protected:
  Result<Silence> Add(std::initializer_list<std::string_view> matchers, int64_t for_ns = kHour) {
    return world.engine->AddSilence(Of(matchers), world.clock.NowNs() + for_ns, "user:anna",
                                    "deploy 7");
  }
  const Incident& TheIncident() {
    return world.engine->incidents().all().begin()->second->incident;
  }

  World world{MakeSpec({MakePolicy()})};
};

TEST_F(RemedySilenceTest, ASilencedIncidentExistsButActsAndTellsNot) {
  ASSERT_TRUE(Add({"service=payments", "metric=~latency.*"}));
  world.Open("payments");
  world.Run(10 * kSecond);
  EXPECT_EQ(world.gateway.executes, 0);
  EXPECT_THAT(world.told.loud, IsEmpty());
  EXPECT_THAT(world.Refusals(),
              ElementsAre("silence: silence s1 by user:anna (deploy 7); next possible 01:00:00 "
                          "UTC"));
  EXPECT_EQ(TheIncident().silenced_by, "s1");
  EXPECT_THAT(world.Kinds(1), Contains("incident.silenced"));
  EXPECT_THAT(world.told.lines, Contains(HasSubstr("silenced until 2026-01-01T01:00:00Z by "
                                                   "user:anna: deploy 7")));
  world.Open("orders");
  world.Run(kSecond);
  EXPECT_EQ(world.gateway.executes, 1) << "others are not concerned";
}

TEST_F(RemedySilenceTest, ItsEndWakesThePolicyAndTellsPeople) {
  ASSERT_TRUE(Add({"service=payments"}, 10 * kMinute));
  world.Open("payments");
  world.Run(10 * kMinute - kSecond);
  EXPECT_EQ(world.gateway.executes, 0);
  world.Run(2 * kSecond);
  EXPECT_EQ(world.gateway.executes, 1);
  EXPECT_EQ(TheIncident().silenced_by, "");
  EXPECT_THAT(world.told.loud, Contains(HasSubstr("no longer silenced")));
}

TEST_F(RemedySilenceTest, SomebodyMayEndItEarlier) {
  ASSERT_TRUE(Add({"service=payments"}));
  world.Open("payments");
  world.Run(kSecond);
  ASSERT_TRUE(world.engine->EndSilence("s1", "user:ben"));
  world.Run(kSecond);
  EXPECT_EQ(world.gateway.executes, 1);
  EXPECT_EQ(world.engine->EndSilence("s1", "user:ben").error().code, Code::kConflict);
  EXPECT_EQ(world.engine->EndSilence("s9", "user:ben").error().code, Code::kNotFound);
  EXPECT_EQ(world.engine->silences().all()[0].ended_by, "user:ben");
}

TEST_F(RemedySilenceTest, OneThatComesLaterSilencesWhatIsOpen) {
  ASSERT_TRUE(world.engine->SetSwitch(false, "user:anna"));
  world.Open("payments");
  world.Run(kSecond);
  ASSERT_TRUE(Add({"service=payments"}));
  EXPECT_EQ(TheIncident().silenced_by, "s1");
  world.told.loud.clear();
  ASSERT_TRUE(world.engine->SetSwitch(true, "user:anna"));
  world.Run(10 * kSecond);
  EXPECT_EQ(world.gateway.executes, 0);
  EXPECT_THAT(world.told.loud, IsEmpty());
}

TEST_F(RemedySilenceTest, ItOutlivesARestartAndEndsOnTime) {
  ASSERT_TRUE(Add({"service=payments"}, 10 * kMinute));
  const Finding finding = world.Open("payments");
  world.Run(kSecond);
  world.Restart();
  world.engine->OnFinding(finding);
  world.told.loud.clear();
  world.Run(9 * kMinute);
  EXPECT_EQ(world.gateway.executes, 0);
  EXPECT_THAT(world.told.loud, IsEmpty());
  world.Run(kMinute);
  EXPECT_EQ(world.gateway.executes, 1);
}

TEST_F(RemedySilenceTest, OfAPolicyItSilencesThatPolicyOnly) {
  PolicySpec other = MakePolicy("other");
  other.mode = Mode::kShadow;
  world.engine->SetPolicies(MakeSpec({MakePolicy(), other}));
  ASSERT_TRUE(Add({"policy=latency"}));
  world.Open("payments");
  world.Run(kSecond);
  EXPECT_EQ(world.gateway.executes, 0);
  EXPECT_EQ(TheIncident().silenced_by, "") << "the incident itself is loud";
  EXPECT_THAT(world.told.loud, Contains(HasSubstr("policy other")));
  EXPECT_THAT(world.told.loud, Not(Contains(HasSubstr("silence s1"))));
  EXPECT_THAT(world.Refusals(), ElementsAre(HasSubstr("silence: silence s1")));
}

TEST_F(RemedySilenceTest, AnIncidentIsLoudWhileOneOfItsFindingsIs) {
  ASSERT_TRUE(Add({"metric=latency_p99"}));
  world.Open("payments");
  EXPECT_EQ(TheIncident().silenced_by, "s1");
  Finding errors = world.Make("payments", Severity::kWarning);
  errors.metric = "error_rate";
  world.engine->OnFinding(errors);
  EXPECT_EQ(TheIncident().silenced_by, "");
  EXPECT_THAT(world.told.loud, Contains(HasSubstr("error_rate")));
  world.Run(kSecond);
  EXPECT_EQ(world.gateway.executes, 1) << "for the finding that is loud";
}

TEST_F(RemedySilenceTest, ItIsNotThereWhereTheJournalCannotBeWritten) {
  EXPECT_THAT(Why(Add({})), HasSubstr("needs a matcher"));
  EXPECT_THAT(world.engine->silences().all(), IsEmpty());
}

TEST_F(RemedySilenceTest, AnApprovalUnderASilenceIsNotCarriedOut) {
  PolicySpec policy = MakePolicy();
  policy.mode = Mode::kApprove;
  world.engine->SetPolicies(MakeSpec({policy}));
  world.Open("payments");
  world.Run(kSecond);
  const std::string decision = world.engine->AwaitingApproval().at(0)->id;
  ASSERT_TRUE(Add({"service=payments"}));
  EXPECT_THAT(world.engine->Approve(decision, "user:ben").error().message,
              HasSubstr("silence s1 by user:anna"));
  ASSERT_TRUE(world.engine->EndSilence("s1", "user:anna"));
  EXPECT_TRUE(world.engine->Approve(decision, "user:ben"));
}

}  // namespace
}  // namespace heald::remedy
