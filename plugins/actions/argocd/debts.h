// Auto-sync that was switched off for a rollback and has to be switched on again: one small file
// per application, written before the switch is touched. Used by the argocd action. Thread rule:
// any thread; of one application whoever holds its Claim.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "plugins/actions/argocd/move.h"

namespace heald::argocd {

struct Debt {
  AppRef app;
  std::string decision;
  Json automated;  // spec.syncPolicy.automated as it was
  int64_t since_ns = 0;
  Move move;
  std::string git_revision;  // what Git had then
  bool rolled_back = false;  // the rollback was seen at Argo CD
  bool give_back = false;    // to be switched on again as soon as that can be done
  // "auto-sync of checkout is off since 2026-11-22 12:01:00 UTC: `argocd app set …` …"
  std::string Reminder() const;
};

class DebtBook {
 public:
  explicit DebtBook(std::string folder) : folder_(std::move(folder)) {}

  // Nobody else touches the application's auto-sync while it is held. Waits for its turn.
  using Claim = std::shared_ptr<void>;
  Claim Take(const AppRef& app);

  // Throws Failure(HEALD_CORRUPT) for a file that can't be read.
  std::optional<Debt> Find(const AppRef& app) const;
  // ... of whichever node of the pipeline: each has a folder of its own beside the others.
  std::optional<Debt> FindOfAnyNode(const AppRef& app) const;
  // Throws Failure(HEALD_UNAVAILABLE) when it can't be written; then nothing may be switched.
  void Write(const Debt& debt) const;
  void Drop(const AppRef& app) const;
  // What can't be read is told in *problems.
  std::vector<Debt> All(std::vector<std::string>* problems) const;

 private:
  static std::string KeyOf(const AppRef& app);
  std::string Path(const AppRef& app) const;

  const std::string folder_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::set<std::string> claimed_;  // guarded by mutex_
};

}  // namespace heald::argocd
