// An isolation forest over rows of numbers (Liu, Ting, Zhou 2008): what a few random splits cut off
// from the rest is unusual. No host, no time, no labels: Model gives the numbers their meaning.
// Used by Model and by the benchmark. Thread rule: plain values; const calls are [any].
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "heald/snapshot.h"

namespace heald::isolation_forest {

class Forest {
 public:
  static constexpr size_t kMaxFeatures = 0xffff;
  static constexpr uint32_t kMaxTrees = 1000;
  static constexpr uint32_t kMaxSamples = 4096;  // of one tree

  Forest() = default;
  // rows: row after row of `features` finite numbers, at least one row.
  static Forest Fit(std::span<const float> rows, size_t features, uint32_t trees, uint32_t samples,
                    uint64_t seed);

  // For each row 0 to 1: below 0.5 it is one of many, towards 1 it is cut off at once.
  void Score(std::span<const float> rows, std::span<float> scores) const;
  float Score(std::span<const float> row) const;
  // Adds to each feature by how much its splits shortened the row's mean path, in the unit of the
  // usual path: all together 1 - path / usual path. A feature that kept the row among others adds
  // less than 0. Returns the share of the trees that found the row unusual.
  double Attribute(std::span<const float> row, std::span<double> credit) const;

  bool empty() const { return trees_ == 0; }
  size_t features() const { return features_; }
  uint32_t samples() const { return samples_; }

  void Save(sdk::SnapshotWriter& out) const;
  // Throws Failure(HEALD_CORRUPT).
  static Forest Load(sdk::SnapshotReader& in);

 private:
  // Trees are complete: below a leaf that lies higher, splits follow that lead nowhere. So every
  // row takes the same number of steps, without a branch, and a node's children are 2i + 1 and
  // 2i + 2.
  struct Split {
    float threshold = 0;  // below it to the left
    uint32_t feature = 0;
  };
  struct Growth;
  struct Tree {
    Split* splits;
    uint16_t* counts;
    float* ends;
  };
  static constexpr size_t kLanes = 32;  // rows, or trees, that are walked together

  void Shape(size_t features, uint32_t trees, uint32_t samples);
  Tree At(size_t tree);
  void Grow(Growth& growth, const Tree& tree, size_t node, uint32_t level, size_t begin,
            size_t end) const;
  void Close(const Tree& tree, size_t node, uint32_t level, uint32_t count) const;
  void Walk(const float* block, float* paths) const;
  void SaveNode(sdk::SnapshotWriter& out, size_t tree, size_t node) const;
  uint32_t LoadNode(sdk::SnapshotReader& in, const Tree& tree, size_t node, uint32_t level) const;
  bool Closed(size_t tree, size_t node) const;
  size_t Inner() const { return (size_t{1} << depth_) - 1; }
  size_t Nodes() const { return 2 * Inner() + 1; }
  float ToScore(double mean_path) const;

  size_t features_ = 0;
  uint32_t trees_ = 0;
  uint32_t samples_ = 0;  // of one tree
  uint32_t depth_ = 0;
  std::vector<Split> splits_;     // of the inner nodes, tree after tree
  std::vector<uint16_t> counts_;  // samples of all nodes
  std::vector<float> ends_;       // path lengths at the lowest nodes
};

// Mean path length of an unsuccessful search in a binary search tree of so many samples.
double MeanPath(double samples);

}  // namespace heald::isolation_forest
