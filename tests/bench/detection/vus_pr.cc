#include "tests/bench/detection/vus_pr.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace heald::bench {

namespace {

constexpr size_t kThresholds = 250;

// Highest scores first; equal ones stay in the order of rows.
std::vector<size_t> Ranked(std::span<const double> scores) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  return order;
}

// The runs with half a buffer on both sides, those that meet joined.
std::vector<Interval> Widened(const std::vector<Interval>& runs, size_t half, size_t rows) {
  std::vector<Interval> out;
  for (const Interval& run : runs) {
    const size_t begin = run.begin - std::min(run.begin, half);
    const size_t end = std::min(run.end + half, rows);
    if (!out.empty() && begin < out.back().end)
      out.back().end = end;
    else
      out.push_back({begin, end});
  }
  return out;
}

std::vector<double> Weights(std::span<const char> labels, const std::vector<Interval>& runs,
                            size_t buffer) {
  const size_t half = buffer / 2;
  std::vector<double> weights(labels.begin(), labels.end());
  const auto fall = [&](size_t distance) {
    return std::sqrt(1 - static_cast<double>(distance) /
                             static_cast<double>(std::max<size_t>(buffer, 1)));
  };
  for (const Interval& run : runs) {
    const size_t last = run.end - 1;
    for (size_t i = run.end; i < std::min(run.end + half, labels.size()); ++i)
      weights[i] += fall(i - last);
    for (size_t i = run.begin - std::min(run.begin, half); i < run.begin; ++i)
      weights[i] += fall(run.begin - i);
  }
  for (double& weight : weights) weight = std::min(weight, 1.0);
  return weights;
}

struct Surface {
  std::span<const char> labels;
  std::span<const double> scores;
  std::vector<Interval> runs;
  std::vector<size_t> order;
  std::vector<double> cuts;       // thresholds, falling
  std::vector<size_t> predicted;  // rows at or above each
  double positives = 0;

  double AveragePrecision(size_t buffer) const {
    const std::vector<double> weights = Weights(labels, runs, buffer);
    std::vector<double> peaks;
    for (const Interval& run : Widened(runs, buffer / 2, scores.size()))
      peaks.push_back(*std::max_element(scores.begin() + static_cast<ptrdiff_t>(run.begin),
                                        scores.begin() + static_cast<ptrdiff_t>(run.end)));
    double area = 0, recall_before = 0, hit = 0, soft = 0;
    size_t taken = 0;
    for (size_t k = 0; k < cuts.size(); ++k) {
      for (; taken < predicted[k]; ++taken) {
        const size_t row = order[taken];
        hit += weights[row];
        if (labels[row] == 0) soft += weights[row];
      }
      const auto found = static_cast<double>(
          std::count_if(peaks.begin(), peaks.end(), [&](double peak) { return peak >= cuts[k]; }));
      const double recall = std::min(hit / ((positives + soft + positives) / 2), 1.0) * found /
                            static_cast<double>(peaks.size());
      area += (recall - recall_before) * hit / static_cast<double>(predicted[k]);
      recall_before = recall;
    }
    return area;
  }
};

}  // namespace

std::vector<Interval> Runs(std::span<const char> labels) {
  std::vector<Interval> runs;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] == 0) continue;
    if (i == 0 || labels[i - 1] == 0) runs.push_back({i, i});
    runs.back().end = i + 1;
  }
  return runs;
}

double VusPr(std::span<const char> labels, std::span<const double> scores, size_t max_buffer) {
  Surface surface{labels, scores, Runs(labels), Ranked(scores), {}, {}, 0};
  if (surface.runs.empty()) return 0;
  const size_t rows = scores.size();
  surface.positives = static_cast<double>(std::count(labels.begin(), labels.end(), 1));
  const double step = static_cast<double>(rows - 1) / (kThresholds - 1);
  for (size_t k = 0; k < kThresholds; ++k) {
    const size_t at = k + 1 == kThresholds
                          ? rows - 1
                          : static_cast<size_t>(std::floor(static_cast<double>(k) * step));
    const double cut = scores[surface.order[at]];
    size_t end = at + 1;
    while (end < rows && scores[surface.order[end]] == cut) ++end;
    surface.cuts.push_back(cut);
    surface.predicted.push_back(end);
  }
  double sum = 0;
  for (size_t buffer = 0; buffer <= max_buffer; ++buffer) sum += surface.AveragePrecision(buffer);
  return sum / static_cast<double>(max_buffer + 1);
}

double AucPr(std::span<const char> labels, std::span<const double> scores) {
  const std::vector<size_t> order = Ranked(scores);
  const auto positives = static_cast<double>(std::count(labels.begin(), labels.end(), 1));
  double area = 0, hits = 0, before = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    hits += labels[order[i]];
    if (i + 1 < order.size() && scores[order[i + 1]] == scores[order[i]]) continue;
    area += (hits - before) / std::max(positives, 1.0) * hits / static_cast<double>(i + 1);
    before = hits;
  }
  return area;
}

}  // namespace heald::bench
