#include "core/store/held.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/store/json.h"
#include "tests/store/backends.h"

namespace heald {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class StoreHeldTest : public ::testing::Test {
 protected:
  StoreHeldTest() {
    Result<std::unique_ptr<Store>> opened = OpenStore({"sqlite:heald.db", dir_.path(), false});
    EXPECT_TRUE(opened);
    store_ = std::move(*opened);
  }
  std::unique_ptr<HeldChanges> Open(uint64_t max_bytes = kHeldBytes) {
    Result<std::unique_ptr<HeldChanges>> held = HeldChanges::Open(dir_.path(), *store_, max_bytes);
    EXPECT_TRUE(held) << held.error().message;
    return std::move(*held);
  }
  std::string Path() const { return dir_.path() + "/journal-" + store_->id() + ".held"; }
  static Change MakeChange(uint64_t number) {
    Change change;
    change.number = number;
    change.events.emplace_back().kind = "event" + std::to_string(number);
    return change;
  }
  static std::vector<std::string> Kinds(const Change& change) {
    std::vector<std::string> kinds;
    for (const AuditEvent& event : change.events) kinds.push_back(event.kind);
    return kinds;
  }

  StateDir dir_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreHeldTest, GivesThemBackInOrderAfterARestart) {
  {
    const std::unique_ptr<HeldChanges> held = Open();
    for (uint64_t number = 1; number <= 3; ++number) ASSERT_TRUE(held->Push(MakeChange(number)));
  }
  const std::unique_ptr<HeldChanges> held = Open();
  EXPECT_EQ(held->size(), 3u);
  Change two = held->Take(2, 0);
  EXPECT_THAT(Kinds(two), ElementsAre("event1", "event2"));
  EXPECT_EQ(two.first, 1u);
  EXPECT_EQ(two.number, 2u);
  EXPECT_EQ(held->size(), 3u) << "until they are done";
  held->Done();
  EXPECT_THAT(Kinds(held->Take(9, 0)), ElementsAre("event3"));
  held->Done();
  EXPECT_TRUE(held->empty());
  EXPECT_EQ(held->last_number(), 3u);
}

TEST_F(StoreHeldTest, ForgetsWhatTheStoreHasAlready) {
  for (const bool in_memory : {false, true}) {
    const std::unique_ptr<HeldChanges> held = in_memory ? std::make_unique<HeldChanges>() : Open();
    for (uint64_t number = 1; number <= 4; ++number) ASSERT_TRUE(held->Push(MakeChange(number)));
    Change left = held->Take(3, 2);
    EXPECT_EQ(Kinds(left).front(), "event3");
    EXPECT_EQ(left.first, 3u);
    held->Done();
    EXPECT_EQ(held->Take(9, 4).number, 0u) << "nothing is left";
    EXPECT_TRUE(held->empty());
  }
}

TEST_F(StoreHeldTest, KeepsEverythingThatAChangeHolds) {
  Change change = MakeChange(5);
  Incident& incident = change.incidents.emplace_back();
  incident.id = 7;
  incident.state = IncidentState::kActing;
  change.findings.emplace_back().incident = 7;
  change.findings[0].finding.id = "f";
  change.findings[0].finding.kind = FindingKind::kPrediction;
  change.findings[0].finding.probability = 0.7;
  change.decisions.emplace_back().id = "d";
  change.decisions[0].plan.before = R"({"a":1})";
  Execution& execution = change.executions.emplace_back();
  execution.decision = "d";
  execution.state = ExecutionState::kObserved;
  execution.issues = 2;
  execution.issued_ns = 99;
  change.events[0].detail = R"({"text":"ü \" x"})";
  change.events[0].actor = "user:anna";
  change.settings = {{"switch", "off"}};
  const std::unique_ptr<HeldChanges> held = Open();
  ASSERT_TRUE(held->Push(change));
  Change back = held->Take(1, 0);
  back.first = change.first;
  EXPECT_EQ(ToJson(back), ToJson(change));
}

TEST_F(StoreHeldTest, ADamagedChangeCostsItselfAlone) {
  {
    const std::unique_ptr<HeldChanges> held = Open();
    for (uint64_t number = 1; number <= 3; ++number) ASSERT_TRUE(held->Push(MakeChange(number)));
  }
  std::fstream file(Path(), std::ios::in | std::ios::out | std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  file.clear();
  file.seekp(static_cast<std::streamoff>(all.find("event2")));
  file << "EVENT2";
  file.close();
  const std::unique_ptr<HeldChanges> held = Open();
  EXPECT_THAT(held->note(), HasSubstr("damaged"));
  EXPECT_THAT(Kinds(held->Take(9, 0)), ElementsAre("event1", "event3"));
}

TEST_F(StoreHeldTest, DropsTheOldestAndSaysSoOnceThereIsNoMoreRoom) {
  const std::unique_ptr<HeldChanges> held = Open(2000);
  Status status;
  uint64_t number = 0;
  while (status) status = held->Push(MakeChange(++number));
  EXPECT_EQ(status.error().code, Code::kFull);
  EXPECT_EQ(held->lost_total(), 1u);
  EXPECT_EQ(Kinds(held->Take(1, 0)).front(), "event2");
}

TEST_F(StoreHeldTest, ASecondAgentWithTheSameFolderIsRefused) {
  const std::unique_ptr<HeldChanges> held = Open();
  const Result<std::unique_ptr<HeldChanges>> second = HeldChanges::Open(dir_.path(), *store_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
  EXPECT_THAT(second.error().message, HasSubstr("in use by another heald (process "));
}

}  // namespace
}  // namespace heald
