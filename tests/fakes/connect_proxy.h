// A CONNECT proxy on loopback for tests: a tunnel to where it is asked, or a refusal.
// Thread rule: any thread; each connection has a thread of its own.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace heald::fakes {

class ConnectProxy {
 public:
  // password: "user:password" that it wants in Proxy-Authorization; empty: none.
  explicit ConnectProxy(std::string password = "");
  ~ConnectProxy();
  ConnectProxy(const ConnectProxy&) = delete;
  ConnectProxy& operator=(const ConnectProxy&) = delete;

  int port() const { return port_; }
  // The heads of all requests: "CONNECT 127.0.0.1:443 HTTP/1.1\r\n…".
  std::vector<std::string> requests() const;

 private:
  void Run();
  void Serve(int client);
  void Pump(int client, int server);

  const std::string wanted_;
  int port_ = 0;
  int listener_ = -1;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;  // guarded by mutex_
  std::vector<std::jthread> tunnels_;  // of thread_ alone
  std::thread thread_;
};

}  // namespace heald::fakes
