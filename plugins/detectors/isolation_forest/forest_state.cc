// A forest in a snapshot: only the nodes that mean something, each tree from its root, left first.
#include <bit>
#include <cmath>

#include "plugins/detectors/isolation_forest/forest.h"

namespace heald::isolation_forest {

namespace {

constexpr uint32_t kLeaf = 0x80000000U;  // with the number of samples; else a feature

}  // namespace

void Forest::Save(sdk::SnapshotWriter& out) const {
  out.U32(static_cast<uint32_t>(features_));
  out.U32(trees_);
  out.U32(samples_);
  for (uint32_t tree = 0; tree < trees_; ++tree) SaveNode(out, tree, 0);
}

void Forest::SaveNode(sdk::SnapshotWriter& out, size_t tree, size_t node) const {
  if (Closed(tree, node)) {
    out.U32(kLeaf | counts_[tree * Nodes() + node]);
    return;
  }
  const Split& split = splits_[tree * Inner() + node];
  out.U32(split.feature);
  out.U32(std::bit_cast<uint32_t>(split.threshold));
  SaveNode(out, tree, 2 * node + 1);
  SaveNode(out, tree, 2 * node + 2);
}

Forest Forest::Load(sdk::SnapshotReader& in) {
  const uint32_t features = in.U32();
  const uint32_t trees = in.U32();
  const uint32_t samples = in.U32();
  if (features > kMaxFeatures || trees > kMaxTrees || samples > kMaxSamples ||
      (trees != 0 && (features == 0 || samples == 0)))
    sdk::SnapshotReader::Refuse("a forest in it has an impossible size");
  Forest forest;
  if (trees == 0) return forest;
  forest.Shape(features, trees, samples);
  for (uint32_t tree = 0; tree < trees; ++tree)
    if (forest.LoadNode(in, forest.At(tree), 0, 0) != samples)
      sdk::SnapshotReader::Refuse("a tree in it has lost samples");
  return forest;
}

uint32_t Forest::LoadNode(sdk::SnapshotReader& in, const Tree& tree, size_t node,
                          uint32_t level) const {
  const uint32_t word = in.U32();
  if ((word & kLeaf) != 0) {
    const uint32_t count = word & ~kLeaf;
    if (count == 0 || count > samples_)
      sdk::SnapshotReader::Refuse("a leaf in it has an impossible size");
    Close(tree, node, level, count);
    return count;
  }
  const auto threshold = std::bit_cast<float>(in.U32());
  if (level >= depth_ || word >= features_ || !std::isfinite(threshold))
    sdk::SnapshotReader::Refuse("a split in it is impossible");
  tree.splits[node] = {threshold, word};
  const uint32_t count =
      LoadNode(in, tree, 2 * node + 1, level + 1) + LoadNode(in, tree, 2 * node + 2, level + 1);
  tree.counts[node] = static_cast<uint16_t>(count);
  return count;
}

}  // namespace heald::isolation_forest
