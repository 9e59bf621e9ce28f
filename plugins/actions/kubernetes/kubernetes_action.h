// The action `kubernetes`: restarts, rolls back and scales workloads, cordons and drains nodes,
// through the API server. Thread rule: as every heald::sdk::Action.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "heald/plugin.h"
#include "plugins/actions/kubernetes/config.h"
#include "plugins/support/kubernetes/client.h"
#include "plugins/support/kubernetes/event_writer.h"
#include "plugins/support/operations.h"
#include "plugins/support/pool.h"

namespace heald::kubernetes {

// What one thread at a time talks to the cluster with.
struct Session {
  Session(sdk::Host host, Cluster cluster, std::function<bool()> cancelled)
      : client(std::move(cluster), std::move(cancelled)), events(std::string(host.Name())) {}

  Client client;
  EventWriter events;
};

// Decisions that Execute is busy with in this process: what looks half done isn't cut off.
class UnderWay {
 public:
  class Mark {
   public:
    Mark(UnderWay& all, std::string_view decision);
    ~Mark();
    Mark(const Mark&) = delete;
    Mark& operator=(const Mark&) = delete;

   private:
    UnderWay& all_;
    const std::string decision_;
  };
  bool Has(std::string_view decision);

 private:
  std::mutex mutex_;
  std::set<std::string, std::less<>> decisions_;  // guarded by mutex_
};

// Before the deadline of a call, so that its answer still counts.
inline constexpr int64_t kDeadlineMarginNs = 2'000'000'000;

// What operations work with.
struct Context {
  Session& session;
  const Config& params;
  const sdk::Request& request;
  UnderWay& under_way;
  sdk::Host host;

  Client& client() const { return session.client; }
  // No request that is sent from now on outlasts the call.
  void LimitRequests() const;
  // For work that waits: is there time for another pause of this length? Limits what follows it.
  bool HasTimeFor(int64_t pause_ns) const;
  // Of a call that has been cancelled.
  std::string_view WhyCutOff() const;
};

using support::Operations;

// What every operation has. Its plans say which one they are of, in the word of the config.
class OperationBase : public Operations {
 public:
  explicit OperationBase(const Context& context) : context_(context) {}

 protected:
  std::string_view word() const {
    return kOperationWords[static_cast<size_t>(context_.params.operation)];
  }
  Json Before(const sdk::Plan& plan) const {
    return support::ReadBefore(plan, word(), "operation");
  }

  const Context context_;
};

std::unique_ptr<Operations> MakeRestartPod(const Context& context);
std::unique_ptr<Operations> MakeRollingRestart(const Context& context);
std::unique_ptr<Operations> MakeRollback(const Context& context);
std::unique_ptr<Operations> MakeScaleOut(const Context& context);
std::unique_ptr<Operations> MakeCordon(const Context& context);
std::unique_ptr<Operations> MakeUncordon(const Context& context);
std::unique_ptr<Operations> MakeDrain(const Context& context);
std::unique_ptr<Operations> MakeDeleteJob(const Context& context);
std::unique_ptr<Operations> MakePatch(const Context& context);

// Tells people who look at the object in the cluster. reason: CamelCase.
void Tell(const Context& context, const Json& object, const std::string& reason,
          const std::string& message, bool warning = false);

class KubernetesAction : public sdk::Action<KubernetesAction> {
 public:
  using Config = kubernetes::Config;
  static constexpr sdk::Info kInfo{
      .name = "kubernetes",
      .doc =
          "Restarts, rolls back and scales workloads, cordons and drains nodes of a Kubernetes "
          "cluster",
      .flags = HEALD_BLOCKING | HEALD_REENTRANT};
  static void Validate(const Config& config, sdk::Problems& problems);
  static sdk::Abilities AbilitiesOf(const Config& config);

  KubernetesAction(sdk::Host host, const Config& config);

  // Fails where there is no cluster to be found.
  void Start();
  sdk::Plan MakePlan(const sdk::Request& request, const Config& params);
  sdk::Effect DryRun(const sdk::Request& request, const sdk::Plan& plan, const Config& params);
  sdk::Effect Execute(const sdk::Request& request, const sdk::Plan& plan, const Config& params);
  sdk::Effect Observe(const sdk::Request& request, const sdk::Plan& plan, const Config& params);
  sdk::Effect Undo(const sdk::Request& request, const sdk::Plan& plan, const Config& params);

 private:
  template <typename F>
  auto With(const sdk::Request& request, const Config& params, F step);

  const sdk::Host host_;
  const ClusterConfig cluster_;
  UnderWay under_way_;
  support::Pool<Session> sessions_;
};

}  // namespace heald::kubernetes
