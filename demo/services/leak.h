// The memory leak of the chaos fault leak_mib_s: memory that is really allocated and touched, and
// that nothing but the end of the process gives back. Used by HttpApp.
// Thread rule: as Drip.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "demo/services/drip.h"

namespace heald::demo {

class Leak {
 public:
  // rate: MiB per second wanted just now, from the leak's thread; 0: none. It stops growing at
  // most_bytes.
  Leak(std::function<double()> rate, size_t most_bytes);

 private:
  bool Lose();

  const size_t most_bytes_;
  std::vector<std::unique_ptr<char[]>> chunks_;  // the thread's
  Drip drip_;                                    // last: it uses the rest
};

}  // namespace heald::demo
