// An HTTP/1.1 server for tests that answers by script and can misbehave in every way a real one
// does: delays, slow bytes, half answers, resets, garbage, going away and coming back on its port.
// Thread rule: all methods are callable from any thread; the script runs on connection threads.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

struct ssl_ctx_st;

namespace heald::fakes {

struct FakeRequest {
  std::string method;
  std::string path;                                          // without the query
  std::string query;                                         // as sent
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  uint64_t connection = 0;  // 1, 2, 3…: the same for requests on one connection
  std::string_view Header(std::string_view name) const;
};

struct StreamCut {};

struct FakeReply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  std::chrono::milliseconds delay{0};  // before the first byte
  size_t chunk_bytes = 0;              // send the body in pieces of this size…
  std::chrono::milliseconds pause{0};  // …with this long between two
  int64_t cut_after_bytes = -1;        // close after this much of the body
  bool reset = false;                  // instead of an answer, a TCP reset
  bool close_silently = false;         // instead of an answer, just close
  std::string raw = {};                // these bytes instead of an HTTP answer, then close
  bool keep_open = false;              // no Content-Length: a stream, until the client leaves
  // Instead of `body`, chunks: asked for the next ones, which it may wait for a short while. An
  // empty piece: none yet; nothing: the end; StreamCut thrown: the connection breaks.
  std::function<std::optional<std::string>()> stream = {};
};

struct FakeTls {
  std::string cert_file;
  std::string key_file;
  std::string client_ca_file;  // when set, clients need a certificate of this authority
};

class HttpServer {
 public:
  using Script = std::function<FakeReply(const FakeRequest&)>;

  // Listens at once, on 127.0.0.1 and a free port, or on a socket file.
  explicit HttpServer(Script script, FakeTls tls = {});
  HttpServer(Script script, const std::string& socket_path);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Closes the port and every connection; Start listens on the same port again.
  void Stop();
  void Start();
  void SetScript(Script script);

  int port() const { return port_; }
  std::string url() const;  // "http://127.0.0.1:34567"
  std::vector<FakeRequest> requests() const;
  size_t connection_count() const { return connections_; }
  // False after `within`.
  bool WaitForRequests(size_t count, std::chrono::milliseconds within) const;

 private:
  struct Connection;
  void Listen();
  void Accept();
  void Serve(Connection& connection);
  bool ReadRequest(Connection& connection, FakeRequest* request);
  bool Answer(Connection& connection, const FakeReply& reply);
  bool Stream(Connection& connection, const FakeReply& reply);
  bool Pause(std::chrono::milliseconds time);  // false: stopping

  const std::string socket_path_;
  ssl_ctx_st* tls_ = nullptr;
  int port_ = 0;
  int listener_ = -1;
  std::thread acceptor_;
  std::atomic<size_t> connections_ = 0;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  // Guarded by mutex_:
  Script script_;
  std::vector<FakeRequest> requests_;
  std::list<std::unique_ptr<Connection>> open_;
  bool stopping_ = false;
};

}  // namespace heald::fakes
