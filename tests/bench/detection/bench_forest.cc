// The isolation forest beside scikit-learn's in the same run: the same rows, one thread each, fit
// and score. README.md says how to read it.
//   bench_forest            100,000 rows of 5 numbers, 1 % of them far out
// bench_forest.py, beside this file, is scikit-learn's part; without it one line says so.
#include <sys/wait.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "core/backtest/scratch.h"
#include "plugins/detectors/isolation_forest/forest.h"

namespace heald::bench {
namespace {

using isolation_forest::Forest;

constexpr size_t kRows = 100'000, kFeatures = 5, kOutliers = kRows / 100;
constexpr int kRepeats = 5;

// Two clusters, and rows that lie a few deviations around them.
std::vector<double> Rows() {
  std::mt19937_64 random(11);
  std::normal_distribution<> normal;
  std::vector<double> rows(kRows * kFeatures);
  for (size_t i = 0; i < kRows; ++i)
    for (size_t f = 0; f < kFeatures; ++f) {
      const double center = i % 3 == 0 ? 4 : 0;
      const double width = i < kOutliers ? 3 : 1;
      rows[i * kFeatures + f] = center + width * normal(random);
    }
  return rows;
}

std::vector<size_t> Order(const std::vector<float>& scores) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] < scores[b]; });
  return order;
}

// Ranks from 1; those of equal scores are shared.
std::vector<double> Ranks(const std::vector<float>& scores) {
  const std::vector<size_t> order = Order(scores);
  std::vector<double> ranks(scores.size());
  for (size_t i = 0, end = 0; i < order.size(); i = end) {
    while (end < order.size() && scores[order[end]] == scores[order[i]]) ++end;
    for (size_t k = i; k < end; ++k) ranks[order[k]] = static_cast<double>(i + end + 1) / 2;
  }
  return ranks;
}

// The outliers are the first rows.
double Auc(const std::vector<float>& scores) {
  const std::vector<double> ranks = Ranks(scores);
  const double sum = std::accumulate(ranks.begin(), ranks.begin() + kOutliers, 0.0);
  constexpr double kIn = kOutliers, kOut = kRows - kOutliers;
  return (sum - kIn * (kIn + 1) / 2) / (kIn * kOut);
}

double RankCorrelation(const std::vector<float>& a, const std::vector<float>& b) {
  const std::vector<double> x = Ranks(a), y = Ranks(b);
  const double mean = (static_cast<double>(x.size()) + 1) / 2;
  double xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean) * (y[i] - mean);
    xx += (x[i] - mean) * (x[i] - mean);
    yy += (y[i] - mean) * (y[i] - mean);
  }
  return xy / std::sqrt(xx * yy);
}

// Of this process, so that others on the machine don't count.
double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

int Main() {
  const std::vector<double> rows = Rows();
  std::vector<float> scores(kRows);
  double best = 1e9;
  for (int i = 0; i < kRepeats; ++i) {
    const double start = CpuSeconds();
    const std::vector<float> numbers(rows.begin(), rows.end());
    Forest::Fit(numbers, kFeatures, 100, 256, 1).Score(numbers, scores);
    best = std::min(best, CpuSeconds() - start);
  }
  const double auc = Auc(scores);
  std::printf("isolation_forest  fit + score of %zu x %zu: %.3f s CPU, AUC %.4f\n", kRows,
              kFeatures, best, auc);

  const backtest::Scratch scratch;
  const std::string in = scratch.path() + "/rows", out = scratch.path() + "/scores";
  std::ofstream(in, std::ios::binary)
      .write(reinterpret_cast<const char*>(rows.data()),
             static_cast<std::streamsize>(rows.size() * sizeof(double)));
  const char* python = std::getenv("HEALD_PYTHON");
  const std::string command = std::string(python != nullptr ? python : "/usr/bin/python3") + " '" +
                              HEALD_BENCH_FOREST_SCRIPT "' " + std::to_string(kFeatures) + " '" +
                              in + "' '" + out + "'";
  const int status = std::system(command.c_str());
  if (status == -1 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    std::printf(
        "scikit-learn isn't there (Debian: python3-sklearn; $HEALD_PYTHON names another "
        "python): no comparison\n");
    return 0;
  }
  double theirs = 0;
  std::vector<float> their_scores(kRows);
  std::ifstream answer(out, std::ios::binary);
  answer.read(reinterpret_cast<char*>(&theirs), sizeof theirs);
  answer.read(reinterpret_cast<char*>(their_scores.data()), kRows * sizeof(float));
  if (!answer) {
    std::fprintf(stderr, "%s ended well, but left no scores\n", command.c_str());
    return 1;
  }
  const double their_auc = Auc(their_scores);
  std::printf("scikit-learn      fit + score of %zu x %zu: %.3f s CPU, AUC %.4f\n", kRows,
              kFeatures, theirs, their_auc);
  std::printf(
      "%.1f times as fast (aim: 12); AUC differs by %.4f (aim: 0.005); rank correlation "
      "of the scores %.4f\n",
      theirs / best, std::fabs(auc - their_auc), RankCorrelation(scores, their_scores));
  return std::fabs(auc - their_auc) <= 0.005 ? 0 : 1;
}

}  // namespace
}  // namespace heald::bench

int main() {
  return heald::bench::Main();
}
