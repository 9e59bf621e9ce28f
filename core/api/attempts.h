// Wrong tokens per client address, so that guessing is slow and seen. What counts is how many
// different ones came within a minute: a dashboard that goes on asking with a revoked token guesses
// nothing. An address that is over the limit waits; no other one does. Memory is bounded.
// Used by access.h. Thread rule: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace heald::api {

class Attempts {
 public:
  static constexpr size_t kPerMinute = 20;
  static constexpr size_t kMaxAddresses = 1024;

  // How long the address still has to wait; 0: it may try.
  int64_t WaitNs(std::string_view address, int64_t now_ns);
  // True for the one that makes the address wait.
  bool Failed(std::string_view address, std::string_view token, int64_t now_ns);

  size_t addresses();

 private:
  struct Window {
    int64_t began_ns = 0;
    std::vector<uint64_t> tokens;  // hashes, each once
  };
  void DropOldest();

  std::mutex mutex_;  // guards all below
  std::map<std::string, Window, std::less<>> windows_;
};

// What stands for a client: an IPv4 address whole; of IPv6 the /64, all of which one host may use.
std::string AttemptKey(std::string_view address);

}  // namespace heald::api
