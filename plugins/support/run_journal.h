// What an action that can't look at its target remembers instead: one small file per decision,
// written before the deed and after it. So a decision is never carried out twice, and after a kill
// it is known whether it had begun. Used by exec and http.
// Thread rule: any thread; of one decision one at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "heald/plugin.h"

namespace heald::support {

class RunJournal {
 public:
  struct Entry {
    pid_t pid = 0;  // of the program that carries it out, if there is one
    uint64_t start_ticks = 0;
    std::optional<sdk::Effect> effect;  // empty: begun, end not known
  };

  explicit RunJournal(std::string folder) : folder_(std::move(folder)) {}

  // Nothing: that decision was never begun. Throws Failure(HEALD_CORRUPT) for an unreadable entry.
  std::optional<Entry> Find(std::string_view decision) const;
  // Throws Failure(HEALD_UNAVAILABLE) when it can't be written; then the deed must not be done.
  void Write(std::string_view decision, const Entry& entry) const;
  // A file beside the entry, for the output of a program.
  std::string OutputPath(std::string_view decision) const;
  // Drops what is older than a week.
  void Prune() const;

 private:
  std::string Path(std::string_view decision, std::string_view suffix) const;

  std::string folder_;
};

}  // namespace heald::support
