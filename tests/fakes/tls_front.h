// TLS in front of a plain server, byte for byte: for servers that speak more than requests and
// answers, such as websockets. Thread rule: one thread.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/fakes/http_server.h"

namespace heald::fakes {

class TlsFront {
 public:
  // Listens on 127.0.0.1 and hands on to `port` there.
  TlsFront(const FakeTls& tls, int port);
  ~TlsFront();
  TlsFront(const TlsFront&) = delete;
  TlsFront& operator=(const TlsFront&) = delete;

  std::string url() const { return "https://127.0.0.1:" + std::to_string(port_); }
  // Connections whose handshake went well.
  size_t accepted() const { return accepted_; }

 private:
  void Accept();
  void Serve(int fd);

  ssl_ctx_st* context_ = nullptr;
  const int behind_;
  int port_ = 0;
  int listener_ = -1;
  std::atomic<bool> stopping_ = false;
  std::atomic<size_t> accepted_ = 0;
  std::mutex mutex_;
  std::vector<std::thread> serving_;  // guarded by mutex_
  std::thread acceptor_;
};

}  // namespace heald::fakes
