#include "core/pipeline/lane.h"

#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <initializer_list>
#include <thread>

namespace heald {

Lane::Lane(std::string name, unsigned threads)
    : name_(std::move(name)), state_(std::make_shared<State>()) {
  guard_.emplace(state_->context.get_executor());
  for (unsigned i = 0; i < threads; ++i) AddThread();
}

Lane::~Lane() {
  Stop(0);
}

void Lane::AddThread() {
  {
    const std::lock_guard lock(state_->mutex);
    ++state_->running;
  }
  // Signals are for the main thread alone, but for those that a thread brings upon itself.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) sigdelset(&all, own);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread([state = state_] {
    state->context.run();
    const std::lock_guard lock(state->mutex);
    --state->running;
    state->ended.notify_all();
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(thread.native_handle(), name_.substr(0, 15).c_str());
  thread.detach();
}

bool Lane::Stop(int64_t within_ns) {
  guard_.reset();
  std::unique_lock lock(state_->mutex);
  return state_->ended.wait_for(lock, std::chrono::nanoseconds(within_ns),
                                [this] { return state_->running == 0; });
}

}  // namespace heald
