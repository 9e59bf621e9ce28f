// A client of the Docker Engine API: the calls that the docker action and the docker source need,
// with the Engine's errors as sdk::Failure.
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

// What CheckHttpConfig says of a config whose url may be tcp://host:port too.
std::vector<support::HttpConfigProblem> CheckEngineConfig(support::HttpConfig config);

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
  void Rename(const std::string& id, const std::string& name);
  void Connect(const std::string& network, const std::string& id, const Json& endpoint);
  // The image id behind a name; empty when the image isn't here.
  std::string ImageId(const std::string& name);

  Json Service(const std::string& name);
  Json Tasks(const std::string& service_id);
  // A service that has changed since that version is Failure(HEALD_CONFLICT).
  void UpdateService(const std::string& id, const Json& spec, const ServiceUpdate& update);

  // One of several answers: `json`, or why there is none. Not found is neither.
  struct Got {
    Json json;
    std::string error;
  };
  // GETs these paths, at most max_concurrent at once. Throws where all of them fail for one reason
  // that lies in the Engine.
  std::vector<Got> GetAll(const std::vector<std::string>& paths, size_t max_concurrent,
                          int64_t timeout_ns);
  // Hands over the events of containers with all these labels, from since_ns on (0: from now), one
  // by one, until the time is over or the Engine closes. A line that is no event throws; on_event
  // must not.
  void Events(int64_t since_ns, const std::vector<std::string>& labels, int64_t timeout_ns,
              const std::function<void(const Json& event)>& on_event);

  // No call takes longer from now on, but for those that ask the Engine to wait; 0: the config's.
  void SetTimeout(int64_t timeout_ns) { timeout_ns_ = timeout_ns; }
  // The Engine's own clock, from its latest answer.
  int64_t now_s() const { return now_s_; }
  bool Sleep(int64_t ns) { return client_.Sleep(ns); }
  // [any] Ends what is under way and everything later.
  void Cancel() { client_.Cancel(); }

 private:
  struct Answer {
    int status = 0;
    std::string body;
  };
  void Negotiate();
  Answer Call(const std::string& method, const std::string& path, const Json* body = nullptr,
              int64_t extra_ns = 0);
  Json CallJson(const std::string& path);
  support::HttpResult Send(support::HttpRequest request);
  [[noreturn]] void Fail(const support::HttpError& error);

  support::HttpClient client_;
  std::string version_;  // empty: not negotiated yet
  int64_t now_s_ = 0;
  int64_t timeout_ns_ = 0;
};

}  // namespace heald::docker
