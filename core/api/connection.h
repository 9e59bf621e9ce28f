// One client's connection: reads requests under deadlines and size limits, writes the answers.
// Poco's own HTTP connection has a time-out per read only, so that a byte now and then would hold a
// thread for ever. Used by server.cc, the only other file that sees Poco's types.
// Thread rule: each connection runs on one pool thread.
#pragma once

#include <Poco/Net/StreamSocket.h>
#include <Poco/Net/TCPServerConnection.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>

#include "core/api/request_head.h"
#include "core/api/router.h"
#include "core/api/server.h"

namespace heald::api {

// What all connections of a server share.
struct ConnectionContext {
  Limits limits;
  Router router;
  std::function<bool()> crowded;  // others wait for a thread
  // Monotonic; every read and write ends by then. Stop lowers it.
  std::atomic<int64_t> stop_by_ns{std::numeric_limits<int64_t>::max()};
  std::atomic<bool> stopping{false};
};

class Connection final : public Poco::Net::TCPServerConnection {
 public:
  Connection(const Poco::Net::StreamSocket& socket, ConnectionContext& context);
  void run() override;  // never throws

 private:
  enum class Read { kData, kClosed, kTimeout };
  // What is waited for decides who may cut it short: a stop ends all but kRest, a crowd ends kNext
  // at once and the others after a while.
  enum class Wait { kFirst, kNext, kRest };

  bool ServeOne();  // false: close now
  Read ReadHead(std::string& head);
  Read ReadMore(int64_t deadline_ns, Wait wait);
  bool Refuse(int status, std::string_view detail);
  bool Send(const Response& response, bool keep_alive, bool head_only);
  bool SendText(std::string_view text);
  void Linger();

  ConnectionContext& context_;
  std::string buffer_;  // received, not yet consumed
  size_t served_ = 0;
};

}  // namespace heald::api
