// The states that are findings: which are open, since when, and which are about to clear. A state
// that is over stays open for a while, as what crashes in a loop runs in between. Part of the
// kubernetes source. Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "heald/batch.h"

namespace heald::kubernetes {

struct Condition {
  std::string metric = {};  // "CrashLoopBackOff"
  sdk::LabelSet target = {};
  sdk::Severity severity = sdk::Severity::kWarning;
  std::string summary = {};
  int64_t began_ns = 0;  // 0: now
  double value = 1;
};

class FindingBook {
 public:
  explicit FindingBook(int64_t settle_ns) : settle_ns_(settle_ns) {}

  // All that holds of one object now; what held and isn't named any more begins to settle. owner:
  // "pods/UID".
  void Show(const std::string& owner, std::vector<Condition> conditions, int64_t now_ns);
  // It isn't there any more: whatever held of it is over at once.
  void Gone(const std::string& owner, int64_t now_ns);

  // What there is to tell since the last call; settles what is over.
  std::vector<sdk::Finding> Changes(int64_t now_ns);
  size_t open() const { return open_; }

  // For a restart: what is open, and back. Restore tells nothing; what it brought back is over when
  // DropUnseen comes before it was shown again.
  nlohmann::json Save() const;
  void Restore(const nlohmann::json& saved);
  // Everything whose owner begins with `prefix` ("pods/") was shown since the start.
  void DropUnseen(std::string_view prefix, int64_t now_ns);

 private:
  struct State {
    Condition condition = {};
    int64_t over_ns = 0;  // since when it doesn't hold any more; 0: it does
    bool restored = false;
  };
  using Key = std::pair<std::string, sdk::LabelSet>;  // metric and target

  sdk::Finding FindingOf(const State& state, sdk::FindingState what, int64_t now_ns) const;

  const int64_t settle_ns_;
  std::map<std::string, std::map<Key, State>> owners_;
  std::vector<sdk::Finding> untold_;
  size_t open_ = 0;
};

}  // namespace heald::kubernetes
