#include "plugins/detectors/isolation_forest/forest.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "plugins/detectors/isolation_forest/random.h"

namespace heald::isolation_forest {

namespace {

constexpr float kNowhere = std::numeric_limits<float>::infinity();

// MeanPath of every number of samples that a node can have.
double MeanPathOf(uint16_t samples) {
  static const std::vector<double> table = [] {
    std::vector<double> paths;
    for (uint32_t i = 0; i <= Forest::kMaxSamples; ++i) paths.push_back(MeanPath(i));
    return paths;
  }();
  return table[samples];
}

}  // namespace

double MeanPath(double samples) {
  if (samples <= 1) return 0;
  if (samples <= 2) return 1;
  return 2 * (std::log(samples - 1) + std::numbers::egamma) - 2 * (samples - 1) / samples;
}

// What growing trees needs.
struct Forest::Growth {
  Random random;
  const float* rows;
  std::vector<uint32_t> sample;  // rows of the tree; a node has a part of it
  std::vector<uint32_t> usable;  // features, in an order that changes
};

void Forest::Shape(size_t features, uint32_t trees, uint32_t samples) {
  features_ = features;
  trees_ = trees;
  samples_ = samples;
  // As many levels as a balanced tree has: what isn't cut off by then is usual.
  depth_ = samples > 1 ? static_cast<uint32_t>(std::bit_width(samples - 1)) : 0;
  splits_.assign(trees * Inner(), {kNowhere, 0});
  counts_.assign(trees * Nodes(), 0);
  ends_.assign(trees * (Inner() + 1), 0);
}

Forest::Tree Forest::At(size_t tree) {
  return {splits_.data() + tree * Inner(), counts_.data() + tree * Nodes(),
          ends_.data() + tree * (Inner() + 1)};
}

Forest Forest::Fit(std::span<const float> rows, size_t features, uint32_t trees, uint32_t samples,
                   uint64_t seed) {
  const auto count = static_cast<uint32_t>(rows.size() / features);
  Forest forest;
  forest.Shape(features, trees, std::min(samples, count));
  const uint32_t taken = forest.samples_;
  Growth growth{Random(seed), rows.data(), std::vector<uint32_t>(taken),
                std::vector<uint32_t>(features)};
  std::vector<uint32_t> deck(count);
  std::iota(deck.begin(), deck.end(), 0U);
  for (uint32_t tree = 0; tree < trees; ++tree) {
    // The first cards of a deck that is shuffled only so far: drawn without putting back.
    for (uint32_t i = 0; i < taken; ++i) {
      std::swap(deck[i], deck[i + growth.random.Below(count - i)]);
      growth.sample[i] = deck[i];
    }
    std::iota(growth.usable.begin(), growth.usable.end(), 0U);
    forest.Grow(growth, forest.At(tree), 0, 0, 0, taken);
  }
  return forest;
}

void Forest::Grow(Growth& growth, const Tree& tree, size_t node, uint32_t level, size_t begin,
                  size_t end) const {
  const auto count = static_cast<uint32_t>(end - begin);
  size_t left = level < depth_ && count > 1 ? growth.usable.size() : 0;
  for (; left > 0; --left) {
    const uint32_t at = growth.random.Below(static_cast<uint32_t>(left));
    const uint32_t feature = growth.usable[at];
    const auto value = [&](uint32_t row) { return growth.rows[row * features_ + feature]; };
    float low = kNowhere;
    float high = -kNowhere;
    for (size_t i = begin; i < end; ++i) {
      low = std::min(low, value(growth.sample[i]));
      high = std::max(high, value(growth.sample[i]));
    }
    // A feature that is the same everywhere cuts nothing: another one is drawn.
    if (!(low < high)) {
      std::swap(growth.usable[at], growth.usable[left - 1]);
      continue;
    }
    float threshold = low + growth.random.Share() * (high - low);
    if (!(threshold > low && threshold <= high)) threshold = high;
    const auto first = growth.sample.begin();
    const auto middle = std::partition(first + static_cast<std::ptrdiff_t>(begin),
                                       first + static_cast<std::ptrdiff_t>(end),
                                       [&](uint32_t row) { return value(row) < threshold; });
    tree.splits[node] = {threshold, feature};
    tree.counts[node] = static_cast<uint16_t>(count);
    const auto cut = static_cast<size_t>(middle - first);
    Grow(growth, tree, 2 * node + 1, level + 1, begin, cut);
    Grow(growth, tree, 2 * node + 2, level + 1, cut, end);
    return;
  }
  Close(tree, node, level, count);
}

// All ways below the node end as it does.
void Forest::Close(const Tree& tree, size_t node, uint32_t level, uint32_t count) const {
  tree.counts[node] = static_cast<uint16_t>(count);
  size_t first = node;
  size_t width = 1;
  for (; first < Inner(); first = 2 * first + 1) width *= 2;
  std::fill_n(tree.ends + (first - Inner()), width, static_cast<float>(level + MeanPath(count)));
}

float Forest::ToScore(double mean_path) const {
  const double usual = MeanPath(samples_);
  return usual > 0 ? static_cast<float>(std::exp2(-mean_path / usual)) : 0.5F;
}

// block: kLanes values of the first feature, then of the second… Adds to paths, which are kLanes.
void Forest::Walk(const float* block, float* paths) const {
  const size_t inner = Inner();
  const Split* splits = splits_.data();
  const float* ends = ends_.data();
  for (uint32_t tree = 0; tree < trees_; ++tree, splits += inner, ends += inner + 1) {
    std::array<uint32_t, kLanes> at{};
    for (uint32_t level = 0; level < depth_; ++level)
      for (size_t lane = 0; lane < kLanes; ++lane) {
        const Split split = splits[at[lane]];
        const float value = block[split.feature * kLanes + lane];
        at[lane] = 2 * at[lane] + 1 + static_cast<uint32_t>(value >= split.threshold);
      }
    for (size_t lane = 0; lane < kLanes; ++lane) paths[lane] += ends[at[lane] - inner];
  }
}

void Forest::Score(std::span<const float> rows, std::span<float> scores) const {
  std::vector<float> block(features_ * kLanes);
  for (size_t first = 0; first < scores.size(); first += kLanes) {
    const size_t count = std::min(kLanes, scores.size() - first);
    for (size_t lane = 0; lane < count; ++lane)
      for (size_t feature = 0; feature < features_; ++feature)
        block[feature * kLanes + lane] = rows[(first + lane) * features_ + feature];
    std::array<float, kLanes> paths{};
    Walk(block.data(), paths.data());
    for (size_t lane = 0; lane < count; ++lane)
      scores[first + lane] = ToScore(static_cast<double>(paths[lane]) / trees_);
  }
}

// One row down several trees at a time, so that no step waits for the one before.
float Forest::Score(std::span<const float> row) const {
  double sum = 0;
  const size_t inner = Inner();
  for (uint32_t first = 0; first < trees_; first += kLanes) {
    const size_t count = std::min<size_t>(kLanes, trees_ - first);
    const Split* splits = splits_.data() + first * inner;
    std::array<uint32_t, kLanes> at{};
    for (uint32_t level = 0; level < depth_; ++level)
      for (size_t lane = 0; lane < count; ++lane) {
        const Split split = splits[lane * inner + at[lane]];
        at[lane] = 2 * at[lane] + 1 + static_cast<uint32_t>(row[split.feature] >= split.threshold);
      }
    for (size_t lane = 0; lane < count; ++lane)
      sum += static_cast<double>(ends_[(first + lane) * (inner + 1) + at[lane] - inner]);
  }
  return ToScore(sum / trees_);
}

bool Forest::Closed(size_t tree, size_t node) const {
  return node >= Inner() || splits_[tree * Inner() + node].threshold == kNowhere;
}

double Forest::Attribute(std::span<const float> row, std::span<double> credit) const {
  const double usual = MeanPath(samples_);
  if (usual == 0) return 0;
  uint32_t agree = 0;
  for (uint32_t tree = 0; tree < trees_; ++tree) {
    const uint16_t* counts = counts_.data() + tree * Nodes();
    double expected = usual;  // path that a row which has come so far has on average
    double level = 0;
    for (size_t at = 0; !Closed(tree, at);) {
      const Split split = splits_[tree * Inner() + at];
      at = 2 * at + (row[split.feature] >= split.threshold ? 2 : 1);
      const double before = expected;
      expected = ++level + MeanPathOf(counts[at]);
      credit[split.feature] += (before - expected) / (usual * trees_);
    }
    agree += expected < usual ? 1 : 0;
  }
  return static_cast<double>(agree) / trees_;
}

}  // namespace heald::isolation_forest
