// The chaos fault cpu_cores: threads that compute for nobody until the fault or the process ends.
// Used by HttpApp.
// Thread rule: starts and joins threads of its own, which ask `cores` ten times a second.
#pragma once

#include <functional>
#include <thread>
#include <vector>

namespace heald::demo {

class Burn {
 public:
  // cores: how many are to be busy just now, from the threads; 0: none. Never more than `most`.
  Burn(std::function<double()> cores, int most);
  Burn(const Burn&) = delete;
  Burn& operator=(const Burn&) = delete;

 private:
  void Run(const std::stop_token& stop, int index);

  const std::function<double()> cores_;
  std::vector<std::jthread> threads_;  // last: they use the rest
};

}  // namespace heald::demo
