// The loki plugin behind its C tables, on a host whose clock shows the real time. Thread rule: one
// thread, but for what the sink gets.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "tests/fakes/loki_server.h"
#include "tests/fakes/source_harness.h"

extern "C" const heald_plugin heald_plugin_v1;

namespace heald::loki {

inline constexpr int64_t kSecond = 1'000'000'000;
inline constexpr int64_t kMs = 1'000'000;
using Texts = std::vector<std::string>;
using Stream = std::map<std::string, std::string>;
inline const Stream kShop{{"app", "shop"}};

inline int64_t RealNs() {
  return std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

template <typename F>
bool Eventually(F condition, std::chrono::seconds within = std::chrono::seconds(20)) {
  const auto until = std::chrono::steady_clock::now() + within;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

class Harness {
 public:
  // before: the harness of an earlier life of the agent, whose state folder is taken over as it is.
  Harness(const std::string& url, nlohmann::json config, Harness* before = nullptr) {
    config["url"] = url;
    if (!config.contains("interval")) config["interval"] = kSecond;
    if (!config.contains("tail")) config["tail"] = false;
    if (!config.contains("lag")) config["lag"] = 0;
    source_ = std::make_unique<fakes::SourceHarness>(
        heald_plugin_v1, "logs", config,
        before == nullptr ? "" : std::string(before->host().host().StateDir()), RealNs());
  }

  // Empty: it went well.
  std::string Poll(std::chrono::milliseconds within = std::chrono::milliseconds(2000)) {
    Sync(kSecond);  // that is how far a poll of the harness moves the clock
    return source_->Poll(within);
  }
  std::string Backfill(int64_t from_ns, int64_t to_ns) { return source_->Backfill(from_ns, to_ns); }
  // All lines so far, sorted.
  const Texts& Lines() {
    for (std::string& line : source_->sink().TakeLines()) lines_.push_back(std::move(line));
    std::sort(lines_.begin(), lines_.end());
    return lines_;
  }
  Texts TakeTexts() { return source_->TakeTexts(); }
  std::vector<fakes::SourceHarness::Row> TakeRows() { return source_->TakeRows(); }
  Texts log() const { return source_->log(); }
  sdk::testing::FakeHost& host() { return source_->host(); }

 private:
  void Sync(int64_t before_ns) { host().Advance({RealNs() - before_ns - host().now_ns()}); }

  std::unique_ptr<fakes::SourceHarness> source_;
  Texts lines_;
};

// "line 0000"…, as they sort.
inline std::string Numbered(int i) {
  const std::string number = std::to_string(i);
  return "line " + std::string(number.size() < 5 ? 5 - number.size() : 0, '0') + number;
}
inline Texts NumberedUpTo(int count) {
  Texts lines;
  for (int i = 0; i < count; ++i) lines.push_back(Numbered(i));
  return lines;
}

}  // namespace heald::loki
