// Another service as orders sees it: JSON over HTTP with a deadline; connections are kept. It never
// throws and never waits beyond the deadline.
// Thread rule: Call from any thread.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "demo/support/http_client.h"

namespace heald::demo {

struct PeerReply {
  int status = 0;
  nlohmann::json body;
};

class Peer {
 public:
  explicit Peer(std::string url) : url_(std::move(url)) {}

  // Nothing when the peer is down, too slow, or answers what is no JSON.
  std::optional<PeerReply> Call(const std::string& method, const std::string& path,
                                const nlohmann::json& body,
                                std::chrono::steady_clock::time_point deadline);

 private:
  const std::string url_;
  HttpClient client_;
};

}  // namespace heald::demo
