#include "heald/slot_table.h"

#include <gmock/gmock.h>

#include <string>

namespace heald::sdk {
namespace {

constexpr heald_series Handle(uint32_t slot, uint32_t generation) {
  return generation << 22 | slot;
}

class SdkSlotTableTest : public ::testing::Test {
 protected:
  std::string& Add(heald_series series, const std::string& text) {
    return table_.FindOrAdd(
        series, [&] { return text; },
        [&](heald_series old, std::string& row) { displaced_.emplace_back(old, row); });
  }
  SlotTable<std::string> table_;
  std::vector<std::pair<heald_series, std::string>> displaced_;
};

TEST_F(SdkSlotTableTest, FindsWhatWasAdded) {
  EXPECT_EQ(table_.Find(Handle(3, 0)), nullptr);
  Add(Handle(3, 0), "three");
  Add(Handle(2'000'000, 0), "far");
  EXPECT_EQ(*table_.Find(Handle(3, 0)), "three");
  EXPECT_EQ(*table_.Find(Handle(2'000'000, 0)), "far");
  EXPECT_EQ(table_.Find(Handle(4, 0)), nullptr);
  EXPECT_EQ(Add(Handle(3, 0), "ignored"), "three");
  EXPECT_EQ(table_.size(), 2u);
}

TEST_F(SdkSlotTableTest, AnotherGenerationIsAnotherSeries) {
  Add(Handle(3, 0), "old");
  EXPECT_EQ(table_.Find(Handle(3, 1)), nullptr);
  EXPECT_EQ(Add(Handle(3, 1), "new"), "new");
  EXPECT_THAT(displaced_, ::testing::ElementsAre(std::pair(Handle(3, 0), std::string("old"))));
  EXPECT_EQ(table_.Find(Handle(3, 0)), nullptr);
  EXPECT_FALSE(table_.Remove(Handle(3, 0)));
  EXPECT_EQ(table_.size(), 1u);
}

TEST_F(SdkSlotTableTest, RowsStayWhereTheyAre) {
  std::string* const first = &Add(Handle(0, 0), "first");
  for (uint32_t i = 1; i < 5000; ++i) Add(Handle(i, 0), "x");
  EXPECT_EQ(table_.Find(Handle(0, 0)), first);
}

TEST_F(SdkSlotTableTest, VisitsEveryLiveRowOnce) {
  for (uint32_t i = 0; i < 200; ++i) Add(Handle(i * 3, 1), std::to_string(i));
  for (uint32_t i = 0; i < 200; i += 2) EXPECT_TRUE(table_.Remove(Handle(i * 3, 1)));
  std::vector<std::string> seen;
  table_.ForEach([&](heald_series, const std::string& row) { seen.push_back(row); });
  EXPECT_EQ(seen.size(), 100u);
  EXPECT_THAT(seen, ::testing::Not(::testing::Contains("0")));
  EXPECT_THAT(seen, ::testing::Contains("199"));
  // Freed rows are used again.
  for (uint32_t i = 0; i < 100; ++i) EXPECT_EQ(Add(Handle(10'000 + i, 0), "fresh"), "fresh");
  EXPECT_EQ(table_.size(), 200u);
}

}  // namespace
}  // namespace heald::sdk
