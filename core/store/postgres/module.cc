// The module's only door: see core/store/module.h.
#include "core/store/module.h"
#include "core/store/postgres/database.h"
#include "core/store/sql_store.h"

namespace heald::postgres {
namespace {

Status OpenFor(StoreModuleCall* call) {
  Result<Target> target = ParseTarget(*call->url);
  if (!target) return target.error();
  const bool writes = call->writer != nullptr;
  Result<std::unique_ptr<Database>> db = Database::Open(
      std::move(*target), writes ? Database::Role::kWriter : Database::Role::kReader);
  if (!db) return db.error();
  if (!writes) {
    call->reader = std::make_unique<WithQueries<StoreReader>>(std::move(*db));
    return {};
  }
  Result<std::unique_ptr<Store>> store = SqlStore::Open(std::move(*db), *call->writer);
  if (!store) return store.error();
  call->store = std::move(*store);
  return {};
}

}  // namespace
}  // namespace heald::postgres

extern "C" __attribute__((visibility("default"))) int heald_store_open(
    heald::StoreModuleCall* call) {
  if (call->layout != heald::StoreLayout()) return 1;
  const heald::Status status = heald::postgres::OpenFor(call);
  if (status) return 0;
  call->error = status.error();
  return 2;
}
