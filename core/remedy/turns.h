// Who may call an action now. An action takes so many calls that change something at a time; the
// others wait here, with nothing issued, and everything that spoke for them is looked at again when
// their turn comes: a call must not sit in a queue while the switch goes off or the target heals.
// Used by the engine. Thread rule: the engine's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace heald::remedy {

class Turns {
 public:
  // True: `caller` may call now, and End follows. False: it waits in line.
  bool Begin(const std::string& action, size_t room, uint64_t caller) {
    Line& line = lines_[action];
    if (!IsTurn(line, room, caller)) {
      if (line.tickets.try_emplace(caller, last_ticket_ + 1).second)
        line.waiting.emplace(++last_ticket_, caller);
      return false;
    }
    Remove(line, caller);
    ++line.calling;
    return true;
  }
  bool MustWait(const std::string& action, size_t room, uint64_t caller) const {
    const auto at = lines_.find(action);
    return at != lines_.end() && !IsTurn(at->second, room, caller);
  }
  void End(const std::string& action) {
    --lines_[action].calling;
    Tidy(action);
  }
  // It waits no longer.
  void Leave(const std::string& action, uint64_t caller) {
    const auto at = lines_.find(action);
    if (at == lines_.end()) return;
    Remove(at->second, caller);
    Tidy(action);
  }
  // Whose turn it is now.
  std::vector<uint64_t> Next(const std::string& action, size_t room) const {
    std::vector<uint64_t> next;
    const auto at = lines_.find(action);
    if (at == lines_.end()) return next;
    for (const auto& [ticket, caller] : at->second.waiting) {
      if (at->second.calling + next.size() >= room) break;
      next.push_back(caller);
    }
    return next;
  }

 private:
  struct Line {
    size_t calling = 0;
    std::map<uint64_t, uint64_t> waiting;  // ticket -> caller
    std::unordered_map<uint64_t, uint64_t> tickets;
  };

  // Nobody overtakes those who came before.
  static bool IsTurn(const Line& line, size_t room, uint64_t caller) {
    size_t before = line.calling;
    for (const auto& [ticket, waiting] : line.waiting) {
      if (before >= room || waiting == caller) break;
      ++before;
    }
    return before < room;
  }
  static void Remove(Line& line, uint64_t caller) {
    const auto at = line.tickets.find(caller);
    if (at == line.tickets.end()) return;
    line.waiting.erase(at->second);
    line.tickets.erase(at);
  }
  void Tidy(const std::string& action) {
    const auto at = lines_.find(action);
    if (at->second.calling == 0 && at->second.waiting.empty()) lines_.erase(at);
  }

  std::map<std::string, Line> lines_;
  uint64_t last_ticket_ = 0;
};

}  // namespace heald::remedy
