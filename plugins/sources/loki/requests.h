// The questions that go to Loki's HTTP API, and what its refusals mean. Thread rule: pure
// functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "plugins/support/http.h"

namespace heald::loki {

// Lines from..to (to exclusive), oldest first, at most `limit`.
support::HttpRequest ReadLines(const std::string& logql, int64_t from_ns, int64_t to_ns,
                               int64_t limit, int64_t timeout_ns);

// Values from..to, both inclusive, every step_ns.
support::HttpRequest ReadValues(const std::string& logql, int64_t from_ns, int64_t to_ns,
                                int64_t step_ns, int64_t timeout_ns);

// The `{…}` with which a query for lines begins.
std::string SelectorOf(std::string_view logql);
// The streams that a selector matches, and the labels that streams have, within from..to.
support::HttpRequest ReadSeries(const std::string& selector, int64_t from_ns, int64_t to_ns,
                                int64_t timeout_ns);
support::HttpRequest ReadLabels(int64_t from_ns, int64_t to_ns, int64_t timeout_ns);

// Path and query of a tail that begins at from_ns.
std::string TailPath(const std::string& logql, int64_t from_ns);

// Asks for a line's structured fields beside its stream's labels; servers that don't know it
// answer as ever.
inline constexpr const char* kCategoriesHeader = "X-Loki-Response-Encoding-Flags";
inline constexpr const char* kCategories = "categorize-labels";

struct Refusal {
  std::string message;    // the server's words, or the HTTP layer's
  int64_t max_limit = 0;  // not 0: this many lines can be asked for at most
  bool too_much = false;  // a question about less time may be answered
};

// What went wrong, for people. `result` isn't ok.
Refusal Explain(const support::HttpResult& result);

}  // namespace heald::loki
