// A client of the Docker Engine API: the calls that the docker action needs, with the Engine's
// errors as sdk::Failure. Used by the docker action.
// Thread rule: as support::HttpClient: one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/support/http.h"

namespace heald::docker {

using Json = nlohmann::json;

// "1.41" as a number that compares: 1041; 0 when it isn't a version.
int ParseApiVersion(std::string_view text);
// The version to speak with a server that has `server` and still takes `minimum` (0: not said).
// Throws Failure(HEALD_UNSUPPORTED) for an Engine older than 1.24.
std::string ChooseApiVersion(std::string_view server, std::string_view minimum);

// Why nothing can be reached at a unix socket, and what to do about it; empty when it accepts.
std::string DiagnoseSocket(const std::string& path);

// Names close to `wanted`, best first, at most three.
std::vector<std::string> NearMatches(const std::string& wanted,
                                     const std::vector<std::string>& names);

struct ServiceUpdate {
  uint64_t version = 0;
  bool rollback = false;  // to the server's previous spec; `spec` is then ignored by it
};

class Engine {
 public:
  // config.url: unix:///var/run/docker.sock, http(s)://host:port, or tcp://host:port.
  Engine(support::HttpConfig config, std::function<bool()> cancelled);

  // Containers of any state that have all these labels ("name=value" or "name").
  Json List(const std::vector<std::string>& labels);
  // Not found: the message names the closest containers.
  Json Inspect(const std::string& id);
  // Empty object when there is none.
  Json InspectIfExists(const std::string& id);
  // t: seconds from SIGTERM to SIGKILL.
  void Restart(const std::string& id, int64_t t);
  void Stop(const std::string& id, int64_t t);
  void Start(const std::string& id);
  void Pause(const std::string& id);
  void Unpause(const std::string& id);
  // The new id. A taken name is Failure(HEALD_CONFLICT).
  std::string Create(const std::string& name, const Json& body);
  void Remove(const std::string& id);
  void Connect(const std::string& network, const std::string& id, const Json& endpoint);
  // The image id behind a name; empty when the image isn't here.
  std::string ImageId(const std::string& name);

  Json Service(const std::string& name);
  Json Tasks(const std::string& service_id);
  void UpdateService(const std::string& id, const Json& spec, const ServiceUpdate& update);

  // The Engine's own clock, from its latest answer.
  int64_t now_s() const { return now_s_; }
  bool Sleep(int64_t ns) { return client_.Sleep(ns); }

 private:
  struct Answer {
    int status = 0;
    std::string body;
  };
  void Negotiate();
  Answer Call(const std::string& method, const std::string& path, const Json* body = nullptr,
              int64_t extra_ns = 0);
  Json CallJson(const std::string& path);
  support::HttpResult Send(const support::HttpRequest& request);
  [[noreturn]] void Fail(const support::HttpError& error);

  support::HttpClient client_;
  std::string version_;  // empty: not negotiated yet
  int64_t now_s_ = 0;
};

}  // namespace heald::docker
