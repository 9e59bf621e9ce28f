// One query for lines: how far it has been read, what was handed on lately, and how a gap is
// closed. Readings by range go back by an overlap, a tail hands over what it gets; both pass the
// same memory of lines, so none is handed on twice. Part of the source loki.
// Thread rule: Read belongs to the polling thread; the rest is safe from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "heald/plugin.h"
#include "plugins/sources/loki/lines.h"
#include "plugins/sources/loki/position.h"
#include "plugins/sources/loki/settings.h"
#include "plugins/support/http.h"

namespace heald::loki {

inline constexpr int64_t kMinAttemptNs = 50'000'000;   // a query isn't begun with less time left
inline constexpr int64_t kWaitForRoomNs = 20'000'000;  // until a full pipeline is asked again

// What all queries of a node count.
struct Counters {
  sdk::Metric lines;
  sdk::Metric doubled;
  sdk::Metric refused;
  sdk::Metric unread;
};

class LogQuery {
 public:
  LogQuery(sdk::Host host, std::string name, std::string logql, const LokiConfig& config,
           const Counters& counters);

  const std::string& name() const { return name_; }
  const std::string& logql() const { return logql_; }

  // Goes on where an earlier life of the agent was, if there was one: then it has begun.
  void Resume();
  // Lines from before are not handed on.
  void BeginAt(int64_t from_ns);
  bool begun() const;
  // Lines have come, in this life of the agent.
  bool heard() const { return heard_.load(std::memory_order_relaxed); }

  struct Reading {
    std::string error;           // why it ended early; empty: all was read
    int64_t retry_after_ns = 0;  // the server's wish
    bool cancelled = false;
    bool transport = false;  // the way to the server, not this query
    bool more = false;       // the time was over first: read again
  };
  // Reads what is missing until to_ns, within the time that is left.
  Reading Read(support::HttpClient& http, LineParser& parser, const sdk::Sink& sink, int64_t to_ns,
               int64_t timeout_ns);

  // What a tail got.
  void Take(const LogAnswer& answer, const sdk::Sink& sink);
  void TailIsUp(int64_t now_ns);
  void TailIsAlive(int64_t now_ns);
  void TailIsDown();
  // Lines are missing from what it got.
  void TailDropped();
  // False: the tail brings everything, nothing has to be read.
  bool NeedsReading() const;

 private:
  // Hands on the entries that are new; all of them or, thrown, none.
  size_t Emit(const LogAnswer& answer, const sdk::Sink& sink);
  uint32_t StreamOf(const sdk::LabelSet& labels);
  void Forget(int64_t before_ns);
  void SavePosition();

  sdk::Host host_;
  const std::string name_;
  const std::string logql_;
  const LokiConfig& config_;
  const Counters& counters_;
  std::atomic<bool> heard_{false};
  int64_t limit_;
  int64_t piece_ns_ = 0;  // of one request, since more was too much; 0: all that is missing

  // A tail that wasn't listened to for that long may miss lines, of which Loki tells too late.
  const int64_t longest_pause_ns_;
  mutable std::mutex mutex_;
  // Guarded by mutex_:
  int64_t floor_ns_ = 0;       // 0: not begun
  int64_t read_to_ns_ = 0;     // everything before is read
  int64_t saved_ns_ = 0;       // of read_to_ns_, in the position
  int64_t tail_since_ns_ = 0;  // 0: it is down
  int64_t tail_alive_ns_ = 0;
  int64_t forgot_ns_ = 0;
  bool dropped_ = false;
  Position::Lines handed_on_;
  Position position_;
  bool warned_ = false;  // that the position can't be written
};

}  // namespace heald::loki
