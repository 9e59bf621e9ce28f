// The alerts that fire, and the findings that they are: one for each alertname and target, however
// many alerts it has (a warning and a critical one of the same rule are one thing, as bad as the
// worse of them). What is told again changes nothing. Pure bookkeeping.
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "heald/batch.h"
#include "plugins/sources/alertmanager/settings.h"
#include "plugins/sources/alertmanager/webhook.h"

namespace heald::alertmanager {

// One alert that fires, as much of it as a finding needs.
struct FiringAlert {
  std::string name;
  sdk::LabelSet target;
  std::string fingerprint;
  uint32_t severity = 0;
  std::string summary;
  std::string url;
  int64_t from_ns = 0;
  int64_t seen_ns = 0;      // when it was last told
  uint64_t finding_id = 0;  // 0: not known, as in the files of older versions
};

class AlertBook {
 public:
  explicit AlertBook(const AlertmanagerConfig& config) : config_(config) {}

  // What changes by it. An alert beyond max_alerts is left out and counted.
  std::vector<sdk::Finding> Take(Alert alert, int64_t now_ns);
  // Ends those that were not told again for forget_after.
  std::vector<sdk::Finding> Forget(int64_t now_ns);

  // From a former run; says nothing.
  void Restore(FiringAlert alert);
  std::vector<FiringAlert> All() const;
  // All that are open, as they are.
  std::vector<sdk::Finding> Open(int64_t now_ns) const;
  size_t size() const { return count_; }
  uint64_t refused_total() const { return refused_total_; }

 private:
  using Key = std::pair<std::string, sdk::LabelSet>;
  struct Thing {
    uint64_t id = 0;
    std::map<std::string, FiringAlert> alerts;  // by fingerprint
  };

  Key KeyOf(const Alert& alert) const;
  sdk::Finding FindingOf(const Key& key, const Thing& thing, sdk::FindingState state,
                         int64_t now_ns) const;

  const AlertmanagerConfig& config_;
  std::map<Key, Thing> things_;
  size_t count_ = 0;
  uint64_t refused_total_ = 0;
};

}  // namespace heald::alertmanager
