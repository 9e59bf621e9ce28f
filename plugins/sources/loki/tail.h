// A live tail: a websocket to Loki on a thread of its own, opened again whenever it breaks. Only
// tail.cc knows Poco. Thread rule: Start and Stop belong to one thread; the callbacks run on the
// tail's own thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "plugins/support/http_config.h"

namespace heald::loki {

class Tail {
 public:
  struct Callbacks {
    std::function<void()> up;
    std::function<void()> alive;                       // something came, if only a ping
    std::function<void(std::string frame)> frame;      // may throw what ends the connection
    std::function<void(const std::string& why)> down;  // also where it doesn't come up
  };

  // path: gives path and query for each connection.
  Tail(support::HttpConfig http, std::function<std::string()> path, int64_t pause_ns,
       Callbacks callbacks);
  ~Tail();
  void Start();
  void Stop();

 private:
  void Run();
  void RunOnce();
  bool Stopping() const;

  const support::HttpConfig http_;
  const std::function<std::string()> path_;
  const int64_t pause_ns_;
  const Callbacks callbacks_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace heald::loki
