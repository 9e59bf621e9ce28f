// The Engine's event stream on a thread of its own, opened again whenever it ends, from where it
// ended. Part of the docker source.
// Thread rule: Start and Stop belong to one thread; the callbacks run on the stream's own, trouble
// is callable from any.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "plugins/support/docker/engine.h"

namespace heald::docker {

class EventStream {
 public:
  struct Callbacks {
    std::function<int64_t()> since_ns;             // where a new stream begins
    std::function<void(const Json& event)> event;  // doesn't throw
  };

  EventStream(support::HttpConfig http, std::vector<std::string> labels, int64_t most_pause_ns,
              Callbacks callbacks);
  ~EventStream();
  void Start();
  void Stop();

  // Since when there is no stream (steady clock), and why; 0 where there is one.
  struct Trouble {
    int64_t since_ns = 0;
    std::string why;
  };
  Trouble trouble() const;

 private:
  void Run();
  void Opening();
  void Heard();
  void Failed(const std::string& why);

  Engine engine_;
  const std::vector<std::string> labels_;
  const int64_t most_pause_ns_;
  const Callbacks callbacks_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_:
  bool stopping_ = false;
  int64_t opened_ns_ = 0;  // 0: it is closed
  Trouble trouble_;
  std::thread thread_;
};

}  // namespace heald::docker
