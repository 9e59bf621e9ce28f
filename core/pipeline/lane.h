// The threads that nodes run on. A lane is an Asio context with threads of its own: the pool is one
// with a thread per core for everything that computes, and each blocking node has one for itself,
// so that a server that doesn't answer never delays anyone else. Thread rule: Post is safe from any
// thread; the rest belongs to the owner.
#pragma once

#include <utility>
// Asio of Boost 1.74 uses std::exchange without including <utility>.
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace heald {

class Lane {
 public:
  Lane(std::string name, unsigned threads);
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  ~Lane();

  boost::asio::io_context& context() { return state_->context; }
  void Post(std::function<void()> work) { boost::asio::post(state_->context, std::move(work)); }
  // One more thread: another one hangs.
  void AddThread();
  // Ends the threads once the work at hand is done. False: some thread didn't return in time; it is
  // left behind with all that it may still touch.
  bool Stop(int64_t within_ns);

 private:
  // Shared with the threads, so that one that hangs forever never loses its ground.
  struct State {
    boost::asio::io_context context;
    std::mutex mutex;
    std::condition_variable ended;
    unsigned running = 0;  // guarded by mutex
  };

  const std::string name_;
  std::shared_ptr<State> state_;
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> guard_;
};

}  // namespace heald
