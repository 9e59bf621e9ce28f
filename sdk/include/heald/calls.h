// The calls that an action makes, for people who want to know what was done and to repeat it by
// hand: in the journal, `heald explain` and the dashboard. An action, or the library that it calls
// with, reports each with RecordCall; outside an action's hooks that does nothing. Nothing secret
// belongs into it: no headers, no bodies, no credentials of a URL.
// Thread rule: a hook gathers what its own thread reports.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "heald/abi/plugin.h"

namespace heald::sdk {

struct Call {
  std::string call;    // "POST /v1.41/containers/3f2a/restart?t=10", "systemctl restart payments"
  std::string answer;  // "204", "exit code 1", "no answer: timed out"
  int64_t at_ns = 0;   // Host::NowNs time
  int64_t took_ns = 0;
};

namespace detail {

// What one hook reports on its thread. Hidden: two plugins of different SDKs must not share it.
class __attribute__((visibility("hidden"))) CallLog {
 public:
  void Begin() {
    calls_.clear();
    former_ = std::exchange(Current(), this);
  }
  // Lives until the next Begin.
  std::span<const heald_call> End() {
    Current() = former_;
    views_.clear();
    for (Repeated& call : calls_) {
      if (call.times > 1) call.answer += ", " + std::to_string(call.times) + " times";
      views_.push_back({{call.call.data(), call.call.size()},
                        {call.answer.data(), call.answer.size()},
                        call.at_ns,
                        call.took_ns});
    }
    return views_;
  }
  // The same call with the same answer over and over, as when waiting for something, is one.
  void Add(Call call) {
    if (!calls_.empty() && calls_.back().call == call.call && calls_.back().answer == call.answer) {
      ++calls_.back().times;
      calls_.back().took_ns = call.at_ns + call.took_ns - calls_.back().at_ns;
      return;
    }
    calls_.push_back({std::move(call), 1});
  }

  // Of the hook that runs on this thread; null outside one.
  static CallLog*& Current() {
    static thread_local CallLog* current = nullptr;
    return current;
  }

 private:
  struct Repeated : Call {
    uint32_t times = 1;
  };
  std::vector<Repeated> calls_;
  std::vector<heald_call> views_;
  CallLog* former_ = nullptr;
};

}  // namespace detail

inline void RecordCall(Call call) {
  if (detail::CallLog* log = detail::CallLog::Current(); log != nullptr) log->Add(std::move(call));
}

// Measures one call, from its making to Done.
class CallTimer {
 public:
  // Whether somebody listens: an action's hook runs on this thread.
  bool wanted() const { return detail::CallLog::Current() != nullptr; }
  void Done(std::string call, std::string answer) const {
    using std::chrono::nanoseconds;
    RecordCall({std::move(call), std::move(answer), at_.time_since_epoch() / nanoseconds(1),
                (std::chrono::steady_clock::now() - begun_) / nanoseconds(1)});
  }

 private:
  std::chrono::system_clock::time_point at_ = std::chrono::system_clock::now();
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

}  // namespace heald::sdk
