// Looks after auto-sync that is off: reminds, switches it on again when that is due, and learns
// when a person did. Used by the argocd action. Thread rule: a thread of its own between Start and
// Stop.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "plugins/actions/argocd/client.h"
#include "plugins/actions/argocd/config.h"
#include "plugins/actions/argocd/debts.h"

namespace heald::argocd {

// Switches auto-sync on as it was, unless it is on; the debt is settled then. Throws Failure when
// that can't be done now. Whoever calls holds the application's Claim.
void SwitchOn(Client& client, DebtBook& debts, const Debt& debt);

class Keeper {
 public:
  using MakeClient = std::function<std::unique_ptr<Client>(std::function<bool()> cancelled)>;
  Keeper(sdk::Host host, const Config& config, DebtBook& debts, MakeClient make_client);
  ~Keeper() { Stop(); }
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  void Start();
  void Stop();
  // Every debt once.
  void LookOnce();

 private:
  void Run();
  void LookAt(Client& client, const AppRef& app);
  void Settle(const Debt& debt, const std::string& why);
  // Why auto-sync is to be switched on again; empty: it isn't, yet.
  std::string WhyDue(const Debt& debt, const Application& app) const;
  void Remind(const Debt& debt);

  sdk::Host host_;
  const Config config_;
  DebtBook& debts_;
  const MakeClient make_client_;
  sdk::Metric open_;
  double told_open_ = -1;
  std::map<std::string, int64_t> reminded_ns_;  // by name
  std::map<std::string, std::string> trouble_;  // what was last told of it

  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
};

}  // namespace heald::argocd
