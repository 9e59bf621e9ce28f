// The state that the API and the controllers of the test cluster share: the store, the clock, and
// how its kubelets behave. Used by the Kubernetes server's parts only; tests use KubernetesServer.
// Thread rule: `mutex` is held for everything but what is marked.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <random>
#include <string>

#include "tests/fakes/kubernetes/store.h"

namespace heald::fakes::kubernetes {

// What becomes of a pod once it is on a node.
enum class PodFate {
  kReady,
  kUnready,    // runs, never Ready
  kCrashLoop,  // CrashLoopBackOff, restarts counted up
  kImagePull,  // ImagePullBackOff
  kOom,        // as kCrashLoop, killed for its memory
  kSucceeds,   // ends with phase Succeeded
  kFails,      // ends with phase Failed
};

// Times of the cluster's clock.
struct Kubelets {
  std::chrono::milliseconds ready_delay{0};        // from bound to Ready
  std::chrono::milliseconds termination_delay{0};  // from deleted to gone; at most the grace
  std::map<std::string, PodFate> fate_of_image;    // before the tag: see FateOf
  std::map<std::string, PodFate> fate_of_pod;      // by name; before the image
  bool stopped = false;                            // pods neither start nor go
};

class Cluster {
 public:
  // manual: the clock stands until Advance; otherwise it runs, `speed` times as fast as the real.
  Cluster(bool manual, double speed);

  int64_t NowMs() const;
  std::string Now() const { return Time(NowMs()); }
  static std::string Time(int64_t ms);  // "2026-11-21T19:32:03Z"
  static int64_t ParseMs(const std::string& time);
  double speed() const { return speed_; }
  void Advance(std::chrono::milliseconds by) { offset_ms_ += by.count(); }

  std::string NewUid();
  std::string NewSuffix();  // the five letters of a generated name
  static std::string HashOf(const Json& value);

  Object Put(const std::string& kind, Json object) {
    return store.Put(*ResourceOfKind(kind), std::move(object));
  }
  std::vector<Object> List(const std::string& kind, const std::string& space = {}) const {
    return store.List(*ResourceOfKind(kind), space);
  }

  std::mutex mutex;
  std::condition_variable changed;
  Store store;
  Kubelets kubelets;
  // Raised to end the watches that run: with a 410, or with the connection.
  int expire_watches = 0;
  int cut_watches = 0;
  std::chrono::milliseconds bookmark_every{1000};  // of the real clock

 private:
  const bool manual_;
  const double speed_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  const int64_t epoch_ms_;
  int64_t offset_ms_ = 0;
  std::mt19937_64 random_{20261121};
};

}  // namespace heald::fakes::kubernetes
