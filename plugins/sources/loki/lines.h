// Reads what Loki answers to log queries and writes into a tail. Part of the source loki.
// Thread rule: a LineParser belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "heald/host.h"

namespace heald::loki {

struct Entry {
  size_t stream = 0;  // of LogAnswer::streams
  int64_t ts_ns = 0;
  std::string line;
  sdk::LabelSet attributes;  // structured metadata and what the query parsed
};

struct LogAnswer {
  std::string error;  // why it can't be used; empty: all is well
  std::vector<sdk::LabelSet> streams;
  std::vector<Entry> entries;  // in the order of time
  size_t listed = 0;           // entries that the answer had, for its limit
  bool dropped = false;        // a tail that was too slow: lines are missing
};

class LineParser {
 public:
  LineParser();
  ~LineParser();

  // An answer to query_range. `body` may be changed, to get the room that the parser needs.
  LogAnswer ParseAnswer(std::string& body);
  // A frame of a tail.
  LogAnswer ParseFrame(std::string& frame);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// What the labels or fields say of the line: HEALD_SEVERITY_*; normal where they say nothing.
uint32_t SeverityIn(const sdk::LabelSet& labels);

}  // namespace heald::loki
