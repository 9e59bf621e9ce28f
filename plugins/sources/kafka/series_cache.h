// Handles of the series that messages bring, so that the host is asked once for each and not once
// for each sample.
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "heald/host.h"

namespace heald::kafka {

using LabelViews = std::vector<std::pair<std::string_view, std::string_view>>;

class SeriesCache {
 public:
  static constexpr uint32_t kNoHandle = 0xffffffff;
  // Gives the handle, or kNoHandle to leave the series out.
  using Resolve = std::function<uint32_t(std::string_view name, const sdk::LabelSet& labels)>;

  explicit SeriesCache(Resolve resolve) : resolve_(std::move(resolve)) {}

  // Sorts `labels`. A series that was away for a while is asked for again, as the host may have let
  // it expire; so is one that the host had no room for.
  uint32_t Handle(std::string_view name, LabelViews* labels, int64_t now_ns);
  // Every handle is to be resolved again.
  void Forget() { entries_.clear(); }
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    uint32_t handle = kNoHandle;
    int64_t used_ns = 0;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  void Prune(int64_t now_ns);

  const Resolve resolve_;
  std::unordered_map<std::string, Entry, Hash, std::equal_to<>> entries_;
  std::string key_;
  int64_t pruned_ns_ = 0;
};

}  // namespace heald::kafka
