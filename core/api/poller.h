// All connections that have not gone live: one thread accepts them and watches those that wait for
// their client, a few others do what can be done for one whose client has moved. Thousands may be
// idle, half-way or slow; only a request that is complete, and its route, take a thread's time.
// Used by server.cc.
// Thread rule: Start and Stop by the owner, stats from any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "core/api/connection.h"
#include "core/base/result.h"

namespace heald::api {

struct PollerStats {
  size_t connections = 0;      // live streams not counted
  size_t idle = 0;             // of these: nothing of a request has come
  size_t working = 0;          // of these: a thread is at it
  size_t waiting = 0;          // of these: ready, and waiting for a thread
  uint64_t refused_total = 0;  // closed unanswered, to make room
};

class Poller {
 public:
  // Makes the channel of a socket that was accepted.
  using Open = std::function<Channel(int fd)>;
  // Called about every `period_ns` on the polling thread.
  struct Chore {
    int64_t period_ns = 0;  // 0: none
    std::function<void()> run;
  };

  // `listener` is a listening socket that does not block; it stays the caller's.
  Poller(int listener, ConnectionContext& context, Open open, Chore chore);
  ~Poller();

  Status Start();
  // Accepts no more, closes the idle connections, gives the others until the context's stop_by_ns,
  // and waits for routes that still run.
  void Stop();

  PollerStats stats() const;

 private:
  // A connection and whose turn it is: its client's, or a thread's (queued or at work).
  struct Seat {
    std::unique_ptr<Connection> connection;
    bool waits = false;  // for the client
    bool late = false;   // the deadline has passed
    int64_t deadline_ns = 0;
  };

  // On the polling thread:
  void Poll();
  void Accept();
  void Admit(int fd);
  void PauseAccepting();
  void Expire(int64_t now_ns);
  void BeginToStop();
  int TimeoutMs(int64_t now_ns) const;

  // On the others:
  void Work();

  // Under the lock:
  void Queue(Seat* seat);
  void Park(Seat* seat, const Pause& pause);
  bool MakeRoom();
  std::unique_ptr<Seat> Take(Seat* seat);

  bool Watch(int fd, int operation, uint32_t events, void* tag);
  void Wake();

  const int listener_;
  ConnectionContext& context_;
  const Open open_;
  const Chore chore_;
  int epoll_ = -1;
  int event_ = -1;  // wakes the polling thread
  std::thread poller_;

  // Touched by the polling thread only:
  bool ending_ = false;
  int64_t next_chore_ns_ = INT64_MAX;
  int64_t accept_again_ns_ = INT64_MAX;  // when file descriptors had run out

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable work_;
  std::vector<std::thread> workers_;  // as many as were ever needed
  size_t idle_workers_ = 0;
  bool closed_ = false;  // no work will come
  std::unordered_map<Seat*, std::unique_ptr<Seat>> seats_;
  std::deque<Seat*> queue_;
  int64_t next_expiry_ns_ = INT64_MAX;  // no deadline is earlier
  uint64_t refused_total_ = 0;
};

}  // namespace heald::api
