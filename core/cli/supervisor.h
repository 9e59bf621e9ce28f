// Tells the supervisor that started the agent how it is, by systemd's protocol (sd_notify(3)): a
// start is over when the pipeline runs, and an agent that isn't well any more is started anew.
// Where nobody asked (no NOTIFY_SOCKET) nothing is said. Used by `heald run`. Thread rule: the main
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace heald::cli {

class Supervisor {
 public:
  // Takes the variables out of the environment: the agent's children aren't the agent.
  Supervisor();

  void Tell(std::string_view state) const;  // "READY=1"

  // How often "WATCHDOG=1" has to be told; 0: never.
  int64_t interval_ns() const { return interval_ns_; }

 private:
  std::string socket_;
  int64_t interval_ns_ = 0;
};

}  // namespace heald::cli
