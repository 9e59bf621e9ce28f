// A running agent whose every answer is recorded and then judged against openapi.yaml by
// check_contract.py, a validator that shares nothing with heald. Used by the contract's tests.
// Thread rule: one thread; Record and the stream's callbacks may come from another.
#pragma once

#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/agent/fixture.h"
#include "tests/api/raw_client.h"

namespace heald::testing {

// Runs check_contract.py; what it found, a line each, or why it could not run.
std::string CheckContract(const std::vector<std::string>& arguments);

struct Operation {
  std::string method;  // "GET"
  std::string path;    // as in the contract, with {…}
  std::string role;    // "none", "viewer"…
  nlohmann::json parameters;
  nlohmann::json body;  // an example; null where the operation takes none

  // The path with the parameters' examples put in.
  std::string ExamplePath() const;
};
// Of the contract as it is embedded, in its order.
std::vector<Operation> Operations();

class ContractTest : public AgentTest {
 protected:
  ContractTest();
  ~ContractTest() override;

  // Service a is sick until it was restarted, b waits for approval, c is excluded; memory of all
  // grows. `agent`: more of that section.
  std::string Pipeline(const std::string& agent = "");

  // On a connection of its own. Every answer is recorded.
  api::Answer Ask(const std::string& method, const std::string& target,
                  const std::string& body = "", const std::string& headers = "");
  nlohmann::json AskJson(const std::string& method, const std::string& target,
                         const std::string& body = "", const std::string& headers = "");
  // These very bytes; `method` and `target` say what they are about.
  api::Answer AskRaw(const std::string& method, const std::string& target,
                     const std::string& bytes);
  // Reads the event stream until `enough` says so of what came, and records it.
  std::string Listen(const std::string& last_event_id,
                     const std::function<bool(const std::string& text)>& enough);

  void Record(const std::string& method, const std::string& target, int status,
              const std::map<std::string, std::string>& headers, const std::string& body);
  uint16_t port() const;

  // Every recorded answer fits the contract; with `covering`, each operation succeeded once.
  void Judge(bool covering = false);
  size_t recorded() const { return exchanges_.size(); }

 private:
  const int64_t began_ms_;
  std::mutex mutex_;
  std::vector<std::string> exchanges_;  // guarded by mutex_
  int scrapes_ = 0;                     // guarded by mutex_
  fakes::HttpServer services_;          // last: its threads use the rest
};

// The bytes of a request for localhost. `headers` as lines that end with \r\n.
std::string RequestText(const std::string& method, const std::string& target,
                        const std::string& body, const std::string& headers);
// "a b/ü" -> "a%20b%2F%C3%BC"
std::string PercentEncode(const std::string& text);

}  // namespace heald::testing
