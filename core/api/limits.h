// What the listener grants its clients, in time, bytes and numbers. Defaults suit an agent with a
// few dashboards; tests use small ones. Used by the server and all its parts.
// Thread rule: plain values, fixed once the server runs.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/units.h"

namespace heald::api {

struct LiveLimits {
  size_t clients = 512;                         // beyond: 503
  size_t kept_events = 1024;                    // what a client that comes back can still be given
  size_t kept_bytes = size_t{4} * 1024 * 1024;  // of these events together
  size_t lag_bytes = size_t{256} * 1024;  // a client may be further behind for `stall_ns` only
  int64_t stall_ns = 10 * kSecond;        // a client that takes nothing for so long is dropped
  int64_t acknowledge_ns = 30 * kSecond;  // a client that acknowledges nothing for so long, too
  int64_t heartbeat_ns = 15 * kSecond;    // a comment, when nothing else was sent
  int64_t recheck_ns = kSecond;           // whether the client's token still holds
  int64_t retry_ns = 2 * kSecond;         // after which clients come back, at most doubled
};

struct Limits {
  size_t head_bytes = size_t{16} * 1024;
  size_t body_bytes = size_t{1024} * 1024;
  size_t bodies_bytes = size_t{32} * 1024 * 1024;  // all bodies under way together; beyond: 503
  size_t requests_per_connection = 1000;
  int64_t head_ns = 5 * kSecond;           // from the first byte to the empty line
  int64_t body_ns = 10 * kSecond;          // from the empty line to the last byte
  int64_t send_ns = 10 * kSecond;          // the whole answer
  int64_t keep_alive_ns = 15 * kSecond;    // idle between requests
  int64_t linger_ns = 500 * kMillisecond;  // for the client to take the last answer
  int threads = 16;                        // requests worked on at a time
  size_t connections = 256;                // beyond: the one that waited longest gives way
  int64_t tls_check_ns = 5 * kSecond;      // whether the certificate's files have changed
  LiveLimits live;
};

}  // namespace heald::api
