// The agent's HTTP listener. Used by the composition root: Bind before anything else starts, so
// that a busy port costs nothing; Serve when the backend is ready; Stop first of all at the end.
// Thread rule: one thread owns it; stats, and from Bind on Publish, may be called from any.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/api/backend.h"
#include "core/api/limits.h"
#include "core/api/live.h"
#include "core/api/tls.h"
#include "core/api/token_watch.h"
#include "core/base/result.h"

namespace heald::api {

struct ServerOptions {
  std::string listen = "127.0.0.1:8080";  // host:port, [v6]:port; port 0: any free one
  std::string token;                      // an admin's; see AccessOptions for these
  std::vector<std::string> allowed_hosts;
  Limits limits{};
  std::string tokens_file{};
  bool allow_no_token = false;
  Notice tokens_notice{};
  TlsFiles tls{};             // empty: plain HTTP
  bool allow_no_tls = false;  // plain though others reach it, waived by name
  Notice tls_notice{};
  std::string version{};  // told to live clients
};

class Server {
 public:
  // Takes the port. Errors name the address and what to do, also who holds the port.
  static Result<std::unique_ptr<Server>> Bind(ServerOptions options);
  // Stops first.
  ~Server();

  // Starts to answer, on its own threads. `backend` must outlive Stop. Once.
  Status Serve(Backend& backend);
  // After a reload; see Access::Update.
  void UpdateAccess(const std::string& token, bool allow_no_token);
  // Of the tokens file, as of now.
  std::vector<TokenUse> Tokens() const;
  // Ends idle connections at once, others within a second, then waits for backend calls under way.
  void Stop();

  // To all clients of the live stream. Never waits for one; goes nowhere after Stop.
  void Publish(std::string_view event, std::string_view data, Keep keep);

  uint16_t port() const;
  std::string url() const;  // "http://127.0.0.1:8080"

  struct Stats {
    size_t connections = 0;      // without the live ones
    size_t idle = 0;             // of these: nothing of a request has come
    size_t working = 0;          // of these: a thread is at it
    size_t waiting = 0;          // of these: ready, and waiting for a thread
    uint64_t refused_total = 0;  // closed unanswered, to make room for others
    uint64_t tls_failures_total = 0;
    LiveStats live;
  };
  Stats stats() const;

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace heald::api
