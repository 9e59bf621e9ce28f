// One watch: what happens to a kind's objects, as lines of JSON. Used by the API for `watch=1`.
// Thread rule: each is used by its connection's thread; takes the cluster's lock itself.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>

#include "tests/fakes/kubernetes/cluster.h"
#include "tests/fakes/kubernetes/selectors.h"

namespace heald::fakes::kubernetes {

struct WatchPlan {
  const Resource* resource = nullptr;
  std::string api_version;  // as the objects are shown
  std::string space;        // empty: all namespaces
  LabelSelector labels;
  FieldSelector fields;
  std::optional<int64_t> from;  // none: what there is comes first, as ADDED
  bool bookmarks = false;
  std::chrono::milliseconds timeout = std::chrono::hours(1);  // of the real clock
};

class Watch {
 public:
  // Under the cluster's lock.
  Watch(Cluster& cluster, WatchPlan plan);
  // The next lines, each an event; waits a short while. Nothing: the end. Throws StreamCut.
  std::optional<std::string> Next();

 private:
  bool Selected(const Json& object) const;
  std::string Line(const std::string& type, const Json& object) const;
  std::string Gone(int64_t version);
  std::string Collect();
  std::string Bookmark() const;

  Cluster& cluster_;
  const WatchPlan plan_;
  const std::chrono::steady_clock::time_point ends_;
  std::chrono::steady_clock::time_point bookmark_;
  const int expire_;
  const int cut_;
  int64_t seen_ = 0;
  bool stale_ = false;  // from before what is still known
  bool ended_ = false;
  std::deque<Object> initial_;
};

}  // namespace heald::fakes::kubernetes
