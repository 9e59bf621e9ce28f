// The events of the live stream as the bytes that clients get, made once and shared by all: the
// last kept ones in order, for clients that are behind or come back, and of the passing ones the
// latest of each name. A client is a cursor into it. Used by live.cc.
// Thread rule: none of its own; the live stream locks it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace heald::api {

using Bytes = std::shared_ptr<const std::string>;

// How far a client is.
struct EventCursor {
  uint64_t next = 1;         // number of the next kept event
  uint64_t latest_seen = 0;  // version of the last passing one
};

class EventLog {
 public:
  // The epoch tells this process's events from those of the one before it.
  EventLog(std::string epoch, size_t kept_events, size_t kept_bytes);

  // With an id; `event` is a word, `data` may have several lines.
  void Keep(std::string_view event, std::string_view data);
  // Without an id, in the place of the one before of this name.
  void Pass(std::string_view event, std::string_view data);

  // Behind everything that was published until now.
  EventCursor End() const { return {next_, latest_version_}; }
  // Behind the event of that id; nothing when it is not ours or what follows is not all kept.
  std::optional<EventCursor> After(std::string_view id) const;
  // The id of the last event before the cursor.
  std::string IdBefore(const EventCursor& cursor) const;

  // Whether all events from the cursor on are still there.
  bool Holds(const EventCursor& cursor) const { return cursor.next >= first(); }
  // Kept bytes that lie before the cursor's client.
  size_t BytesBehind(const EventCursor& cursor) const;
  // The next events as bytes, about `size` of them but one event at least, and moves the cursor
  // past them; null when there are none. Kept ones come before passing ones.
  Bytes Next(EventCursor& cursor, size_t size) const;

 private:
  struct Kept {
    Bytes bytes;
    uint64_t end = 0;  // bytes of all kept events ever, this one included
  };
  struct Passing {
    std::string event;
    uint64_t version = 0;
    Bytes bytes;
  };

  uint64_t first() const { return next_ - kept_.size(); }

  const std::string epoch_;
  const size_t max_events_;
  const size_t max_bytes_;
  std::deque<Kept> kept_;
  size_t kept_bytes_ = 0;
  uint64_t next_ = 1;
  uint64_t total_bytes_ = 0;
  std::vector<Passing> passing_;  // by version
  uint64_t latest_version_ = 0;
};

// One event as it is written to a client; an empty id is left out.
std::string EventText(std::string_view event, std::string_view id, std::string_view data);

}  // namespace heald::api
