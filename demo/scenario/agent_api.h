// heald's API as the demo reads it: the status, and what happens as a stream of events put together
// from the incidents' chains. Used by the session, the interactive demo and the scenarios.
// Thread rule: one thread; calls block for at most two seconds.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "demo/support/http_client.h"

namespace heald::demo {

struct AgentEvent {
  int64_t ts_ns = 0;
  uint64_t incident = 0;
  std::string target;  // the service
  std::string kind;    // "finding.opened", "decision.act", "execution.verified"…
  std::string text;    // one line for people
  nlohmann::json detail;
};

class AgentApi {
 public:
  explicit AgentApi(std::string url) : url_(std::move(url)) {}

  Result<nlohmann::json> Status() { return Get("/api/v1/status"); }
  // What is new since the last call, oldest first. An incident that was over at the first call is
  // not told; of one that was still open then, only what comes later is.
  Result<std::vector<AgentEvent>> NewEvents();

 private:
  struct Seen {
    size_t events = 0;
    bool over = false;
  };

  Result<nlohmann::json> Get(const std::string& path);

  const std::string url_;
  HttpClient client_;
  bool first_ = true;
  std::map<uint64_t, Seen> seen_;
};

}  // namespace heald::demo
