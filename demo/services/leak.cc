#include "demo/services/leak.h"

#include <cstring>
#include <utility>

namespace heald::demo {

Leak::Leak(std::function<double()> rate, size_t most_bytes)
    : most_bytes_(most_bytes), drip_(std::move(rate), [this] { return Lose(); }) {}

bool Leak::Lose() {
  if ((chunks_.size() + 1) * Drip::kChunkBytes > most_bytes_) return false;
  chunks_.push_back(std::make_unique_for_overwrite<char[]>(Drip::kChunkBytes));
  std::memset(chunks_.back().get(), 1, Drip::kChunkBytes);  // untouched memory isn't resident
  return true;
}

}  // namespace heald::demo
