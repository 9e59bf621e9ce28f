// What the Engine's events said of each container lately: how often it crashed, was started again
// and ran out of memory. Part of the docker source. Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <tuple>

namespace heald::docker {

struct Event {
  int64_t ts_ns = 0;  // by the Engine's clock
  std::string id;
  std::string name;
  std::string action;      // start, die, kill, stop, oom, destroy, "health_status: unhealthy"…
  int64_t exit_code = -1;  // of die
  std::string signal;      // of kill: a number or a name
  nlohmann::json labels;   // of the container, among other attributes
};

// message: one of GET /events. An empty action: not about a container.
Event ReadEvent(const nlohmann::json& message);

class EventBook {
 public:
  explicit EventBook(int64_t window_ns) : window_ns_(window_ns) {}

  // False: it was taken before. Streams overlap where they are opened anew.
  bool Take(const Event& event);
  // What an inspect shows, for what no event told: an Engine that was away remembers none.
  struct Seen {
    bool running = false;
    bool oom_killed = false;
    int64_t started_ns = 0;
    int64_t finished_ns = 0;
    int64_t exit_code = 0;
  };
  void Reconcile(const std::string& name, const Seen& seen);
  // Where the next stream has to begin, so that nothing is left out; 0: nothing was taken yet.
  int64_t SinceNs() const;

  struct Counts {
    size_t crashes = 0;   // ended by itself with an exit code that isn't 0
    size_t restarts = 0;  // started again after it had ended by itself
    size_t oom_kills = 0;
  };
  // Within the window before now_ns, the Engine's clock.
  Counts CountsOf(const std::string& name, int64_t now_ns);
  // Goes up with each event that was taken: an answer that was asked for before an event of a
  // container knows nothing of it.
  uint64_t sequence() const { return sequence_; }
  uint64_t SequenceOf(const std::string& name) const;

 private:
  // By name: a container that is made anew under its name is still the same service's.
  struct Record {
    std::deque<int64_t> crashes_ns;
    std::deque<int64_t> restarts_ns;
    std::deque<int64_t> ooms_ns;
    int64_t asked_ns = 0;       // when someone told it to end; 0: nobody since its start
    bool dead = false;          // it ended and was not started since…
    bool ended_itself = false;  // …and nobody had asked for it
    int64_t last_ns = 0;
    uint64_t sequence = 0;
  };
  static void Started(Record& record, int64_t ts_ns);
  static void Ended(Record& record, int64_t ts_ns, int64_t exit_code);
  void Forget(int64_t now_ns);

  const int64_t window_ns_;
  std::map<std::string, Record> records_;
  std::set<std::tuple<int64_t, std::string, std::string>> lately_;  // time, id, action
  int64_t newest_ns_ = 0;
  uint64_t sequence_ = 0;
};

}  // namespace heald::docker
