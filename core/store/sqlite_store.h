// The store in one SQLite file, in WAL mode: one writer, any number of readers beside it.
// Used by open.cc. Thread rule: as in store.h.
#pragma once

#include <memory>
#include <string>

#include "core/store/store.h"

namespace heald {

Result<std::unique_ptr<Store>> OpenSqliteStore(const std::string& path, bool full_sync,
                                               const std::string& writer);
Result<std::unique_ptr<StoreReader>> OpenSqliteReader(const std::string& path);

}  // namespace heald
