// Writes core/v1 Events on the objects that heald acts on, so that `kubectl describe` and
// `kubectl get events` tell of it. The same event again within ten minutes counts the former up, as
// kubectl shows it ("x3 over 5m"). Used by the kubernetes action.
// Thread rule: one thread at a time, that of its client.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "plugins/support/kubernetes/client.h"

namespace heald::kubernetes {

struct EventNote {
  Json target = {};                    // the object: its kind, apiVersion and metadata are read
  const Resource* resource = nullptr;  // where the object is an item of a list, without a kind
  bool warning = false;                // else type Normal
  std::string reason = {};             // "HealdRestarted": CamelCase, why it was written
  std::string action = {};             // "restart_pod": what was done
  std::string message = {};            // for people; beyond 1024 bytes it is cut
};

class EventWriter {
 public:
  // instance: which heald; shown as reportingInstance.
  explicit EventWriter(std::string instance) : instance_(std::move(instance)) {}

  // Null: written. Otherwise why not: an event that can't be written is for the log and never stops
  // a repair, so nothing is thrown. now_ns: since the epoch.
  std::optional<std::string> Write(Client& client, const EventNote& note, int64_t now_ns);

 private:
  struct Written {
    std::string key;  // target's uid, reason, type, message
    std::string name_space;
    std::string name;
    int64_t count = 1;
    int64_t last_ns = 0;
  };
  bool CountUp(Client& client, Written& former, int64_t now_ns);

  const std::string instance_;
  std::deque<Written> written_;  // the latest few
};

// ObjectReference of an object (an item of a list needs its resource): what involvedObject holds.
Json ReferenceTo(const Json& object, const Resource* resource = nullptr);

}  // namespace heald::kubernetes
