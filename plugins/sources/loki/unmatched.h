// Says of a query that brings no lines whether there is any stream for it: a label that this Loki
// doesn't give its streams looks like a quiet service otherwise. Asks seldom, and only until lines
// have come. Thread rule: of the polling thread.
#pragma once

#include <map>
#include <string>

#include "plugins/sources/loki/log_query.h"
#include "plugins/support/http.h"

namespace heald::loki {

class Unmatched {
 public:
  explicit Unmatched(int64_t interval_ns) : interval_ns_(interval_ns) {}

  // After a round that Loki answered. What to tell people: nothing, that no stream matches, or that
  // lines have come after all.
  struct Word {
    std::string text;
    bool bad = false;
  };
  Word Look(const LogQuery& query, support::HttpClient& http, int64_t now_ns, int64_t timeout_ns);

 private:
  struct Quiet {
    int64_t look_ns = 0;  // when; 0: not known yet
    bool told = false;
  };
  const int64_t interval_ns_;
  std::map<std::string, Quiet> quiet_;  // by query
};

}  // namespace heald::loki
