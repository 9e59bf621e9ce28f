// The docker source behind its C tables, on a host whose clock shows the real time. Thread rule:
// one thread.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "tests/fakes/source_harness.h"

extern "C" const heald_plugin heald_plugin_v1;

namespace heald::docker {

inline constexpr int64_t kSecond = 1'000'000'000;

template <typename F>
bool Eventually(F condition, std::chrono::seconds within = std::chrono::seconds(20)) {
  const auto until = std::chrono::steady_clock::now() + within;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

class Harness {
 public:
  explicit Harness(const std::string& url, nlohmann::json config = nlohmann::json::object()) {
    config["url"] = url;
    if (!config.contains("interval")) config["interval"] = kSecond;
    source_ = std::make_unique<fakes::SourceHarness>(heald_plugin_v1, "docker", config);
  }
  std::string Poll(std::chrono::milliseconds within = std::chrono::milliseconds(2000)) {
    return source_->Poll(within);
  }
  // The latest value of each series, by "name container"; of all that came so far.
  const std::map<std::string, double>& Latest() {
    for (const auto& row : source_->TakeRows()) {
      latest_[row.name + " " + std::string(row.labels.Get("container"))] = row.value;
      ++rows_;
    }
    return latest_;
  }
  // -1: never said.
  double Value(const std::string& series) {
    const auto at = Latest().find(series);
    return at == latest_.end() ? -1 : at->second;
  }
  size_t rows() {
    Latest();
    return rows_;
  }
  fakes::SourceHarness& source() { return *source_; }

 private:
  std::unique_ptr<fakes::SourceHarness> source_;
  std::map<std::string, double> latest_;
  size_t rows_ = 0;
};

}  // namespace heald::docker
