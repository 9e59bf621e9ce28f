// The action `argocd`: rolls applications back, syncs and refreshes them, and ends operations that
// are stuck. Thread rule: as every heald::sdk::Action; the keeper has a thread of its own.
#pragma once

#include <memory>

#include "heald/plugin.h"
#include "plugins/actions/argocd/client.h"
#include "plugins/actions/argocd/config.h"
#include "plugins/actions/argocd/debts.h"
#include "plugins/actions/argocd/keeper.h"
#include "plugins/support/operations.h"
#include "plugins/support/pool.h"

namespace heald::argocd {

// Between two looks at an operation that is awaited.
inline constexpr int64_t kPollNs = 250'000'000;

// What one call works with.
struct Context {
  Client& client;
  DebtBook& debts;
  const Config& params;
  const sdk::Request& request;
  sdk::Host host;
  AppRef app;

  // How long this call may still take; some is left for the answer to get home.
  int64_t LeftNs() const;
};

using support::Operations;
using support::ReadBefore;

std::unique_ptr<Operations> MakeRollback(const Context& context);
std::unique_ptr<Operations> MakeSync(const Context& context);
std::unique_ptr<Operations> MakeRefresh(const Context& context);
std::unique_ptr<Operations> MakeTerminate(const Context& context);

// The application that params and the target's labels name.
AppRef AppOf(const Config& params, const sdk::LabelSet& target);
// Throws Failure(HEALD_CONFLICT) when it is another one by now, or about to go.
Application ReadPlanned(const Context& context, const sdk::Plan& plan);
// Throws Failure(HEALD_CONFLICT) while an operation runs.
void RefuseBusy(const Application& app);
// Waits for the dry run that was just asked for.
sdk::Effect AwaitDryRun(const Context& context, const sdk::Plan& plan);

class ArgocdAction : public sdk::Action<ArgocdAction> {
 public:
  using Config = argocd::Config;
  static constexpr sdk::Info kInfo{
      .name = "argocd",
      .doc = "Rolls back, syncs and refreshes applications through Argo CD's API",
      .flags = HEALD_BLOCKING | HEALD_REENTRANT};
  static void Validate(const Config& config, sdk::Problems& problems);
  static sdk::Abilities AbilitiesOf(const Config& config) {
    return {.undo = config.operation == Operation::kRollback};
  }

  ArgocdAction(sdk::Host host, const Config& config);

  void Start();
  void Stop(bool leaving);
  sdk::Plan MakePlan(const sdk::Request& request, const Config& params);
  sdk::Effect DryRun(const sdk::Request& request, const sdk::Plan& plan, const Config& params);
  sdk::Effect Execute(const sdk::Request& request, const sdk::Plan& plan, const Config& params);
  sdk::Effect Observe(const sdk::Request& request, const sdk::Plan& plan, const Config& params);
  sdk::Effect Undo(const sdk::Request& request, const sdk::Plan& plan, const Config& params);
  // For tests: what the keeper does now and then.
  void LookAfterDebts() { keeper_.LookOnce(); }

 private:
  template <typename Step>
  auto With(const sdk::Request& request, const Config& params, bool patient, Step step);

  sdk::Host host_;
  Config config_;
  support::Pool<Client> clients_;
  DebtBook debts_;
  Keeper keeper_;
};

}  // namespace heald::argocd
