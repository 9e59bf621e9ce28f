// What plugins have to say goes to stderr, each line once; a line of progress makes way for it.
// Used by verbs that run plugins without an agent. Thread rule: any thread.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/backtest/quiet_services.h"

namespace heald::cli {

class SpokenServices final : public backtest::QuietServices {
 public:
  static constexpr uint32_t kInfo = 1;
  static constexpr uint32_t kWarning = 2;

  // From this level on; each line begins with `prefix`.
  explicit SpokenServices(uint32_t level, std::string prefix = "")
      : level_(level), prefix_(std::move(prefix)) {}

  void Log(std::string_view, uint32_t level, std::string_view message,
           const std::vector<std::pair<std::string_view, std::string_view>>&) override {
    if (level >= level_) Say(message);
  }
  void Say(std::string_view message) {
    const std::lock_guard lock(mutex_);
    if (!said_.emplace(message).second) return;
    std::fprintf(stderr, "%s%s%.*s\n", isatty(2) == 1 ? "\r\033[K" : "", prefix_.c_str(),
                 static_cast<int>(message.size()), message.data());
  }

 private:
  const uint32_t level_;
  const std::string prefix_;
  std::mutex mutex_;
  std::set<std::string> said_;  // guarded by mutex_
};

}  // namespace heald::cli
