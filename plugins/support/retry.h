// When to try again: exponential backoff with full jitter, and Retry-After.
// Thread rule: a Backoff belongs to one thread; ParseRetryAfter is pure.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string_view>

namespace heald::support {

struct RetryPolicy {
  int attempts = 4;                 // in all, the first included
  int64_t base_ns = 250'000'000;    // the first pause is up to this long, then twice, …
  int64_t cap_ns = 10'000'000'000;  // no pause is longer, unless the server asks for it
  int64_t max_retry_after_ns = 60'000'000'000;  // a wish beyond this is cut
};

class Backoff {
 public:
  explicit Backoff(const RetryPolicy& policy);
  Backoff(const RetryPolicy& policy, uint64_t seed) : policy_(policy), random_(seed) {}

  // The pause after one more failure. Uniform in 0..min(cap, base * 2^failures), so that many
  // clients don't come back at the same moment; never shorter than what the server asked for.
  int64_t NextNs(int64_t retry_after_ns = 0);
  void Reset() { failures_ = 0; }
  int failures() const { return failures_; }

 private:
  RetryPolicy policy_;
  std::mt19937_64 random_;
  int failures_ = 0;
};

// "50" or an HTTP date, at most RetryPolicy's max_retry_after_ns: one wrong header doesn't silence
// a node for a day. Nothing when it is neither. now_ns: wall clock, since the epoch.
std::optional<int64_t> ParseRetryAfter(std::string_view text, int64_t now_ns);

}  // namespace heald::support
