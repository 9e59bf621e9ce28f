// From `agent.store` to an open store. Used by the composition root and the CLI.
// Thread rule: pure functions.
#pragma once

#include <memory>
#include <string>

#include "core/store/store.h"

namespace heald {

struct StoreLocation {
  std::string url = "sqlite:heald.db";  // a relative path is inside state_dir
  std::string state_dir;
  bool full_sync = false;  // keep every promise through a power loss too, at an fsync per commit
};

// For the agent: made where it is missing, migrated where it is older, locked against a second one.
Result<std::unique_ptr<Store>> OpenStore(const StoreLocation& location);
// For everyone else: read only, without a lock; works while an agent writes, and when none does.
Result<std::unique_ptr<StoreReader>> OpenStoreReader(const StoreLocation& location);

}  // namespace heald
