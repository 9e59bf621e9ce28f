// What others push to a source: from the listener to its node, and what comes of it.
#include "core/agent/agent.h"
#include "core/telemetry/names.h"

namespace heald::agent {
namespace {

constexpr int kFirstRefusal = 400;
constexpr int kFirstFailure = 500;

std::string ResultOf(const Result<PushAnswer>& answer) {
  if (answer)
    return answer->status < kFirstRefusal   ? "taken"
           : answer->status < kFirstFailure ? "refused"
                                            : "unavailable";
  return answer.error().code == Code::kInvalid || answer.error().code == Code::kDenied
             ? "refused"
             : "unavailable";
}

PushRequest ForNode(const std::string& path, const api::Request& request,
                    const std::string& actor) {
  PushRequest out{path, request.query, {}, request.body, actor};
  // What is secret is the listener's alone.
  for (const api::NameValue& header : request.headers)
    if (header.first != "authorization" && header.first != "cookie" &&
        header.first != "proxy-authorization")
      out.headers.push_back(header);
  return out;
}

api::Response ForApi(PushAnswer answer) {
  api::Response out;
  out.status = answer.status;
  out.content_type = std::move(answer.content_type);
  out.body = std::move(answer.body);
  out.headers = std::move(answer.headers);
  if (answer.retry_after_ns > 0)
    out.headers.emplace_back("Retry-After",
                             std::to_string((answer.retry_after_ns + kSecond - 1) / kSecond));
  return out;
}

}  // namespace

void Agent::CountRefusedPush(std::string_view node, int status) {
  {
    // A made-up name would be a series of its own.
    const std::lock_guard lock(mutex_);
    const NodeSpec* spec = spec_.FindNode(std::string(node));
    if (spec == nullptr || spec->kind != Kind::kSource) return;
  }
  const char* result = status == 401 || status == 403 ? "denied"
                       : status == 413                ? "too_large"
                       : status < kFirstFailure       ? "refused"
                                                      : "unavailable";
  metrics_
      .Get(names::kReceived, {{"node", std::string(node)}, {"result", result}}, Lifetime::kTouched)
      .Increment();
}

Result<uint64_t> Agent::ReceiveLimit(std::string_view node, const std::string& path) {
  return runner_->ReceiveLimit(node, path);
}

Result<api::Response> Agent::Receive(std::string_view node, const std::string& path,
                                     const api::Request& request, const std::string& actor) {
  Result<PushAnswer> answer = runner_->Receive(node, ForNode(path, request, actor));
  // A made-up name would be a series of its own.
  if (answer || answer.error().code != Code::kNotFound) {
    const std::string name(node);
    metrics_
        .Get(names::kReceived, {{"node", name}, {"result", ResultOf(answer)}}, Lifetime::kTouched)
        .Increment();
    metrics_.Get(names::kReceivedBytes, {{"node", name}}, Lifetime::kTouched)
        .Add(static_cast<double>(request.body.size()));
  }
  if (!answer) return answer.error();
  return ForApi(std::move(*answer));
}

}  // namespace heald::agent
