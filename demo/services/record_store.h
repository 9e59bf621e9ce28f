// What a service remembers: JSON records with an id, the newest kMaxRecords of them, in memory
// only. Used by users, payments and orders. Thread rule: all functions from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace heald::demo {

class RecordStore {
 public:
  static constexpr size_t kMaxRecords = 10'000;

  // `name` is what its records are, in spans: "users".
  RecordStore(std::string name, std::string id_prefix)
      : name_(std::move(name)), id_prefix_(std::move(id_prefix)) {}

  std::string NextId();
  // `record` carries its id, from NextId().
  void Put(nlohmann::json record);
  std::optional<nlohmann::json> Find(const std::string& id) const;
  nlohmann::json Newest(size_t count) const;

 private:
  const std::string name_;
  const std::string id_prefix_;
  mutable std::mutex mutex_;
  uint64_t last_id_ = 0;                           // guarded by mutex_
  std::map<std::string, nlohmann::json> records_;  // guarded by mutex_
  std::deque<std::string> order_;                  // guarded by mutex_; oldest first
};

}  // namespace heald::demo
