// Makes the mock brokers, which know neither TLS nor logins, brokers that ask for both: it stands
// before each, and puts its own ports in their place in what they tell of the cluster.
// Thread rule: one thread; it has its own.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/fakes/certificates.h"

struct ssl_ctx_st;
struct ssl_st;

namespace heald::kafka_test {

class SecureProxy {
 public:
  // `brokers`: 127.0.0.1:port each. With a password, PLAIN with user anna is asked for.
  SecureProxy(const std::vector<std::string>& brokers, const fakes::CertificateFiles& certificate,
              std::string password = "");
  ~SecureProxy();
  SecureProxy(const SecureProxy&) = delete;
  SecureProxy& operator=(const SecureProxy&) = delete;

  std::string brokers() const;
  int logins() const { return logins_; }

 private:
  struct Door {
    int listener = -1;
    int port = 0;
    int broker_port = 0;
  };
  class Connection;

  void Accept(const Door& door);

  const std::string password_;
  ssl_ctx_st* context_ = nullptr;
  std::vector<Door> doors_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> logins_{0};
  std::mutex mutex_;
  std::vector<std::jthread> threads_;  // guarded by mutex_
};

}  // namespace heald::kafka_test
