#include "core/remedy/latest.h"

#include <algorithm>
#include <cmath>

#include "core/remedy/incidents.h"

namespace heald::remedy {
namespace {

std::string FullName(std::string_view source, std::string_view query) {
  std::string name;
  name.reserve(source.size() + query.size() + 1);
  name += source;
  name += '.';
  name += query;
  return name;
}

bool Has(const std::vector<std::string>& sorted, std::string_view name) {
  return std::binary_search(sorted.begin(), sorted.end(), name, std::less<>());
}

// The identity of a series within its query.
std::string Key(const Labels& labels) {
  std::string key;
  for (const auto& [name, value] : labels.pairs()) {
    if (name == "__name__") continue;
    key += name;
    key += '\0';
    key += value;
    key += '\0';
  }
  return key;
}

}  // namespace

void LatestSamples::SetWanted(const std::vector<std::string>& names,
                              const std::vector<std::string>& group_by) {
  std::vector<std::string> wanted = names;
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  const std::unique_lock lock(mutex_);
  wanted_ = std::move(wanted);
  const bool regroup = group_by != group_by_;
  group_by_ = group_by;
  for (auto at = queries_.begin(); at != queries_.end();) {
    Query& query = at->second;
    if (!Has(wanted_, at->first) && !Has(wanted_, query.name)) {
      series_count_ -= query.series.size();
      std::vector<std::string>& sources = by_bare_name_[query.name];
      std::erase(sources, at->first);
      if (sources.empty()) by_bare_name_.erase(query.name);
      at = queries_.erase(at);
      continue;
    }
    if (regroup) {
      query.targets.clear();
      for (Series& series : query.series) {
        series.target_key = GroupTarget(series.labels, group_by_).ToString();
        ++query.targets[series.target_key];
      }
    }
    ++at;
  }
}

bool LatestSamples::Wanted(std::string_view source, std::string_view query) const {
  const std::shared_lock lock(mutex_);
  return Has(wanted_, query) || Has(wanted_, FullName(source, query));
}

void LatestSamples::SetStaleness(std::string_view name, int64_t stale_ns) {
  const std::unique_lock lock(mutex_);
  stale_ns_.insert_or_assign(std::string(name), stale_ns);
}

int64_t LatestSamples::StaleNs(const Query& query) const {
  if (stale_ns_.empty()) return options_.stale_ns;
  for (const std::string& name : {FullName(query.source, query.name), query.name, query.source})
    if (const auto at = stale_ns_.find(name); at != stale_ns_.end()) return at->second;
  return options_.stale_ns;
}

void LatestSamples::Record(std::string_view source, std::string_view query, const Labels& labels,
                           double value, int64_t ts_ns) {
  const std::string full_name = FullName(source, query);
  const std::string key = Key(labels);
  const std::unique_lock lock(mutex_);
  if (!Has(wanted_, query) && !Has(wanted_, full_name)) return;
  const auto [at, is_new_query] = queries_.try_emplace(full_name);
  Query& held = at->second;
  if (is_new_query) {
    held.source = source;
    held.name = query;
    by_bare_name_[held.name].push_back(full_name);
  }
  if (const auto found = held.by_labels.find(key); found != held.by_labels.end()) {
    Series& series = *found->second;
    if (ts_ns < series.ts_ns) return;
    series.value = value;
    series.ts_ns = ts_ns;
    return;
  }
  if (series_count_ >= options_.max_series) {
    ++refused_total_;
    return;
  }
  ++series_count_;
  Labels identity;
  for (const auto& [name, text] : labels.pairs())
    if (name != "__name__") identity.Set(name, text);
  held.series.push_front({identity, GroupTarget(identity, group_by_).ToString(), value, ts_ns});
  held.by_labels.emplace(key, held.series.begin());
  ++held.targets[held.series.front().target_key];
  for (const Labels::Pair& pair : identity.pairs())
    held.by_label[pair].push_back(&held.series.front());
}

template <typename Visit>
void LatestSamples::ForName(std::string_view name, Visit visit) const {
  if (const auto exact = queries_.find(name); exact != queries_.end()) {
    visit(exact->second);
    return;
  }
  if (const auto bare = by_bare_name_.find(name); bare != by_bare_name_.end())
    for (const std::string& full_name : bare->second) visit(queries_.find(full_name)->second);
}

template <typename Visit>
void LatestSamples::ForTarget(const Query& query, const Labels& target, Visit visit) {
  // The rarest of the target's labels leaves the fewest series to look at.
  const std::vector<const Series*>* fewest = nullptr;
  for (const Labels::Pair& pair : target.pairs()) {
    const auto at = query.by_label.find(pair);
    if (at == query.by_label.end()) return;
    if (fewest == nullptr || at->second.size() < fewest->size()) fewest = &at->second;
  }
  const auto consider = [&](const Series& series) {
    if (series.labels.Includes(target)) visit(series);
  };
  if (fewest == nullptr)
    for (const Series& series : query.series) consider(series);
  else
    for (const Series* series : *fewest) consider(*series);
}

std::optional<double> LatestSamples::Lookup(std::string_view name, const Labels& target,
                                            int64_t now_ns) const {
  const std::shared_lock lock(mutex_);
  std::optional<double> largest;
  ForName(name, [&](const Query& query) {
    const int64_t oldest_ns = now_ns - StaleNs(query);
    ForTarget(query, target, [&](const Series& series) {
      if (series.ts_ns < oldest_ns || std::isnan(series.value)) return;
      if (!largest || *largest < series.value) largest = series.value;
    });
  });
  return largest;
}

int64_t LatestSamples::LatestNs(std::string_view name, const Labels& target) const {
  const std::shared_lock lock(mutex_);
  int64_t newest_ns = 0;
  ForName(name, [&](const Query& query) {
    ForTarget(query, target, [&](const Series& series) {
      if (!std::isnan(series.value)) newest_ns = std::max(newest_ns, series.ts_ns);
    });
  });
  return newest_ns;
}

int64_t LatestSamples::StaleNs(std::string_view name) const {
  const std::shared_lock lock(mutex_);
  int64_t stale_ns = 0;
  ForName(name, [&](const Query& query) { stale_ns = std::max(stale_ns, StaleNs(query)); });
  return stale_ns;
}

LatestSamples::Census LatestSamples::Count(
    const std::vector<std::string>& names, const std::string& target,
    const std::function<bool(const std::string& target)>& is) const {
  const std::shared_lock lock(mutex_);
  const Query* largest = nullptr;
  for (const std::string& name : names)
    ForName(name, [&](const Query& query) {
      if (largest == nullptr || query.targets.size() > largest->targets.size()) largest = &query;
    });
  Census census;
  if (largest == nullptr) return census;
  census.known = largest->targets.size();
  census.has = largest->targets.contains(target);
  if (is)
    for (const auto& [key, series] : largest->targets) census.yes += is(key);
  return census;
}

void LatestSamples::Remove(Query* query, Group::iterator series) {
  for (const Labels::Pair& pair : series->labels.pairs()) {
    const auto at = query->by_label.find(pair);
    std::erase(at->second, &*series);
    if (at->second.empty()) query->by_label.erase(at);
  }
  if (const auto at = query->targets.find(series->target_key); --at->second == 0)
    query->targets.erase(at);
  query->by_labels.erase(Key(series->labels));
  query->series.erase(series);
  --series_count_;
}

template <typename Which>
size_t LatestSamples::Drop(Which which) {
  const std::unique_lock lock(mutex_);
  const size_t before = series_count_;
  for (auto& [name, query] : queries_)
    for (auto at = query.series.begin(); at != query.series.end();) {
      const auto series = at++;
      if (which(query, *series)) Remove(&query, series);
    }
  return before - series_count_;
}

size_t LatestSamples::DropExpired(int64_t now_ns) {
  return Drop([&](const Query& query, const Series& series) {
    return series.ts_ns < now_ns - StaleNs(query);
  });
}

size_t LatestSamples::DropAfter(int64_t now_ns) {
  return Drop([&](const Query&, const Series& series) { return series.ts_ns > now_ns; });
}

size_t LatestSamples::series_count() const {
  const std::shared_lock lock(mutex_);
  return series_count_;
}

uint64_t LatestSamples::refused_total() const {
  const std::shared_lock lock(mutex_);
  return refused_total_;
}

}  // namespace heald::remedy
