#include "demo/services/record_store.h"

#include <utility>

#include "demo/services/tracer.h"

namespace heald::demo {
namespace {

// As of a database, which it stands for.
class StoreSpan {
 public:
  StoreSpan(const std::string& operation, const std::string& name)
      : scope_(tracing::SpanKind::kClient, operation + " " + name) {
    scope_.Set("db.system.name", "memory");
    scope_.Set("db.operation.name", operation);
    scope_.Set("db.collection.name", name);
  }

 private:
  SpanScope scope_;
};

}  // namespace

std::string RecordStore::NextId() {
  std::lock_guard lock(mutex_);
  return id_prefix_ + std::to_string(++last_id_);
}

void RecordStore::Put(nlohmann::json record) {
  const StoreSpan span("insert", name_);
  std::lock_guard lock(mutex_);
  const auto id = record.at("id").get<std::string>();
  records_[id] = std::move(record);
  order_.push_back(id);
  if (order_.size() <= kMaxRecords) return;
  records_.erase(order_.front());
  order_.pop_front();
}

std::optional<nlohmann::json> RecordStore::Find(const std::string& id) const {
  const StoreSpan span("find", name_);
  std::lock_guard lock(mutex_);
  const auto it = records_.find(id);
  if (it == records_.end()) return std::nullopt;
  return it->second;
}

nlohmann::json RecordStore::Newest(size_t count) const {
  const StoreSpan span("list", name_);
  std::lock_guard lock(mutex_);
  nlohmann::json list = nlohmann::json::array();
  for (auto id = order_.rbegin(); id != order_.rend() && list.size() < count; ++id)
    list.push_back(records_.at(*id));
  return list;
}

}  // namespace heald::demo
