#include "tests/fakes/kubernetes/store.h"

#include <algorithm>

namespace heald::fakes::kubernetes {
namespace {

constexpr size_t kMaxChanges = 50000;  // per kind; older ones count as compacted
constexpr size_t kMaxSnapshots = 64;

}  // namespace

Object Store::Find(const Resource& resource, const std::string& space,
                   const std::string& name) const {
  const auto kind = objects_.find(&resource);
  if (kind == objects_.end()) return nullptr;
  const auto found = kind->second.find({space + "/", name});
  return found == kind->second.end() ? nullptr : found->second;
}

std::vector<Object> Store::List(const Resource& resource, const std::string& space) const {
  std::vector<Object> objects;
  const auto kind = objects_.find(&resource);
  if (kind == objects_.end()) return objects;
  const auto& all = kind->second;
  const auto from = space.empty() ? all.begin() : all.lower_bound({space + "/", ""});
  for (auto at = from; at != all.end() && (space.empty() || at->first.first == space + "/"); ++at)
    objects.push_back(at->second);
  return objects;
}

Object Store::Put(const Resource& resource, Json object) {
  Object& slot = objects_[&resource][{NamespaceOf(object) + "/", NameOf(object)}];
  if (slot != nullptr) {
    object["metadata"]["resourceVersion"] = (*slot)["metadata"]["resourceVersion"];
    if (object == *slot) return slot;
  }
  object["metadata"]["resourceVersion"] = std::to_string(++version_);
  Object before = std::move(slot);
  slot = std::make_shared<const Json>(std::move(object));
  Log(resource, {version_, before == nullptr ? "ADDED" : "MODIFIED", slot, before});
  return slot;
}

void Store::Remove(const Resource& resource, const Json& object) {
  auto& all = objects_[&resource];
  const auto found = all.find({NamespaceOf(object) + "/", NameOf(object)});
  if (found == all.end()) return;
  Object before = found->second;
  all.erase(found);
  Json last = *before;
  last["metadata"]["resourceVersion"] = std::to_string(++version_);
  Log(resource, {version_, "DELETED", std::make_shared<const Json>(std::move(last)), before});
}

void Store::Log(const Resource& resource, Change change) {
  auto& changes = changes_[&resource];
  changes.push_back(std::move(change));
  if (changes.size() <= kMaxChanges) return;
  compacted_ = std::max(compacted_, changes.front().version);
  changes.pop_front();
}

const std::deque<Change>& Store::ChangesOf(const Resource& resource) const {
  static const std::deque<Change> kNone;
  const auto found = changes_.find(&resource);
  return found == changes_.end() ? kNone : found->second;
}

void Store::KeepSnapshot(const Resource& resource, int64_t version, std::vector<Object> objects) {
  snapshots_[{&resource, version}] = std::move(objects);
  if (snapshots_.size() > kMaxSnapshots) snapshots_.erase(snapshots_.begin());
}

std::optional<std::vector<Object>> Store::Snapshot(const Resource& resource,
                                                   int64_t version) const {
  const auto found = snapshots_.find({&resource, version});
  if (found == snapshots_.end() || version <= compacted_) return std::nullopt;
  return found->second;
}

}  // namespace heald::fakes::kubernetes
