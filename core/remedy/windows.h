// When acting is allowed: the windows and deny windows of a policy and of the agent, by the wall
// clocks of their zones. In the hour that a clock shows twice a window holds twice; a time that a
// clock skips has passed at the moment of the change. Used by the guards.
// Thread rule: the engine's strand, since answers are remembered.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time_zone.h"
#include "core/pipeline/guard_spec.h"

namespace heald::remedy {

// "mon-fri 09:00 to 17:00 Europe/Berlin"
std::string Describe(const WindowSpec& window);

class Windows {
 public:
  // One set of each: of the policy, of the agent.
  struct Sets {
    const std::vector<WindowSpec>* allow = nullptr;
    const std::vector<WindowSpec>* deny = nullptr;
    std::string_view whose;  // "policy latency", "the agent"
  };

  Windows() = default;
  explicit Windows(const std::vector<Sets>& sets);

  bool empty() const { return groups_.empty(); }

  struct Answer {
    bool open = true;
    std::string why;
    int64_t next_ns = 0;  // when it opens; 0: is open, or doesn't within two weeks
  };
  const Answer& At(int64_t now_ns) const;

 private:
  struct Window {
    WindowSpec spec;
    std::optional<TimeZone> zone;  // none: unknown to this machine
  };
  struct Group {
    std::vector<Window> windows;
    bool deny = false;
    std::string whose;
  };

  static bool Holds(const Window& window, int64_t now_ns);
  bool Open(int64_t now_ns, std::string* why) const;
  std::vector<int64_t> Changes(int64_t after_ns) const;

  std::vector<Group> groups_;
  mutable Answer answer_;
  mutable int64_t from_ns_ = 0;  // the answer holds from here …
  mutable int64_t to_ns_ = 0;    // … until here
};

}  // namespace heald::remedy
