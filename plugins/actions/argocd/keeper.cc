#include "plugins/actions/argocd/keeper.h"

#include <atomic>
#include <chrono>
#include <utility>
#include <vector>

namespace heald::argocd {
namespace {

using sdk::Failure;
using sdk::Level;

constexpr auto kLookEvery = std::chrono::seconds(15);
// Longer than a call of an agent that was killed can be under way.
constexpr int64_t kInFlightNs = sdk::Seconds(60).ns;

}  // namespace

void SwitchOn(Client& client, DebtBook& debts, const Debt& debt) {
  if (!client.Get(debt.app).auto_sync) client.SetAutomated(debt.app, debt.automated);
  debts.Drop(debt.app);
}

Keeper::Keeper(sdk::Host host, const Config& config, DebtBook& debts, MakeClient make_client)
    : host_(host),
      config_(config),
      debts_(debts),
      make_client_(std::move(make_client)),
      open_(host.Gauge("auto_sync_debts",
                       "Applications whose auto-sync is off for a rollback of heald's")) {}

void Keeper::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Keeper::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Keeper::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    LookOnce();
    lock.lock();
    wake_.wait_for(lock, kLookEvery, [this] { return stopping_; });
  }
}

void Keeper::LookOnce() {
  for (const Debt& debt : debts_.TakeOver()) {
    reminded_ns_[debt.app.name] = host_.NowNs();
    host_.Log(Level::kWarning, debt.Reminder() + "; this one looks after it now");
  }
  std::vector<std::string> problems;
  const std::vector<Debt> debts = debts_.All(&problems);
  for (const std::string& problem : problems)
    if (trouble_.emplace(problem, "").second) host_.Log(Level::kError, problem);
  const auto open = static_cast<double>(debts.size() + problems.size());
  if (open != std::exchange(told_open_, open)) open_.Record(open);
  if (debts.empty()) return;
  const std::unique_ptr<Client> client = make_client_([this] {
    const std::lock_guard lock(mutex_);
    return stopping_;
  });
  for (const Debt& debt : debts) {
    // The agent tells of what is at another Argo CD: nobody looks after it.
    if (!debts_.Ours(debt)) continue;
    std::string& trouble = trouble_[debt.app.name];
    try {
      LookAt(*client, debt.app);
      trouble.clear();
    } catch (const Failure& failure) {
      if (failure.code() == HEALD_CANCELLED) return;
      if (trouble != failure.what())
        host_.Log(Level::kWarning, "can't look after auto-sync of " + debt.app.name + ": " +
                                       failure.what() + "; " + debt.Reminder());
      trouble = failure.what();
    }
  }
}

void Keeper::Settle(const Debt& debt, const std::string& why) {
  debts_.Drop(debt.app);
  reminded_ns_.erase(debt.app.name);
  host_.Log(Level::kInfo, "auto-sync of " + debt.app.name + ": " + why);
}

std::string Keeper::WhyDue(const Debt& debt, const Application& app) const {
  const int64_t age_ns = host_.NowNs() - debt.since_ns;
  if (debt.give_back) return "the rollback is undone, or wasn't done";
  if (!debt.rolled_back) return age_ns > kInFlightNs ? "its rollback was never done" : "";
  // Others keep to what was promised.
  const bool own_way =
      config_.operation == Operation::kRollback && debts_.ConcernOf(debt) >= Concern::kNamed;
  switch (own_way ? config_.reenable_auto_sync : debt.reenable) {
    case Reenable::kNewRevision:
      return !app.sync_revision.empty() && app.sync_revision != debt.git_revision
                 ? "Git has a new revision, " + app.sync_revision
                 : "";
    case Reenable::kAfter:
      return age_ns >= (own_way ? config_.reenable_after.ns : debt.reenable_after_ns)
                 ? "reenable_after is over"
                 : "";
    case Reenable::kByHand:
      break;
  }
  return "";
}

void Keeper::LookAt(Client& client, const AppRef& ref) {
  const DebtBook::Claim claim = debts_.Take(ref);
  std::optional<Debt> debt = debts_.Find(ref);
  if (!debt) return;
  Application app;
  try {
    app = client.Get(ref);
  } catch (const Failure& failure) {
    if (failure.code() != HEALD_NOT_FOUND) throw;
    return Settle(*debt, "the application is gone");
  }
  const bool in_flight = !debt->rolled_back && host_.NowNs() - debt->since_ns <= kInFlightNs;
  if (app.auto_sync && in_flight) return;
  if (app.auto_sync) return Settle(*debt, "somebody has switched it on again");
  if (!debt->rolled_back && StageOf(app, debt->move) != Stage::kAbsent) {
    debt->rolled_back = true;
    debts_.Write(*debt);
  }
  if (const std::string why = WhyDue(*debt, app); !why.empty()) {
    SwitchOn(client, debts_, *debt);
    return Settle(*debt, "switched on again: " + why);
  }
  Remind(*debt);
}

void Keeper::Remind(const Debt& debt) {
  const int64_t now_ns = host_.NowNs();
  // The first time it stands in the outcome.
  const auto [at, first] = reminded_ns_.try_emplace(debt.app.name, debt.since_ns);
  if (now_ns - at->second < config_.remind_every.ns) return;
  at->second = now_ns;
  host_.Log(Level::kWarning, debt.Reminder());
}

}  // namespace heald::argocd
