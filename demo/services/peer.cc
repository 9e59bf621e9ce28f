#include "demo/services/peer.h"

#include "demo/services/http_spans.h"

namespace heald::demo {

std::optional<PeerReply> Peer::Call(const std::string& method, const std::string& path,
                                    const nlohmann::json& body,
                                    std::chrono::steady_clock::time_point deadline) {
  const auto left = deadline - std::chrono::steady_clock::now();
  const int64_t left_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(left).count();
  // Below a millisecond nothing can answer any more, and libcurl would take 0 for "no limit".
  if (left_ns < 1'000'000) return std::nullopt;
  ClientSpan span(method, url_ + path);
  const auto reply = client_.Send(method, url_ + path, body.is_null() ? std::string() : body.dump(),
                                  left_ns, "application/json", span.Headers());
  if (!reply) {
    span.Failed(reply.error());
    return std::nullopt;
  }
  span.Answered(reply->status);
  PeerReply result{reply->status, nlohmann::json::parse(reply->body, nullptr, false)};
  if (!result.body.is_object()) return std::nullopt;
  return result;
}

}  // namespace heald::demo
