// Readiness checks of a starting service: an HTTP request or a TCP connection. Used by the process
// action. Thread rule: a prober belongs to one thread at a time.
#pragma once

#include <functional>

#include "plugins/actions/process/service.h"
#include "plugins/support/http.h"

namespace heald::process {

class Prober {
 public:
  // cancelled: ends a check at once; asked from the checking thread.
  explicit Prober(std::function<bool()> cancelled);
  // Empty when ready, else why not. Gives up after a second.
  std::string Check(const Readiness& ready);

 private:
  support::HttpClient client_;
};

}  // namespace heald::process
