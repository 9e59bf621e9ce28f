// One call that an action made: a request to an API, a command. Used by the journal and by
// everything that explains a decision. Thread rule: plain value.
#pragma once

#include <cstdint>
#include <string>

namespace heald {

struct Call {
  std::string call;    // "POST /v1.41/containers/3f2a/restart?t=10", "systemctl restart payments"
  std::string answer;  // "204", "exit code 1", "no answer: timed out"
  int64_t at_ns = 0;
  int64_t took_ns = 0;
};

}  // namespace heald
