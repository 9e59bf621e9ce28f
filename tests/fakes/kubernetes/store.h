// What the test cluster remembers: every object at its version, and the changes watches follow.
// One version counter over all kinds, as in etcd. Used by the server and the controllers.
// Thread rule: none of its own; its owner's lock is held for every call.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/fakes/kubernetes/resources.h"

namespace heald::fakes::kubernetes {

using Object = std::shared_ptr<const Json>;

struct Change {
  int64_t version = 0;
  std::string type;  // ADDED, MODIFIED, DELETED
  Object object;
  Object before;  // what it was, for selectors that it entered or left
};

class Store {
 public:
  // nullptr: there is none.
  Object Find(const Resource& resource, const std::string& space, const std::string& name) const;
  // In the order of etcd: by namespace, then by name. No namespace: all of them.
  std::vector<Object> List(const Resource& resource, const std::string& space = {}) const;
  // Adds or replaces, with the next version; what changes nothing is not written.
  Object Put(const Resource& resource, Json object);
  void Remove(const Resource& resource, const Json& object);

  int64_t version() const { return version_; }
  const std::deque<Change>& ChangesOf(const Resource& resource) const;
  // Forgets the changes so far: watches and lists from before them are gone (410).
  void Compact() { compacted_ = version_; }
  int64_t compacted() const { return compacted_; }

  // A list that is read in pages is read as it was at its first page.
  void KeepSnapshot(const Resource& resource, int64_t version, std::vector<Object> objects);
  std::optional<std::vector<Object>> Snapshot(const Resource& resource, int64_t version) const;

 private:
  using Key = std::pair<std::string, std::string>;  // namespace and "/", name
  void Log(const Resource& resource, Change change);

  int64_t version_ = 200;
  int64_t compacted_ = 0;
  std::map<const Resource*, std::map<Key, Object>> objects_;
  std::map<const Resource*, std::deque<Change>> changes_;
  std::map<std::pair<const Resource*, int64_t>, std::vector<Object>> snapshots_;
};

}  // namespace heald::fakes::kubernetes
