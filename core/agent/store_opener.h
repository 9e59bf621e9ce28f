// The journal's store with all that the agent needs of it, and trying to open it until it can be.
// Used by the agent. Thread rule: one thread owns it; the callbacks come on a thread of its own,
// and none after the destructor began.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "core/base/units.h"
#include "core/store/held.h"
#include "core/store/open.h"

namespace heald::agent {

struct OpenStores {
  std::unique_ptr<Store> store;
  std::unique_ptr<HeldChanges> held;
  std::unique_ptr<StoreReader> reader;
  std::unique_ptr<StoreReader> report_reader;
};

Result<OpenStores> OpenStoresAt(const StoreLocation& location);
// It can't be reached, as against: it says no, or it is no store.
inline bool MayComeBack(const Error& error) {
  return error.code == Code::kUnavailable && error.retryable;
}

class StoreOpener {
 public:
  static constexpr int64_t kEveryNs = 5 * kSecond;

  using Opened = std::function<void(OpenStores)>;
  using Failed = std::function<void(const Error&)>;  // and tries again
  StoreOpener(StoreLocation location, Opened opened, Failed failed);
  StoreOpener(const StoreOpener&) = delete;
  StoreOpener& operator=(const StoreOpener&) = delete;
  ~StoreOpener();

 private:
  struct State;
  std::shared_ptr<State> state_;  // outlives this while a server keeps the thread waiting
};

}  // namespace heald::agent
