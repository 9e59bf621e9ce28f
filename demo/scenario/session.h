// heald with the three services and steady traffic, from the start to an orderly end. Used by the
// interactive demo and by each scenario.
// Thread rule: one thread, the main one (see child.h).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "core/base/result.h"
#include "demo/scenario/agent_api.h"
#include "demo/scenario/child.h"
#include "demo/scenario/places.h"
#include "demo/scenario/traffic.h"

namespace heald::demo {

class Session {
 public:
  explicit Session(Places places) : places_(std::move(places)), api_(places_.dashboard()) {}
  ~Session() { Leave(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Starts heald and waits for its API and the services; then starts the traffic. `kCancelled`: the
  // user wanted an end.
  Status Start();
  // Until the detectors know what is normal; `meanwhile` is called again and again.
  Status Learn(const std::function<void()>& meanwhile = [] {});
  // No incident is open: after an adoption one may be.
  bool Calm();
  // Ok while heald runs; else how it ended, with the end of its log.
  Status Alive();
  // payments' disk is a file system; else it is a folder with a limit.
  bool HasOwnDisk() const;
  // Ends the traffic and heald, which ends its services. Services of a heald that was killed stay
  // for the next one.
  void Leave();
  // Ends those, too: nothing is left.
  void Stop();

  const Places& places() const { return places_; }
  AgentApi& api() { return api_; }
  LoadReport Load() const { return traffic_ ? traffic_->Report() : LoadReport(); }
  Target target(const std::string& service) const;

 private:
  // Asks `ready` several times a second.
  template <typename Ready>
  Status WaitFor(Ready ready, int64_t limit_ns, const std::string& what);

  const Places places_;
  AgentApi api_;
  std::optional<Child> heald_;
  std::optional<Traffic> traffic_;
};

}  // namespace heald::demo
