// `heald backtest` as a process, as people and scripts run it. Used by the backtest's tests.
// Thread rule: one thread.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

namespace heald::testing {

class BacktestFixture : public ::testing::Test {
 public:
  static constexpr int64_t kBegin = 1'795'305'600;  // 2026-11-22T00:00:00Z

  // A row every 15 s.
  static std::string Csv(const std::string& head, int rows,
                         const std::function<std::string(int row)>& cells) {
    std::string text = head + "\n";
    for (int i = 0; i < rows; ++i) text += std::to_string(kBegin + 15 * i) + "," + cells(i) + "\n";
    return text;
  }
  // One source, one detector of too much latency, one policy.
  static std::string Pipeline(const std::string& policy,
                              const std::string& detector_config = "{above: {critical: 0.5}}") {
    return R"(version: 1
agent: {state_dir: state}
sources:
  prom: {plugin: prometheus, config: {url: 'http://127.0.0.1:1', interval: 15s, queries: {latency: x, load: y}}}
detectors:
  slow: {plugin: threshold, inputs: [prom.latency], config: )" +
           detector_config + R"(}
policies:
  cure: {inputs: [slow], action: restart, verify: {within: 1m}, )" +
           policy + R"(}
actions:
  restart: {plugin: http, config: {url: 'http://127.0.0.1:1/restart'}}
)";
  }

 protected:
  BacktestFixture() {
    std::string pattern = ::testing::TempDir() + "heald-backtest-XXXXXX";
    dir_ = mkdtemp(pattern.data());
  }
  ~BacktestFixture() override { std::filesystem::remove_all(dir_); }

  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(dir_ / name) << text;
  }
  std::string Read(const std::string& name) const {
    std::ifstream in(dir_ / name);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // Exit code; what it said is in out_ and err_.
  int Run(const std::string& arguments) {
    const std::string command = "cd " + dir_.string() + " && " + HEALD_PROGRAM + " backtest " +
                                arguments + " > out.txt 2> err.txt";
    const int status = std::system(command.c_str());
    out_ = Read("out.txt");
    err_ = Read("err.txt");
    return WEXITSTATUS(status);
  }
  // The first pipeline's result.
  nlohmann::json Result(const std::string& arguments) {
    EXPECT_EQ(Run(arguments + " --format json"), 0) << err_;
    const nlohmann::json report = nlohmann::json::parse(out_, nullptr, false);
    EXPECT_TRUE(report.is_object()) << out_;
    return report.is_object() ? report["results"][0] : nlohmann::json();
  }

  std::filesystem::path dir_;
  std::string out_;
  std::string err_;
};

}  // namespace heald::testing
