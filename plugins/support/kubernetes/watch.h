// One resource of the API, followed: a list, then a watch from the list's resourceVersion on, on a
// thread of its own, for as long as it lives. Bookmarks keep the version fresh, an end of the
// stream resumes from the last one, 410 (as a status or as an ERROR event) lists anew, trouble is
// waited out with backoff and jitter. Objects are decoded one by one, from lists too, without
// managedFields, and handed over; nothing is kept here. Used by the kubernetes source.
//
//   Watch watch(cluster, {kPods, "prod"}, {}, {.object = [&](Change change, const Json& pod) {…}});
//   watch.Start();
//
// Thread rule: Start and Stop belong to one thread; the handlers run on the watch's own and don't
// throw; the rest is callable from any.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "plugins/support/kubernetes/client.h"

namespace heald::kubernetes {

enum class Change { kAdded, kModified, kDeleted };

struct WatchHandlers {
  // A complete list begins: what isn't told until `synced` is not there any more. May be empty.
  std::function<void()> listing = {};
  // One object, of a list too (then kAdded). It may be moved from.
  std::function<void(Change change, Json& object)> object = {};
  std::function<void()> synced = {};
};

struct WatchOptions {
  std::string label_selector = {};
  std::string field_selector = {};
  int64_t page_size = 500;
  // So long the server is asked to serve one stream; then it is resumed. Short enough to notice a
  // connection that nobody serves any more.
  int64_t window_ns = 120'000'000'000;
  int64_t first_pause_ns = 500'000'000;    // after trouble; then twice, …
  int64_t most_pause_ns = 30'000'000'000;  // unless the server asks for more
};

class Watch {
 public:
  // ref: without a name. metrics: may be null.
  Watch(Cluster cluster, Ref ref, WatchOptions options, WatchHandlers handlers,
        std::shared_ptr<support::HttpMetrics> metrics = nullptr);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  void Start();
  void Stop();

  // Since when nothing comes (steady clock), and why; 0: all is well.
  struct Trouble {
    int64_t since_ns = 0;
    int32_t code = 0;  // HEALD_DENIED, HEALD_UNAVAILABLE…
    std::string why = {};
  };
  Trouble trouble() const;
  // A list was complete once.
  bool synced() const { return synced_; }
  uint64_t lists_total() const { return lists_total_; }
  uint64_t events_total() const { return events_total_; }

 private:
  class Session;
  void Run();
  std::string ListAll();
  std::string UrlFrom(const std::string& version) const;
  void Probe();
  void Failed(int32_t code, const std::string& why);
  void Well();

  const Ref ref_;
  const WatchOptions options_;
  const WatchHandlers handlers_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> synced_ = false;
  std::atomic<uint64_t> lists_total_ = 0;
  std::atomic<uint64_t> events_total_ = 0;
  Client client_;
  mutable std::mutex mutex_;
  Trouble trouble_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace heald::kubernetes
