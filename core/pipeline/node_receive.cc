// What a node takes on the agent's listener.
#include <algorithm>

#include "core/pipeline/node_call.h"

namespace heald {
namespace {

constexpr int kFirstRefusal = 400;

// What only the sender can mend says nothing about the node.
bool IsSendersFault(const Error& error) {
  return error.code == Code::kInvalid || error.code == Code::kDenied ||
         error.code == Code::kNotFound || error.code == Code::kUnsupported;
}

}  // namespace

Result<uint64_t> Node::Mount(PushRoute route) {
  if (!listener_) return NodeContext::Mount(std::move(route));
  return receiver_.Mount(std::move(route));
}

Result<uint64_t> Node::BodyLimit(std::string_view path) const {
  if (state_ == NodeState::kRunning && !stopping_) return receiver_.BodyLimit(path);
  return ComeBack(
      "it is " +
      std::string(ToString(state_ == NodeState::kRunning ? NodeState::kStopped : state_.load())));
}

Result<PushAnswer> Node::Receive(PushRequest request) {
  if (Result<uint64_t> limit = BodyLimit(request.path); !limit) return limit.error();
  const int64_t now_ns = clock_.MonotonicNs();
  const int64_t within_ns = std::min(spec_.deadline_ns, Receiver::kMostNs);
  if (const int64_t began_ns = OldestCallNs(); began_ns != 0 && now_ns - began_ns > within_ns)
    return ComeBack("it hangs in a call");
  return receiver_.Wait(
      std::make_shared<Receiver::Job>(std::move(request), now_ns),
      [this](std::shared_ptr<Receiver::Job> job) {
        PushWork([self = shared_from_this(), job = std::move(job)] { self->HandleRequest(*job); });
      },
      within_ns);
}

// On the lane.
void Node::HandleRequest(Receiver::Job& job) {
  if (stopping_) return job.Finish(ComeBack("it is being stopped"));
  if (!job.wanted()) return;
  in_.fetch_add(1, std::memory_order_relaxed);
  Result<PushAnswer> answer = MakeError(Code::kInternal, "");
  batch_born_ns_.store(job.born_ns(), std::memory_order_relaxed);
  {
    const Call call(*this, "request");
    answer = receiver_.Call(job.request());
  }
  batch_born_ns_.store(0, std::memory_order_relaxed);
  if (answer && answer->status < kFirstRefusal) received_ns_ = clock_.NowNs();
  if (answer)
    Finish(Status());
  else if (!IsSendersFault(answer.error()))
    Finish(answer.error());
  job.Finish(std::move(answer));
}

}  // namespace heald
