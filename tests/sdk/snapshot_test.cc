#include "heald/snapshot.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

namespace heald::sdk {
namespace {

using ::testing::HasSubstr;

std::string Sample() {
  SnapshotWriter out("mine", 3);
  out.U32(7);
  out.U64(~uint64_t{0});
  out.I64(-5);
  out.F64(-std::numeric_limits<double>::infinity());
  out.F64(std::nan(""));
  out.Text("a text");
  out.Labels({{"b", "2"}, {"a", "1"}});
  return std::move(out).Finish();
}

std::string Refusal(std::string_view state, std::string_view component = "mine",
                    uint32_t version = 3) {
  try {
    SnapshotReader(state, component, version);
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), HEALD_CORRUPT);
    return failure.what();
  }
  return "accepted";
}

TEST(SdkSnapshotTest, ReadsBackWhatWasWritten) {
  const std::string state = Sample();
  SnapshotReader in(state, "mine", 3);
  EXPECT_EQ(in.U32(), 7u);
  EXPECT_EQ(in.U64(), ~uint64_t{0});
  EXPECT_EQ(in.I64(), -5);
  EXPECT_EQ(in.F64(), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(in.F64()));
  EXPECT_EQ(in.Text(), "a text");
  EXPECT_EQ(in.Labels(), (LabelSet{{"a", "1"}, {"b", "2"}}));
  in.End();
}

TEST(SdkSnapshotTest, RefusesBeforeTheFirstValue) {
  const std::string state = Sample();
  EXPECT_THAT(Refusal(""), HasSubstr("isn't a heald snapshot"));
  EXPECT_THAT(Refusal("HEALDST1"), HasSubstr("cut short"));
  EXPECT_THAT(Refusal(state.substr(0, state.size() - 1)), HasSubstr("cut short or damaged"));
  EXPECT_THAT(Refusal(state, "yours"), HasSubstr("belongs to 'mine', not to 'yours'"));
  EXPECT_THAT(Refusal(state, "mine", 4), HasSubstr("version 3, this plugin reads version 4"));
}

TEST(SdkSnapshotTest, RefusesToReadPastItsEndOrToLeaveARest) {
  SnapshotWriter out("mine", 3);
  out.U32(0xffffffff);  // as a text's length: more than there is
  const std::string state = std::move(out).Finish();
  EXPECT_THROW(SnapshotReader(state, "mine", 3).U64(), Failure);
  EXPECT_THROW(SnapshotReader(state, "mine", 3).Text(), Failure);
  EXPECT_THROW(SnapshotReader(state, "mine", 3).Labels(), Failure);
  EXPECT_THROW(SnapshotReader(state, "mine", 3).End(), Failure);
}

}  // namespace
}  // namespace heald::sdk
