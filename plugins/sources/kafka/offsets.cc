#include "plugins/sources/kafka/offsets.h"

namespace heald::kafka {

bool Offsets::Seen(const Partition& partition, int64_t offset, int64_t end) {
  const auto at = next_.find(partition);
  if (at == next_.end() || offset >= at->second) return false;
  if (end >= 0 && end < at->second) {
    next_.erase(at);
    return false;
  }
  return true;
}

int64_t Offsets::Next(const Partition& partition) const {
  const auto at = next_.find(partition);
  return at == next_.end() ? -1 : at->second;
}

}  // namespace heald::kafka
