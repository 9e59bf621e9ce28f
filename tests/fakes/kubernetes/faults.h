// How the test cluster's API misbehaves: faults for the next requests that match. Used by
// KubernetesServer.
// Thread rule: KubernetesFault is a value; Faults is callable from any thread.
#pragma once

#include <chrono>
#include <list>
#include <mutex>
#include <optional>
#include <string>

#include "tests/fakes/http_server.h"

namespace heald::fakes {

// A fault for the next requests whose "VERB /path?query" contains `match`.
struct KubernetesFault {
  std::string match = {};
  int times = 1;
  int status = 0;         // an answer of this code with a Status body: 401, 403, 409, 429, 500, 503
  int retry_after_s = 0;  // with a 429 or 503
  std::chrono::milliseconds delay{0};  // before the answer
  size_t chunk_bytes = 0;              // the answer in pieces of this size…
  std::chrono::milliseconds pause{0};  // …with this long between two
  int64_t cut_after_bytes = -1;        // the connection breaks after this much of the answer
  bool lose_answer = false;            // the request is carried out, its answer is not sent
  bool reset = false;                  // a TCP reset, the request not carried out
};

namespace kubernetes {

// "GET /api/v1/pods?watch=1": what a fault's `match` is looked for in.
std::string LineOf(const FakeRequest& request);

class Faults {
 public:
  void Add(KubernetesFault fault);
  void Clear();
  // The fault of this request, counted.
  std::optional<KubernetesFault> Take(const FakeRequest& request);

 private:
  std::mutex mutex_;
  std::list<KubernetesFault> faults_;
};

// The answer instead of the API's, where the fault has one.
std::optional<FakeReply> Instead(const KubernetesFault& fault);
// What the fault does to an answer.
void Spoil(const KubernetesFault& fault, FakeReply& reply);

}  // namespace kubernetes
}  // namespace heald::fakes
