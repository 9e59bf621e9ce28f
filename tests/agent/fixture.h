// `heald run` as a child process beside a page of metrics that the test writes, and what a test
// asks of it. Used by the tests of the whole agent. Thread rule: one thread; the page is served on
// its own.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "demo/tests/demo_process.h"
#include "plugins/support/http.h"
#include "tests/fakes/http_server.h"

namespace heald::testing {

inline bool Eventually(const std::function<bool()>& condition, int seconds = 20) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (std::chrono::steady_clock::now() < until) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return condition();
}

class AgentTest : public ::testing::Test {
 protected:
  AgentTest()
      : page_([this](const fakes::FakeRequest&) { return fakes::FakeReply{.body = Page()}; }) {
    std::string pattern = ::testing::TempDir() + "heald-agent-XXXXXX";
    dir_ = mkdtemp(pattern.data());
  }
  ~AgentTest() override {
    agent_.reset();
    if (::testing::Test::HasFailure()) return;  // left for a look
    std::filesystem::remove_all(dir_);
  }

  // A service whose starts are lines of a file, and a policy that restarts it while the page says
  // that it is sick. Extra text goes to the end of the file.
  std::string HealingPipeline(const std::string& guard = "cooldown: 1s, max_per_hour: 10") {
    const std::string script = dir_ + "/service.sh";
    if (!std::filesystem::exists(script)) {
      std::ofstream(script) << "#!/bin/sh\necho $$ >> " << dir_ << "/starts\nexec sleep 1000\n";
      chmod(script.c_str(), 0755);
    }
    return "version: 1\n"
           "agent: {listen: '127.0.0.1:0', state_dir: state, reopen_within: 0s}\n"
           "sources:\n"
           "  page:\n"
           "    plugin: scrape\n"
           "    config: {targets: ['" +
           page_.url() +
           "/metrics'], interval: 1s, metrics: {sick: {gauge: sick, by: [service]}}}\n"
           "detectors:\n"
           "  ill: {plugin: threshold, inputs: [page.sick], config: {above: {critical: 0.5}}}\n"
           "policies:\n"
           "  cure:\n"
           "    inputs: [ill]\n"
           "    when: sick > 0.5\n"
           "    action: restart\n"
           "    mode: enforce\n"
           "    guard: {" +
           guard +
           "}\n"
           "    verify: {within: 15s}\n"
           "actions:\n"
           "  restart:\n"
           "    plugin: process\n"
           "    config:\n"
           "      on_agent_exit: stop\n"
           "      services: {a: {command: ['" +
           script + "'], stop_timeout: 1s}}\n";
  }

  void Write(const std::string& text, const std::string& name = "pipeline.yaml") {
    std::ofstream(dir_ + "/" + name) << text;
  }
  void Start(const std::map<std::string, std::string>& environment = {}) {
    agent_ = std::make_unique<demo::DemoProcess>(
        "heald", std::vector<std::string>{"run", dir_ + "/pipeline.yaml"}, environment);
  }
  // Waits until it answers and learns its port.
  void StartAndWait(const std::map<std::string, std::string>& environment = {}) {
    Start(environment);
    ASSERT_TRUE(agent_->WaitForOutput("; http://", 20'000'000'000)) << agent_->output();
    const std::string& out = agent_->output();
    const size_t at = out.rfind("; http://") + 2;
    url_ = out.substr(at, out.find_first_of("\n ", at) - at);
  }
  demo::DemoProcess& agent() { return *agent_; }

  nlohmann::json Get(const std::string& path, int* status = nullptr) {
    return Call("GET", path, "", status);
  }
  nlohmann::json Call(const std::string& method, const std::string& path, const std::string& body,
                      int* status = nullptr) {
    support::HttpClient client{support::HttpConfig{}};
    support::HttpRequest request;
    request.method = method;
    request.url = url_ + path;
    request.body = body;
    if (!body.empty()) request.headers = {{"Content-Type", "application/json"}};
    const support::HttpResult result = client.Perform(request);
    if (status != nullptr) *status = result.response.status;
    return nlohmann::json::parse(result.response.body, nullptr, false);
  }

  std::string GetText(const std::string& path) {
    support::HttpClient client{support::HttpConfig{}};
    support::HttpRequest request;
    request.url = url_ + path;
    return client.Perform(request).response.body;
  }

  // What the page says of the service; a function so that it may depend on the service's starts.
  void SetSick(std::function<bool()> sick) {
    const std::lock_guard lock(mutex_);
    sick_ = std::move(sick);
  }
  std::vector<std::string> Starts() const {
    std::ifstream in(dir_ + "/starts");
    return {std::istream_iterator<std::string>(in), {}};
  }

  std::string dir_;
  std::string url_;

 private:
  std::string Page() {
    const std::lock_guard lock(mutex_);
    return "# TYPE sick gauge\nsick{service=\"a\"} " + std::string(sick_ && sick_() ? "1" : "0") +
           "\n";
  }

  std::mutex mutex_;
  std::function<bool()> sick_;  // guarded by mutex_
  std::unique_ptr<demo::DemoProcess> agent_;

 protected:
  fakes::HttpServer page_;  // last: its threads use the rest
};

}  // namespace heald::testing
