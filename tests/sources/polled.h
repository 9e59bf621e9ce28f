// The sources that ask a server once an interval, each with a server that answers it well, for
// tests that all of them have to pass. A new one is added to Polled() and takes part in all. Thread
// rule: one thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/fakes/http_server.h"
#include "tests/fakes/source_harness.h"

namespace heald::testing {

inline constexpr int64_t kSecond = 1'000'000'000;

// A server that answers well, unless it is told otherwise.
class PolledServer {
 public:
  using Fault = std::function<std::optional<fakes::FakeReply>(const fakes::FakeRequest&)>;
  virtual ~PolledServer() = default;
  virtual std::string url() const = 0;
  // Closes the port and every connection; Start listens on the same port again.
  virtual void Stop() = 0;
  virtual void Start() = 0;
  // Instead of the good answer; empty: none.
  virtual void SetFault(Fault fault) = 0;
};

struct PolledSource {
  std::string name;  // also of the plugin
  std::function<std::unique_ptr<PolledServer>()> serve;
  std::function<nlohmann::json(const std::string& url)> config;
  // The series that says whether the server answers, where there is one: it is 0 in an outage.
  std::string up = "";
  // What an outage left out is asked for afterwards, so no second is missing.
  bool catches_up = false;
};

const std::vector<PolledSource>& Polled();

// The plugin of that name, as the agent would load it. Throws when it isn't there.
const heald_plugin& LoadSource(const std::string& name);

// How long servers are away at least, from HEALD_TEST_OUTAGE_SECONDS; two polls if it isn't set.
std::chrono::seconds OutageTime();

// A source between polls, and everything that it gave so far.
class PolledRun {
 public:
  PolledRun(const PolledSource& source, const std::string& url);

  std::string Poll(std::chrono::milliseconds within = std::chrono::milliseconds(2000));
  // Rows since the last call; of `up` only where it isn't 0.
  size_t TakeRows();
  // Some moment of a series came twice, or earlier than the one before; empty: none did.
  const std::string& disorder() const { return disorder_; }
  // The longest time between two values of a series.
  int64_t longest_gap_ns() const { return longest_gap_ns_; }
  size_t log_lines() const { return harness_.log().size(); }
  std::vector<std::string> log() const { return harness_.log(); }

 private:
  const PolledSource& source_;
  fakes::SourceHarness harness_;
  std::map<std::string, int64_t> latest_ns_;  // by series
  std::string disorder_;
  int64_t longest_gap_ns_ = 0;
};

}  // namespace heald::testing
