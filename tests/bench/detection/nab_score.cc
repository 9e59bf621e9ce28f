#include "tests/bench/detection/nab_score.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace heald::bench {

namespace {

constexpr size_t kOutside = std::numeric_limits<size_t>::max();

// Falls from nearly 1 at y = -1 through 0 at y = 0 to -1 behind.
double Squash(double y) {
  return y > 3 ? -1 : 2 / (1 + std::exp(5 * y)) - 1;
}

// What a detection at one row is worth, before weights.
struct Row {
  double score;
  double value;
  size_t window;  // or kOutside
};

void AddRows(const NabFile& file, size_t first_window, std::vector<Row>* out) {
  const size_t rows = file.scores.size();
  std::vector<Row> of(rows);
  for (size_t i = 0; i < rows; ++i) of[i] = {file.scores[i], -1, kOutside};
  for (size_t k = 0; k < file.windows.size(); ++k) {
    const auto [begin, end] = file.windows[k];
    const auto width = static_cast<double>(end - begin);
    for (size_t i = begin; i < end; ++i)
      of[i] = {file.scores[i], Squash(-static_cast<double>(end - i) / width) / Squash(-1),
               first_window + k};
    const size_t next = k + 1 < file.windows.size() ? file.windows[k + 1].begin : rows;
    for (size_t i = end; i < next; ++i)
      of[i].value = Squash(static_cast<double>(i - end + 1) / (width - 1));
  }
  const auto probation =
      static_cast<size_t>(std::min(std::floor(0.15 * static_cast<double>(rows)), 750.0));
  out->insert(out->end(), of.begin() + static_cast<ptrdiff_t>(probation), of.end());
}

NabResult Sweep(const std::vector<Row>& ranked, size_t windows, const NabProfile& profile,
                double threshold) {
  const double perfect = static_cast<double>(windows) * (profile.hit + profile.miss);
  std::vector<double> best_in(windows, -profile.miss);
  NabResult result;
  result.best_threshold = std::numeric_limits<double>::infinity();
  double total = 0;
  for (size_t i = 0; i < ranked.size(); ++i) {
    const Row& row = ranked[i];
    if (row.window == kOutside) {
      total += row.value * profile.false_alarm;
    } else if (row.value * profile.hit > best_in[row.window]) {
      total += row.value * profile.hit - best_in[row.window];
      best_in[row.window] = row.value * profile.hit;
    }
    if (i + 1 < ranked.size() && ranked[i + 1].score == row.score) continue;
    const double score = 100 * total / perfect;
    if (score > result.best) {
      result.best = score;
      result.best_threshold = row.score;
    }
    if (row.score >= threshold) result.fixed = score;
  }
  return result;
}

}  // namespace

std::array<NabResult, 3> NabScore(const std::vector<NabFile>& files, double threshold) {
  std::vector<Row> rows;
  size_t windows = 0;
  for (const NabFile& file : files) {
    AddRows(file, windows, &rows);
    windows += file.windows.size();
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Row& a, const Row& b) { return a.score > b.score; });
  std::array<NabResult, 3> results;
  for (size_t i = 0; i < results.size() && windows > 0; ++i)
    results[i] = Sweep(rows, windows, kNabProfiles[i], threshold);
  return results;
}

}  // namespace heald::bench
