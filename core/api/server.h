// The agent's HTTP listener. Used by the composition root: Bind before anything else starts, so
// that a busy port costs nothing; Serve when the backend is ready; Stop first of all at the end.
// Thread rule: one thread owns it; stats may be read from any.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/api/backend.h"
#include "core/base/result.h"
#include "core/base/units.h"

namespace heald::api {

struct Limits {
  size_t head_bytes = 16 * 1024;
  size_t body_bytes = 1024 * 1024;
  size_t requests_per_connection = 1000;
  int64_t head_ns = 5 * kSecond;           // from the first byte to the empty line
  int64_t body_ns = 10 * kSecond;          // from the empty line to the last byte
  int64_t send_ns = 10 * kSecond;          // the whole answer
  int64_t keep_alive_ns = 15 * kSecond;    // idle between requests; none while others wait
  int64_t crowded_read_ns = 1 * kSecond;   // without a byte, while others wait for a thread
  int64_t linger_ns = 500 * kMillisecond;  // for the client to take the last answer
  int threads = 16;                        // connections served at a time
  int waiting = 64;                        // connections beyond are closed unanswered
};

struct ServerOptions {
  std::string listen = "127.0.0.1:8080";  // host:port, [v6]:port; port 0: any free one
  std::string token;                      // an admin's; see AccessOptions for these
  std::vector<std::string> allowed_hosts;
  Limits limits;
  std::string tokens_file;
  bool allow_no_token = false;
  std::function<void(bool bad, const std::string& text)> tokens_notice;
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
  // Ends idle connections at once, others within a second, then waits for backend calls under way.
  void Stop();

  uint16_t port() const;
  std::string url() const;  // "http://127.0.0.1:8080"

  struct Stats {
    int connections = 0;
    int waiting = 0;
    int refused_total = 0;
  };
  Stats stats() const;

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace heald::api
