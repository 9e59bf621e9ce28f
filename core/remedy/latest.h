// The latest sample of every series that a policy's condition names. Fed by the runner, read by
// the engine. Thread rule: any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/units.h"
#include "core/model/labels.h"

namespace heald::remedy {

class LatestSamples {
 public:
  struct Options {
    int64_t stale_ns = 5 * kMinute;
    size_t max_series = 100'000;  // in all; further ones are refused and counted
  };

  LatestSamples() : LatestSamples(Options()) {}
  explicit LatestSamples(Options options) : options_(options) {}

  // "latency_p99" or "prom.latency_p99"; samples of other names are not kept. The engine calls it
  // at every reload; what is no longer wanted is dropped, the rest stays. `group_by` are the labels
  // that tell targets apart.
  void SetWanted(const std::vector<std::string>& names, const std::vector<std::string>& group_by);
  bool Wanted(std::string_view source, std::string_view query) const;
  // Of a source, a query, or source.query; the most exact one counts.
  void SetStaleness(std::string_view name, int64_t stale_ns);

  // An older sample than the one held is ignored. __name__ is no part of the identity.
  void Record(std::string_view source, std::string_view query, const Labels& labels, double value,
              int64_t ts_ns);

  // The latest value of a series under that name whose labels include `target`: the largest one
  // where several do. A stale one and NaN count as missing.
  std::optional<double> Lookup(std::string_view name, const Labels& target, int64_t now_ns) const;
  // When the newest such value was measured, however old and whatever it is; 0: none is known.
  int64_t LatestNs(std::string_view name, const Labels& target) const;
  // How old a value of that name may be.
  int64_t StaleNs(std::string_view name) const;
  // Of the name with the most targets: how many there are, and how many `is` says yes of; it gets
  // the text of the target's labels of group_by, and must not call back. Null: nobody is asked.
  struct Census {
    size_t known = 0;
    size_t yes = 0;
    bool has = false;  // `target` is among them
  };
  Census Count(const std::vector<std::string>& names, const std::string& target,
               const std::function<bool(const std::string& target)>& is) const;

  // Forgets stale series; returns how many. To be called about once a minute.
  size_t DropExpired(int64_t now_ns);
  // The clock went back: what is from after that would pass for fresh, and keep newer samples out.
  size_t DropAfter(int64_t now_ns);
  size_t series_count() const;
  uint64_t refused_total() const;

 private:
  struct Series {
    Labels labels;
    std::string target_key;
    double value = 0;
    int64_t ts_ns = 0;
  };
  using Group = std::list<Series>;  // stable addresses for the indexes

  // All series of one source.query.
  struct Query {
    std::string source;
    std::string name;
    Group series;
    std::unordered_map<std::string, Group::iterator> by_labels;
    std::map<Labels::Pair, std::vector<const Series*>> by_label;
    std::unordered_map<std::string, size_t> targets;
  };

  int64_t StaleNs(const Query& query) const;
  void Remove(Query* query, Group::iterator series);
  template <typename Which>
  size_t Drop(Which which);
  template <typename Visit>
  void ForName(std::string_view name, Visit visit) const;
  // Those of the query that are about the target.
  template <typename Visit>
  static void ForTarget(const Query& query, const Labels& target, Visit visit);

  const Options options_;
  mutable std::shared_mutex mutex_;
  // Guarded by mutex_:
  std::vector<std::string> wanted_;  // sorted
  std::vector<std::string> group_by_;
  std::map<std::string, int64_t, std::less<>> stale_ns_;
  std::map<std::string, Query, std::less<>> queries_;  // by "source.query"
  std::map<std::string, std::vector<std::string>, std::less<>> by_bare_name_;
  size_t series_count_ = 0;
  uint64_t refused_total_ = 0;
};

}  // namespace heald::remedy
