#include "plugins/detectors/isolation_forest/forest.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "plugins/detectors/isolation_forest/random.h"

namespace heald::isolation_forest {
namespace {

constexpr size_t kFeatures = 3;

// Sums of uniform numbers: a hill around 0.
std::vector<float> Hill(size_t rows, uint64_t seed = 7) {
  Random random(seed);
  std::vector<float> numbers(rows * kFeatures);
  for (float& number : numbers)
    for (int i = 0; i < 6; ++i) number += random.Share() - 0.5F;
  return numbers;
}

Forest Fit(const std::vector<float>& rows, uint32_t trees = 100, uint32_t samples = 256) {
  return Forest::Fit(rows, kFeatures, trees, samples, 1);
}

TEST(ForestTest, MeanPathIsThatOfTheBinarySearchTree) {
  EXPECT_EQ(MeanPath(1), 0);
  EXPECT_EQ(MeanPath(2), 1);
  EXPECT_NEAR(MeanPath(256), 10.2448, 1e-4);  // the paper's c(256)
}

TEST(ForestTest, ScoresRiseWithTheDistanceAndStayBetween0And1) {
  const Forest forest = Fit(Hill(5000));
  float last = 0;
  for (const float distance : {0.0F, 1.0F, 1.5F, 2.0F}) {
    const float score = forest.Score(std::vector<float>{distance, -distance, distance});
    EXPECT_GT(score, last) << distance;
    EXPECT_LT(score, 1) << distance;
    last = score;
  }
  EXPECT_LT(forest.Score(std::vector<float>{0, 0, 0}), 0.5);
  EXPECT_GT(forest.Score(std::vector<float>{9, 9, 9}), 0.75);
}

TEST(ForestTest, RowsTogetherScoreAsRowsOneByOne) {
  const std::vector<float> rows = Hill(77);  // no multiple of 32
  for (const uint32_t trees : {1U, 31U, 100U}) {
    const Forest forest = Fit(rows, trees);
    std::vector<float> scores(77);
    forest.Score(rows, scores);
    for (size_t i = 0; i < scores.size(); ++i)
      EXPECT_NEAR(scores[i], forest.Score(std::span(rows).subspan(i * kFeatures, kFeatures)), 1e-6);
  }
}

TEST(ForestTest, CreditsAddUpToTheScore) {
  const std::vector<float> rows = Hill(1000);
  const Forest forest = Fit(rows);
  for (size_t i = 0; i < 50; ++i) {
    const auto row = std::span(rows).subspan(i * kFeatures, kFeatures);
    std::vector<double> credit(kFeatures);
    forest.Attribute(row, credit);
    // score = 2^-(path / usual), and the credits are 1 - path / usual.
    EXPECT_NEAR(std::accumulate(credit.begin(), credit.end(), 0.0),
                1 + std::log2(static_cast<double>(forest.Score(row))), 1e-5);
  }
}

TEST(ForestTest, TheFeatureThatIsOffGetsTheCredit) {
  const Forest forest = Fit(Hill(2000));
  for (size_t off = 0; off < kFeatures; ++off) {
    std::vector<float> row(kFeatures, 0.1F);
    row[off] = 5;
    std::vector<double> credit(kFeatures);
    const double agree = forest.Attribute(row, credit);
    EXPECT_GT(agree, 0.6);
    for (size_t i = 0; i < kFeatures; ++i)
      if (i != off) {
        EXPECT_GT(credit[off], credit[i] + 0.1) << off;
      }
  }
}

TEST(ForestTest, TheSameSeedGrowsTheSameForest) {
  const std::vector<float> rows = Hill(500);
  const std::vector<float> row{1, 0.3F, -1};
  EXPECT_EQ(Fit(rows).Score(row), Fit(rows).Score(row));
  EXPECT_NE(Fit(rows).Score(row), Forest::Fit(rows, kFeatures, 100, 256, 2).Score(row));
}

TEST(ForestTest, RowsThatAreAllTheSameAreOneOfMany) {
  const Forest forest = Fit(std::vector<float>(300 * kFeatures, 4.0F));
  EXPECT_FLOAT_EQ(forest.Score(std::vector<float>{4, 4, 4}), 0.5F);
  // Nothing was ever split, so nothing can be told.
  EXPECT_FLOAT_EQ(forest.Score(std::vector<float>{5, 5, 5}), 0.5F);
}

TEST(ForestTest, ConstantFeaturesDoNotCountAgainstTheOthers) {
  std::vector<float> rows = Hill(1000);
  for (size_t i = 0; i < rows.size(); i += kFeatures) rows[i] = rows[i + 1] = 3;
  const Forest forest = Fit(rows);
  EXPECT_GT(forest.Score(std::vector<float>{3, 3, 9}), 0.7);
}

TEST(ForestTest, FewAndHugeRowsGrowWithoutHarm) {
  for (const size_t count : {1U, 2U, 3U}) {
    const float score =
        Fit(std::vector<float>(count * kFeatures, 1.0F)).Score(std::vector<float>{1, 2, 3});
    EXPECT_FLOAT_EQ(score, 0.5F) << count;
  }
  std::vector<float> rows = Hill(300);
  for (size_t i = 0; i < 30; ++i) rows[i] = i % 2 == 0 ? 1e18F : -1e18F;
  const Forest forest = Fit(rows);
  for (const float odd : {1e18F, -1e18F, 1e-38F, std::numeric_limits<float>::denorm_min()}) {
    const float score = forest.Score(std::vector<float>{odd, odd, odd});
    EXPECT_GT(score, 0);
    EXPECT_LT(score, 1);
  }
}

TEST(ForestTest, ComesBackFromASnapshotAsItWas) {
  const std::vector<float> rows = Hill(700);
  const Forest before = Fit(rows, 50, 100);
  sdk::SnapshotWriter out("t", 1);
  before.Save(out);
  const std::string state = std::move(out).Finish();
  sdk::SnapshotReader in(state, "t", 1);
  const Forest after = Forest::Load(in);
  in.End();
  for (size_t i = 0; i < 100; ++i) {
    const auto row = std::span(rows).subspan(i * kFeatures, kFeatures);
    std::vector<double> one(kFeatures), two(kFeatures);
    EXPECT_EQ(before.Score(row), after.Score(row));
    EXPECT_EQ(before.Attribute(row, one), after.Attribute(row, two));
    EXPECT_EQ(one, two);
  }
}

TEST(ForestTest, RefusesForestsThatCannotBe) {
  constexpr uint32_t kLeaf = 0x80000000U;
  const std::vector<std::vector<uint32_t>> impossible = {
      {70'000, 1, 2, kLeaf | 2},                               // too many features
      {1, 2000, 2},                                            // … trees
      {1, 1, 5000},                                            // … samples
      {0, 1, 2, kLeaf | 2},                                    // no features
      {1, 1, 2, kLeaf | 1},                                    // a sample is lost
      {1, 1, 2, kLeaf | 3},                                    // one too many
      {1, 1, 2, kLeaf | 0},                                    // an empty leaf
      {1, 1, 2, 1, 0, kLeaf | 1, kLeaf | 1},                   // no such feature
      {1, 1, 2, 0, 0x7fc00000, kLeaf | 1, kLeaf | 1},          // splits at NaN
      {1, 1, 2, 0, 0, 0, 0, kLeaf | 1, kLeaf | 1, kLeaf | 1},  // too deep
      {1, 1},                                                  // ends too early
  };
  for (const auto& words : impossible) {
    sdk::SnapshotWriter out("t", 1);
    for (const uint32_t word : words) out.U32(word);
    const std::string state = std::move(out).Finish();
    sdk::SnapshotReader in(state, "t", 1);
    EXPECT_THROW(Forest::Load(in), sdk::Failure) << words.size();
  }
}

}  // namespace
}  // namespace heald::isolation_forest
