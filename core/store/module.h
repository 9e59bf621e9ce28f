// Stores that are libraries of their own, so that the agent needs their client libraries only where
// one is configured: <prefix>/lib/heald/stores/heald_store_<name>.so, made by the same build as the
// agent. Used by open.cc (asks) and postgres/module.cc (answers).
// Thread rule: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/store/store.h"

namespace heald {

// One call of the module's only function. `layout` comes first and is compared before anything else
// is looked at: a module of another build would read the rest wrongly.
struct StoreModuleCall {
  uint64_t layout = 0;
  const std::string* url = nullptr;
  const std::string* writer = nullptr;  // null: a reader is wanted
  std::unique_ptr<Store> store;
  std::unique_ptr<StoreReader> reader;
  Error error;
};

// 0: done; 1: another build; 2: `error` says why not.
using StoreModuleFunction = int (*)(StoreModuleCall*);
inline constexpr char kStoreModuleFunction[] = "heald_store_open";

// A digest of all headers that describe what is passed: any change of them makes another build.
uint64_t StoreLayout();

// Loads the module where it isn't loaded yet, and stays loaded. kNotFound: it isn't installed.
Status CallStoreModule(const std::string& name, StoreModuleCall* call);

}  // namespace heald
