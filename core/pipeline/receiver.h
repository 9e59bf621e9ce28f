// The routes that a node has mounted on the agent's listener, and the requests that wait for it.
// The listener's threads bring requests and wait; the node's own lane calls the handlers, one at a
// time and in order with its other calls. Used by the node alone. Thread rule: any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/units.h"
#include "core/pipeline/instance.h"

namespace heald {

class Receiver {
 public:
  static constexpr size_t kMostWaiting = 8;         // of one node, the one being handled included
  static constexpr int64_t kMostNs = 10 * kSecond;  // that a sender waits for its answer

  // One request on its way; shared by who waits for it and who handles it.
  class Job {
   public:
    explicit Job(PushRequest request, int64_t now_ns)
        : request_(std::move(request)), born_ns_(now_ns) {}
    const PushRequest& request() const { return request_; }
    int64_t born_ns() const { return born_ns_; }
    // False: nobody waits for it any more, so it needn't be begun.
    bool wanted() const;
    void Finish(Result<PushAnswer> answer);

   private:
    friend class Receiver;
    const PushRequest request_;
    const int64_t born_ns_;  // monotonic
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<Result<PushAnswer>> answer_;  // guarded by mutex_
    bool given_up_ = false;                     // guarded by mutex_
  };

  Result<uint64_t> Mount(PushRoute route);
  void Unmount(uint64_t id);
  void Clear();

  bool empty() const;  // nothing is mounted
  // What a request to that path may hold; kNotFound where nothing is mounted.
  Result<uint64_t> BodyLimit(std::string_view path) const;
  // Hands the request to `post` and waits for what comes of it.
  Result<PushAnswer> Wait(const std::shared_ptr<Job>& job,
                          const std::function<void(std::shared_ptr<Job>)>& post, int64_t within_ns);
  // On the node's lane.
  Result<PushAnswer> Call(const PushRequest& request) const;

 private:
  std::shared_ptr<const PushRoute> Find(std::string_view path) const;

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::map<uint64_t, std::shared_ptr<const PushRoute>> routes_;
  uint64_t next_ = 1;
  size_t waiting_ = 0;
};

// 503 for a sender who should come back.
Error ComeBack(std::string message);

}  // namespace heald
