// What waits for the engine: in which order, and what is kept while there is none.
#include <gmock/gmock.h>

#include "core/agent/engine_work.h"
#include "core/agent/finding_shelf.h"

namespace heald::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Kind = EngineWork::Kind;

class EngineWorkTest : public ::testing::Test {
 protected:
  bool Push(Kind kind, const std::string& name) {
    return work_.Push(kind, [this, name] { done_.push_back(name); });
  }
  void DoAll() {
    while (const EngineWork::Work work = work_.Pop()) work();
  }

  EngineWork work_;
  std::vector<std::string> done_;
};

TEST_F(EngineWorkTest, QuestionsGoBeforeFindingsThatCameBefore) {
  for (const char* name : {"f1", "f2"}) Push(Kind::kFinding, name);
  Push(Kind::kAsk, "status");
  DoAll();
  EXPECT_THAT(done_, ElementsAre("status", "f1", "f2"));
}

TEST_F(EngineWorkTest, AnswersAndFindingsTakeTurns) {
  for (const char* name : {"f1", "f2", "f3"}) Push(Kind::kFinding, name);
  for (const char* name : {"a1", "a2"}) Push(Kind::kAnswer, name);
  DoAll();
  EXPECT_THAT(done_, ElementsAre("a1", "f1", "a2", "f2", "f3"));
}

TEST_F(EngineWorkTest, WakesTheLaneOnceUntilThereIsNothingLeft) {
  EXPECT_TRUE(Push(Kind::kFinding, "f1"));
  EXPECT_FALSE(Push(Kind::kAsk, "status"));
  DoAll();
  EXPECT_TRUE(Push(Kind::kAnswer, "a1"));
}

TEST_F(EngineWorkTest, AStopDropsFindingsOnly) {
  Push(Kind::kFinding, "f1");
  Push(Kind::kAnswer, "a1");
  EXPECT_EQ(work_.DropFindings(), 1u);
  DoAll();
  EXPECT_THAT(done_, ElementsAre("a1"));
}

Finding FindingOf(const std::string& id, FindingState state, double value,
                  Severity severity = Severity::kWarning) {
  Finding finding;
  finding.id = id;
  finding.state = state;
  finding.value = value;
  finding.severity = severity;
  return finding;
}

TEST(FindingShelfTest, KeepsHowEachBeganAndEndedWithTheLatestInBetween) {
  FindingShelf shelf;
  EXPECT_TRUE(shelf.Put(FindingOf("a", FindingState::kOpen, 1)));
  EXPECT_TRUE(shelf.Put(FindingOf("b", FindingState::kOpen, 1)));
  EXPECT_FALSE(shelf.Put(FindingOf("a", FindingState::kUpdate, 2))) << "no news";
  EXPECT_TRUE(shelf.Put(FindingOf("a", FindingState::kUpdate, 3, Severity::kCritical)));
  EXPECT_TRUE(shelf.Put(FindingOf("b", FindingState::kClear, 0)));
  EXPECT_FALSE(shelf.Put(FindingOf("c", FindingState::kClear, 0))) << "never heard of it";
  ASSERT_EQ(shelf.Open().size(), 1u);
  EXPECT_EQ(shelf.Open()[0].id, "a");
  std::vector<std::string> kept;
  for (const Finding& f : shelf.Take())
    kept.push_back(f.id + " " + std::string(ToString(f.state)) + " " +
                   std::to_string(static_cast<int>(f.value)));
  EXPECT_THAT(kept, ElementsAre("a open 3", "b open 1", "b clear 0"));
  EXPECT_THAT(shelf.Take(), IsEmpty());
}

TEST(FindingShelfTest, CountsWhatHasNoRoomAndStillTakesEndings) {
  FindingShelf shelf;
  for (size_t i = 0; i <= FindingShelf::kMax; ++i)
    shelf.Put(FindingOf(std::to_string(i), FindingState::kOpen, 1));
  EXPECT_EQ(shelf.lost_total(), 1u);
  EXPECT_TRUE(shelf.Put(FindingOf("0", FindingState::kClear, 0)));
  EXPECT_EQ(shelf.Take().size(), FindingShelf::kMax + 1);
}

}  // namespace
}  // namespace heald::agent
