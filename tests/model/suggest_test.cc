#include "core/model/suggest.h"

#include <gtest/gtest.h>

namespace heald {
namespace {

TEST(ModelSuggestTest, CountsEdits) {
  EXPECT_EQ(EditDistance("", ""), 0u);
  EXPECT_EQ(EditDistance("abc", ""), 3u);
  EXPECT_EQ(EditDistance("sensitivty", "sensitivity"), 1u);
  EXPECT_EQ(EditDistance("zscroe", "zscore"), 1u) << "neighbours swapped";
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
}

TEST(ModelSuggestTest, SuggestsTheNearestNameOnly) {
  const std::vector<std::string> names = {"window", "sensitivity", "min_samples"};
  EXPECT_EQ(DidYouMean("sensitivty", names), "did you mean 'sensitivity'?");
  EXPECT_EQ(DidYouMean("Window", names), "did you mean 'window'?");
  EXPECT_EQ(DidYouMean("colour", names), "");
  EXPECT_EQ(DidYouMean("x", {"y"}), "") << "a one-letter name is near to everything";
}

TEST(ModelSuggestTest, SurvivesVeryLongNames) {
  const std::string huge(100'000, 'a');
  EXPECT_EQ(Closest(huge, {huge + "b", "a"}), "");
}

TEST(ModelSuggestTest, CutsLongLists) {
  EXPECT_EQ(JoinNames({"a", "b", "c"}), "a, b, c");
  EXPECT_EQ(JoinNames({"a", "b", "c"}, 2), "a, b, …");
}

}  // namespace
}  // namespace heald
