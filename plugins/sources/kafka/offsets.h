// Which messages have been handed on, by partition. When a rebalance brings a partition back before
// its last commit got through, the messages in between come again; here they are told apart.
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace heald::kafka {

using Partition = std::pair<std::string, int32_t>;  // topic and number

class Offsets {
 public:
  // `end`: the partition's end as far as is known, -1 where it isn't. A partition that ends before
  // what was handed on has been emptied or made anew, and is begun anew here.
  bool Seen(const Partition& partition, int64_t offset, int64_t end);
  void Done(const Partition& partition, int64_t next) { next_[partition] = next; }
  // The offset behind the last one that was handed on; -1: none was.
  int64_t Next(const Partition& partition) const;

 private:
  std::map<Partition, int64_t> next_;
};

}  // namespace heald::kafka
