// The live event stream (server-sent events): one thread for all clients, who are given what is
// published as fast as they take it. Publishing only appends to a log that all share; a client that
// doesn't keep up is dropped, comes back with the id of its last event and gets what it missed.
// Used by the server; connections hand their sockets over to it.
// Thread rule: Start and Stop by the owner, everything else from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "core/api/channel.h"
#include "core/api/event_log.h"
#include "core/api/http.h"
#include "core/api/limits.h"
#include "core/base/result.h"

namespace heald::api {

enum class Keep : uint8_t {
  kEvery,   // with an id, sent to each client, again to one that comes back
  kLatest,  // a passing state: a client that is behind gets the last of each name only
};

struct LiveStats {
  uint64_t clients = 0;
  uint64_t dropped_total = 0;  // they took too little for too long
  uint64_t refused_total = 0;  // over the limit
  uint64_t revoked_total = 0;  // what they came in with holds no more
  uint64_t events_total = 0;   // published
};

class LiveStream {
 public:
  // Whether a client may go on, asked every few seconds on the stream's thread: must answer at
  // once.
  using Allowed = std::function<bool()>;

  // `version` is told to each client.
  LiveStream(const LiveLimits& limits, std::string version);
  ~LiveStream();

  Status Start();
  // Ends all clients. What is published later goes nowhere.
  void Stop();

  // Never waits for a client. `event` is a word, `data` usually one JSON object.
  void Publish(std::string_view event, std::string_view data, Keep keep);

  // A seat for one more client; false, and counted, when all are taken. Adopt uses the seat up.
  bool Reserve();
  // Takes over a connection, writes `head` to it and goes on behind the event of that id.
  void Adopt(Channel channel, std::string head, std::string last_event_id, Allowed allowed);

  LiveStats stats() const;

 private:
  struct Client;
  struct Wakeups;  // file descriptors
  enum class Fate { kStays, kGone, kDropped, kRevoked };

  void Run();
  void Admit();
  std::string Greet(Client& client);
  bool Refill(Client& client);
  Fate Serve(Client& client, bool readable);
  Fate Check(Client& client, int64_t now_ns);
  void ArmWrite(Client& client, bool wanted);
  void End(Client* client, Fate fate);
  void Wake();

  const LiveLimits limits_;
  const std::string version_;
  std::unique_ptr<Wakeups> wakeups_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> woken_{false};

  // Touched by the stream's thread only:
  std::unordered_map<Client*, std::unique_ptr<Client>> clients_;

  mutable std::mutex mutex_;  // guards what follows
  EventLog log_;
  std::vector<std::unique_ptr<Client>> arrivals_;
  size_t seats_taken_ = 0;
  LiveStats stats_;
};

}  // namespace heald::api
