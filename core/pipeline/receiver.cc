#include "core/pipeline/receiver.h"

#include <algorithm>
#include <cctype>
#include <chrono>

namespace heald {
namespace {

constexpr uint64_t kMostBodyBytes = uint64_t{16} << 20;

bool IsRoutePath(std::string_view path) {
  if (path.empty()) return true;
  return path.size() > 1 && path.front() == '/' &&
         std::all_of(path.begin() + 1, path.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
         });
}

}  // namespace

Error ComeBack(std::string message) {
  Error error = MakeError(Code::kUnavailable, std::move(message));
  error.retryable = true;
  error.retry_after_ns = kSecond;
  return error;
}

bool Receiver::Job::wanted() const {
  const std::lock_guard lock(mutex_);
  return !given_up_;
}

void Receiver::Job::Finish(Result<PushAnswer> answer) {
  const std::lock_guard lock(mutex_);
  answer_.emplace(std::move(answer));
  changed_.notify_all();
}

Result<uint64_t> Receiver::Mount(PushRoute route) {
  if (!IsRoutePath(route.path))
    return MakeError(Code::kInvalid, "'" + route.path +
                                         "' is no route: write nothing, or one '/word' of letters, "
                                         "digits, '-', '_' and '.'");
  if (route.max_body_bytes == 0 || route.max_body_bytes > kMostBodyBytes)
    return MakeError(Code::kInvalid, "a route's body limit is from 1 byte to 16 MiB");
  const std::lock_guard lock(mutex_);
  for (const auto& [id, other] : routes_)
    if (other->path == route.path)
      return MakeError(Code::kConflict, "the route '" + route.path + "' is mounted already");
  routes_.emplace(next_, std::make_shared<const PushRoute>(std::move(route)));
  return next_++;
}

void Receiver::Unmount(uint64_t id) {
  const std::lock_guard lock(mutex_);
  routes_.erase(id);
}

void Receiver::Clear() {
  const std::lock_guard lock(mutex_);
  routes_.clear();
}

bool Receiver::empty() const {
  const std::lock_guard lock(mutex_);
  return routes_.empty();
}

std::shared_ptr<const PushRoute> Receiver::Find(std::string_view path) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, route] : routes_)
    if (route->path == path) return route;
  return nullptr;
}

Result<uint64_t> Receiver::BodyLimit(std::string_view path) const {
  if (const auto route = Find(path)) return route->max_body_bytes;
  std::string there;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, route] : routes_)
    there += (there.empty() ? "" : ", ") + (route->path.empty() ? "no path" : route->path);
  return MakeError(Code::kNotFound, there.empty()
                                        ? "it takes no requests"
                                        : "it takes requests with " + there + " below its name");
}

Result<PushAnswer> Receiver::Wait(const std::shared_ptr<Job>& job,
                                  const std::function<void(std::shared_ptr<Job>)>& post,
                                  int64_t within_ns) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_ >= kMostWaiting)
      return ComeBack(std::to_string(kMostWaiting) + " requests wait for it already");
    ++waiting_;
  }
  post(job);
  Result<PushAnswer> answer = ComeBack("it did not answer within " + FormatDuration(within_ns));
  {
    std::unique_lock lock(job->mutex_);
    job->changed_.wait_for(lock, std::chrono::nanoseconds(within_ns),
                           [&] { return job->answer_.has_value(); });
    if (job->answer_)
      answer = std::move(*job->answer_);
    else
      job->given_up_ = true;
  }
  const std::lock_guard lock(mutex_);
  --waiting_;
  return answer;
}

Result<PushAnswer> Receiver::Call(const PushRequest& request) const {
  const auto route = Find(request.path);
  if (route == nullptr) return ComeBack("it is being stopped");
  return route->handler(request);
}

}  // namespace heald
