#include "demo/services/record_store.h"

#include <utility>

namespace heald::demo {

std::string RecordStore::NextId() {
  std::lock_guard lock(mutex_);
  return id_prefix_ + std::to_string(++last_id_);
}

void RecordStore::Put(nlohmann::json record) {
  std::lock_guard lock(mutex_);
  const auto id = record.at("id").get<std::string>();
  records_[id] = std::move(record);
  order_.push_back(id);
  if (order_.size() <= kMaxRecords) return;
  records_.erase(order_.front());
  order_.pop_front();
}

std::optional<nlohmann::json> RecordStore::Find(const std::string& id) const {
  std::lock_guard lock(mutex_);
  const auto it = records_.find(id);
  if (it == records_.end()) return std::nullopt;
  return it->second;
}

nlohmann::json RecordStore::Newest(size_t count) const {
  std::lock_guard lock(mutex_);
  nlohmann::json list = nlohmann::json::array();
  for (auto id = order_.rbegin(); id != order_.rend() && list.size() < count; ++id)
    list.push_back(records_.at(*id));
  return list;
}

}  // namespace heald::demo
