#include "core/agent/store_opener.h"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

namespace heald::agent {

Result<OpenStores> OpenStoresAt(const StoreLocation& location) {
  OpenStores all;
  Result<std::unique_ptr<Store>> store = OpenStore(location);
  if (!store) return store.error();
  all.store = std::move(*store);
  Result<std::unique_ptr<HeldChanges>> held = HeldChanges::Open(location.state_dir, *all.store);
  if (!held) return held.error();
  all.held = std::move(*held);
  for (std::unique_ptr<StoreReader>* reader : {&all.reader, &all.report_reader}) {
    Result<std::unique_ptr<StoreReader>> opened = OpenStoreReader(location);
    if (!opened) return opened.error();
    *reader = std::move(*opened);
  }
  return all;
}

struct StoreOpener::State {
  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;  // guarded by mutex
};

StoreOpener::StoreOpener(StoreLocation location, Opened opened, Failed failed)
    : state_(std::make_shared<State>()) {
  std::thread([state = state_, location = std::move(location), opened = std::move(opened),
               failed = std::move(failed)] {
    std::unique_lock lock(state->mutex);
    const auto pause = std::chrono::nanoseconds(kEveryNs);
    while (!state->changed.wait_for(lock, pause, [&] { return state->stopping; })) {
      lock.unlock();
      Result<OpenStores> stores = OpenStoresAt(location);
      lock.lock();
      if (state->stopping) return;
      if (stores) return opened(std::move(*stores));
      failed(stores.error());
    }
  }).detach();
}

StoreOpener::~StoreOpener() {
  const std::lock_guard lock(state_->mutex);
  state_->stopping = true;
  state_->changed.notify_all();
}

}  // namespace heald::agent
