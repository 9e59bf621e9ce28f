// Auto-sync that was switched off for a rollback and has to be switched on again: one small file
// per application, written before the switch is touched. Its first line says it to people, also
// where no action is left that knows of it (core/ARCHITECTURE.md, "owed-"). The actions of a
// pipeline have a folder each, beside each other, and share their debts: each looks after those in
// its own, and takes over what one that is gone has left, and what concerns it more than the one
// that has it. Used by the argocd action. Thread rule: any thread; of one application whoever holds
// its Claim.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plugins/actions/argocd/config.h"
#include "plugins/actions/argocd/move.h"

namespace heald::argocd {

struct Debt {
  std::string url;  // of the Argo CD
  AppRef app;
  std::string node;  // that made it
  std::string decision;
  Json automated;  // spec.syncPolicy.automated as it was
  int64_t since_ns = 0;
  Move move;
  std::string git_revision;  // what Git had then
  bool rolled_back = false;  // the rollback was seen at Argo CD
  bool give_back = false;    // to be switched on again as soon as that can be done
  // When else, as it was promised.
  Reenable reenable = Reenable::kByHand;
  int64_t reenable_after_ns = 0;
  // "auto-sync of checkout is off since 2026-11-22 12:01:00 UTC: `argocd app set …` …"
  std::string Reminder() const;
};

// How much a debt concerns an action, by what it is configured for.
enum class Concern {
  kOther,  // it is for another application
  kAny,    // it names none, its targets do
  kNamed,  // it names the debt's application
  kOwn,    // it made the debt, and isn't for another application now
};

class DebtBook {
 public:
  // folder: the node's own.
  DebtBook(std::string folder, const Config& config);
  ~DebtBook();
  DebtBook(const DebtBook&) = delete;
  DebtBook& operator=(const DebtBook&) = delete;

  // Nobody else touches the application's auto-sync while it is held. Waits for its turn.
  using Claim = std::shared_ptr<void>;
  Claim Take(const AppRef& app) const;

  // Whichever node of the pipeline has it. Throws Failure(HEALD_CORRUPT) for a file that can't be
  // read.
  std::optional<Debt> Find(const AppRef& app) const;
  // Where it is, else in the own folder. Throws Failure(HEALD_UNAVAILABLE) when it can't be
  // written; then nothing may be switched.
  void Write(Debt debt) const;
  void Drop(const AppRef& app) const;
  // Those in the own folder. What can't be read is told in *problems.
  std::vector<Debt> All(std::vector<std::string>* problems) const;
  // Moves here what is of this Argo CD, and concerns this node more than the one that has it; what
  // nobody has goes to whom it concerns most. These are returned.
  std::vector<Debt> TakeOver() const;
  Concern ConcernOf(const Debt& debt) const;
  // Is it this Argo CD's? Else it was another one when the debt was made.
  bool Ours(const Debt& debt) const { return debt.url == url_; }

 private:
  std::string Node() const;
  bool AnotherKeeps(const std::string& folder, const Debt& debt) const;
  std::string Path(const AppRef& app) const;
  // Of the file there is, else of the one to be made.
  std::string Where(const AppRef& app) const;

  const std::string folder_;
  const std::string url_;
  const std::string application_;    // as configured, with placeholders
  const std::string app_namespace_;  // likewise
};

}  // namespace heald::argocd
