// A Docker Engine for tests: a list of containers, their inspect and stats, and events that are
// remembered and streamed; can misbehave on demand. Written after the Engine's own answers.
// Thread rule: all methods are callable from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/fakes/http_server.h"

namespace heald::fakes {

class DockerServer {
 public:
  DockerServer();

  std::string url() const { return server_.url(); }
  // Closes the port and every connection; Start listens on the same port again.
  void Stop() { server_.Stop(); }
  void Start() { server_.Start(); }
  // Ends the streams of events; new ones are served.
  void CutStreams();

  // A container that runs, or with "State": {"Status": "exited", …} merged into its inspect.
  void Put(const std::string& name, const nlohmann::json& labels = nlohmann::json::object(),
           const nlohmann::json& inspect = nlohmann::json::object());
  void Remove(const std::string& name);
  void SetStats(const std::string& name, const nlohmann::json& stats);
  // An event about a container, now; streams see it when they are opened.
  void Tell(const std::string& name, const std::string& action,
            nlohmann::json attributes = nlohmann::json::object());
  // Instead of the answer, where it returns something; empty: never.
  void SetFault(std::function<std::optional<FakeReply>(const FakeRequest&)> fault);
  std::vector<FakeRequest> requests() const { return server_.requests(); }

  static std::string IdOf(const std::string& name);

 private:
  FakeReply Answer(const FakeRequest& request);
  FakeReply Events(const FakeRequest& request);

  std::mutex mutex_;
  // Guarded by mutex_:
  std::map<std::string, nlohmann::json> inspects_;  // by name
  std::map<std::string, nlohmann::json> stats_;
  std::vector<nlohmann::json> events_;
  std::function<std::optional<FakeReply>(const FakeRequest&)> fault_;
  HttpServer server_;
};

}  // namespace heald::fakes
