// One client's connection: takes requests under deadlines and size limits, writes the answers, and
// never waits: each call goes on as far as it can and says what the client must do next. So a
// client that is slow, silent or half-way through costs no thread. Used by the poller.
// Thread rule: one thread at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/api/channel.h"
#include "core/api/chunked.h"
#include "core/api/limits.h"
#include "core/api/live.h"
#include "core/api/request_head.h"
#include "core/api/router.h"

namespace heald::api {

// What all connections of a server share.
struct ConnectionContext {
  using AllowedFor = std::function<LiveStream::Allowed(const Request&)>;

  ConnectionContext(const Limits& l, Router r, LiveStream& s, AllowedFor a)
      : limits(l), router(std::move(r)), live(s), allowed(std::move(a)) {}

  const Limits limits;
  const Router router;
  LiveStream& live;
  const AllowedFor allowed;  // for the client of this request, when it goes live
  // Monotonic; nothing is waited for after it. Stop lowers it.
  std::atomic<int64_t> stop_by_ns{std::numeric_limits<int64_t>::max()};
  std::atomic<bool> stopping{false};
  std::atomic<size_t> bodies_bytes{0};  // under way, as announced
  std::atomic<uint64_t> tls_failures{0};
};

// What a connection waits for.
struct Pause {
  enum class For {
    kRead,
    kWrite,
    kTurn,  // nothing: it goes on when the others had their turn
    kEnd,   // it is over, or the live stream's now
  };
  For what = For::kEnd;
  int64_t deadline_ns = 0;
};

class Connection {
 public:
  Connection(Channel channel, ConnectionContext& context);
  ~Connection();

  // `late`: the deadline of the last pause has passed. Never throws.
  Pause Advance(bool late);

  int fd() const { return channel_.fd(); }
  // No request has begun: nobody misses anything when it is closed.
  bool idle() const { return phase_ == Phase::kHead && !begun_; }
  int64_t deadline_ns() const;

 private:
  enum class Phase { kHead, kBody, kAnswer, kLinger };

  // Each goes one step, and says what to wait for when it can't.
  std::optional<Pause> Step();
  std::optional<Pause> Flush();
  std::optional<Pause> Fill();
  std::optional<Pause> Linger();
  std::optional<Pause> TakeHead();
  bool TakeBody();  // whether it is complete
  bool TakeChunks();
  std::optional<Pause> Answer();
  std::optional<Pause> GoLive(Response response);

  void Enter(Phase phase, int64_t limit_ns);
  void Expect(uint64_t body_bytes);
  void RefuseBody();
  void Refuse(int status, std::string_view detail);
  void Refuse(const Response& response);
  void Send(const Response& response, bool keep_alive, bool head_only);

  ConnectionContext& context_;
  Channel channel_;
  Phase phase_ = Phase::kHead;
  int64_t deadline_ns_ = 0;
  bool begun_ = false;       // something of the next request was received
  bool keep_alive_ = false;  // after the answer
  size_t served_ = 0;
  RequestHead head_;
  std::string in_;   // received, not yet consumed
  std::string out_;  // to be sent from out_at_ on
  size_t out_at_ = 0;
  size_t body_bytes_ = 0;  // this one's part of bodies_bytes
  uint64_t body_limit_ = 0;
  std::optional<ChunkDecoder> chunks_;
  size_t linger_bytes_ = 0;  // still read and forgotten
};

}  // namespace heald::api
