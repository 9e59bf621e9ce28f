// The questions that go to Prometheus' HTTP API, and what its refusals mean.
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "plugins/support/http.h"

namespace heald::prometheus {

// An instant query, at the server's present. The server is told the timeout too, so that it doesn't
// go on with what nobody waits for.
support::HttpRequest InstantQuery(const std::string& promql, int64_t timeout_ns);

// from_ns..to_ns, both inclusive, every step_ns; ns since the epoch.
support::HttpRequest RangeQuery(const std::string& promql, int64_t from_ns, int64_t to_ns,
                                int64_t step_ns, int64_t timeout_ns);

// The most points per series that Prometheus gives in one answer.
inline constexpr int64_t kMaxPoints = 11'000;

struct Refusal {
  std::string message;     // the server's words, or the HTTP layer's
  bool transport = false;  // about the server, not about this query
  bool too_much = false;   // a smaller range might work
};

// What went wrong, for people. `result` isn't ok.
Refusal Explain(support::HttpResult& result);

}  // namespace heald::prometheus
