#include "plugins/sources/docker/event_stream.h"

#include <chrono>

#include "heald/error.h"
#include "plugins/support/clock.h"
#include "plugins/support/retry.h"

namespace heald::docker {
namespace {

using support::SteadyNs;

// A stream through which nothing comes may be one that nobody serves any more, so it is opened anew
// from time to time; from where it ended, so that costs nothing.
constexpr int64_t kRenewNs = 60'000'000'000;
constexpr int64_t kFirstPauseNs = 200'000'000;
// One that wasn't refused by then is open: the Engine says nothing before the first event.
constexpr int64_t kOpenAfterNs = 300'000'000;

}  // namespace

EventStream::EventStream(support::HttpConfig http, std::vector<std::string> labels,
                         int64_t most_pause_ns, Callbacks callbacks)
    : engine_(std::move(http),
              [this] {
                const std::lock_guard lock(mutex_);
                return stopping_;
              }),
      labels_(std::move(labels)),
      most_pause_ns_(most_pause_ns),
      callbacks_(std::move(callbacks)) {}

EventStream::~EventStream() {
  Stop();
}

void EventStream::Start() {
  thread_ = std::thread([this] { Run(); });
}

void EventStream::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  engine_.Cancel();
  if (thread_.joinable()) thread_.join();
}

EventStream::Trouble EventStream::trouble() const {
  const std::lock_guard lock(mutex_);
  if (opened_ns_ != 0 && SteadyNs() - opened_ns_ > kOpenAfterNs) return {};
  return trouble_;
}

void EventStream::Opening() {
  const std::lock_guard lock(mutex_);
  opened_ns_ = SteadyNs();
}

void EventStream::Heard() {
  const std::lock_guard lock(mutex_);
  trouble_ = {};
}

void EventStream::Failed(const std::string& why) {
  const std::lock_guard lock(mutex_);
  const int64_t now_ns = SteadyNs();
  const bool was_open = opened_ns_ != 0 && now_ns - opened_ns_ > kOpenAfterNs;
  if (was_open || trouble_.since_ns == 0) trouble_.since_ns = now_ns;
  trouble_.why = why;
  opened_ns_ = 0;
}

void EventStream::Run() {
  support::Backoff backoff({.base_ns = kFirstPauseNs, .cap_ns = most_pause_ns_});
  for (;;) {
    const int64_t began_ns = SteadyNs();
    int64_t pause_ns = 0;
    try {
      Opening();
      engine_.Events(callbacks_.since_ns(), labels_, kRenewNs, [this](const Json& event) {
        Heard();
        callbacks_.event(event);
      });
      // An Engine that closes at once must not be asked without end.
      if (SteadyNs() - began_ns < kOpenAfterNs) {
        Failed("docker: the Engine closed the stream of events");
        pause_ns = backoff.NextNs();
      }
    } catch (const sdk::Failure& failed) {
      Failed(failed.what());
      if (SteadyNs() - began_ns > most_pause_ns_) backoff.Reset();
      pause_ns = backoff.NextNs(failed.retry_after_ns());
    } catch (const std::exception& thrown) {
      Failed(thrown.what());
      pause_ns = backoff.NextNs();
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::nanoseconds(pause_ns), [this] { return stopping_; });
    if (stopping_) return;
  }
}

}  // namespace heald::docker
