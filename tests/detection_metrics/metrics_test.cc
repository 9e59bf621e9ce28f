// The benchmark's own scorers against values that the reference scorers gave for the same generated
// rows, and against what can be said without computing.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/bench/detection/nab_score.h"
#include "tests/bench/detection/vus_pr.h"

namespace heald::bench {
namespace {

struct Rows {
  std::vector<char> labels;
  std::vector<double> scores;
};

// Four labelled runs, two of them neighbours, one at the end; many equal scores.
Rows Generated(uint64_t seed, size_t rows) {
  Rows out{std::vector<char>(rows), std::vector<double>(rows)};
  const std::vector<Interval> runs = {{100, 130}, {131, 135}, {400, 420}, {rows - 30, rows}};
  for (const Interval& run : runs)
    for (size_t i = run.begin; i < run.end; ++i) out.labels[i] = 1;
  for (size_t i = 0; i < rows; ++i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    const double score = static_cast<double>(seed >> 33) / 2147483648.0 + 0.6 * out.labels[i];
    out.scores[i] = std::floor(score * 50) / 50;
  }
  return out;
}

TEST(DetectionMetricsTest, VusPrIsThatOfTheReference) {
  const Rows rows = Generated(7, 1000);
  EXPECT_NEAR(VusPr(rows.labels, rows.scores, 0), 0.6697648706199745, 1e-12);
  EXPECT_NEAR(VusPr(rows.labels, rows.scores, 20), 0.6778405213985121, 1e-12);
  EXPECT_NEAR(VusPr(rows.labels, rows.scores, 125), 0.7327280027549774, 1e-12);
}

TEST(DetectionMetricsTest, AucPrIsThatOfTheReference) {
  const Rows rows = Generated(7, 1000);
  EXPECT_NEAR(AucPr(rows.labels, rows.scores), 0.6780982039533081, 1e-12);
  EXPECT_EQ(AucPr(std::vector<char>{0, 1, 1, 0}, std::vector<double>{1, 5, 4, 1}), 1);
  // Scores that say nothing are as good as the share of labelled rows.
  EXPECT_EQ(AucPr(std::vector<char>{0, 1, 0, 0}, std::vector<double>{1, 1, 1, 1}), 0.25);
}

TEST(DetectionMetricsTest, WithoutLabelsNothingIsFound) {
  EXPECT_EQ(VusPr(std::vector<char>(9), std::vector<double>(9), 3), 0);
  EXPECT_EQ(AucPr(std::vector<char>(9), std::vector<double>(9)), 0);
}

TEST(DetectionMetricsTest, NabScoreIsThatOfTheReference) {
  std::vector<NabFile> files;
  for (const uint64_t seed : {1u, 2u, 3u}) files.push_back({Generated(seed, 900).scores, {}});
  for (size_t i = 0; i < 2; ++i) files[i].windows = {{200, 260}, {400, 420}};
  const auto results = NabScore(files, 1.3);
  EXPECT_NEAR(results[0].best, 14.820877877547966, 1e-9);
  EXPECT_EQ(results[0].best_threshold, 1.46);
  EXPECT_NEAR(results[0].fixed, -0.9838087744713012, 1e-9);
  EXPECT_EQ(results[1].best, 0);  // no detection at all is best
  EXPECT_EQ(results[1].best_threshold, std::numeric_limits<double>::infinity());
  EXPECT_NEAR(results[1].fixed, -51.85880877447132, 1e-9);
  EXPECT_NEAR(results[2].best, 26.547251918365316, 1e-9);
  EXPECT_NEAR(results[2].fixed, 16.010794150352492, 1e-9);
}

TEST(DetectionMetricsTest, NabGivesAllToAHitAtTheWindowsStart) {
  NabFile file{std::vector<double>(1000), {{500, 600}}};
  file.scores[500] = 1;
  EXPECT_NEAR(NabScore({file}, 1)[0].fixed, 100, 1e-9);
  file.scores[10] = 1;  // on probation: doesn't count
  EXPECT_NEAR(NabScore({file}, 1)[0].fixed, 100, 1e-9);
  file.scores[400] = 1;
  EXPECT_NEAR(NabScore({file}, 1)[0].fixed, 100 - 11.0 / 2, 1e-9);
}

}  // namespace
}  // namespace heald::bench
