// Requests on their way from the listener to a node.
#include "core/pipeline/runner.h"

namespace heald {
namespace {

// The listener has 16 threads; whoever is slow, some of them are left for people.
constexpr size_t kMostReceiving = 12;

Error Of(std::string_view node, Error error) {
  error.message = "node '" + std::string(node) + "': " + error.message;
  return error;
}

}  // namespace

Result<std::shared_ptr<Node>> Runner::Receiving(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto at = nodes_.find(name);
  if (at != nodes_.end()) return at->second;
  return MakeError(
      Code::kNotFound,
      "there is no node '" + std::string(name) +
          "' (now): the address is /receive/ and a source's name in the pipeline file");
}

Result<uint64_t> Runner::ReceiveLimit(std::string_view name, std::string_view path) const {
  const Result<std::shared_ptr<Node>> node = Receiving(name);
  if (!node) return node.error();
  Result<uint64_t> limit = (*node)->BodyLimit(path);
  if (!limit) return Of(name, std::move(limit.error()));
  return limit;
}

Result<PushAnswer> Runner::Receive(std::string_view name, PushRequest request) {
  const Result<std::shared_ptr<Node>> node = Receiving(name);
  if (!node) return node.error();
  if (receiving_.fetch_add(1) >= kMostReceiving) {
    --receiving_;
    return Of(name, ComeBack("the agent takes " + std::to_string(kMostReceiving) +
                             " pushed requests at a time"));
  }
  Result<PushAnswer> answer = (*node)->Receive(std::move(request));
  --receiving_;
  if (!answer) return Of(name, std::move(answer.error()));
  return answer;
}

}  // namespace heald
