// Findings out of messages: heald's own plain form, CloudEvents around it, the findings that
// another heald writes with its notifier `kafka`, and alerts as Prometheus and Grafana write them.
// README.md shows each.
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "heald/batch.h"
#include "plugins/sources/kafka/json.h"

namespace heald::kafka {

class EventReader {
 public:
  // Appends a message's findings; a message that is no news of a finding (another heald's
  // decisions) gives none. `ts_ns`: of the message, for events without a time of their own. Throws
  // BadMessage, and then has appended nothing.
  void Read(std::string_view message, int64_t ts_ns, std::vector<sdk::Finding>* findings);

 private:
  dom::parser parser_;
};

}  // namespace heald::kafka
