// One rollback: from which deployment to which, and how far Argo CD has come with it. Only what
// Argo CD shows counts, so it is the same before and after a crash. Used by the argocd action.
// Thread rule: pure functions, plain values.
#pragma once

#include <string>

#include "plugins/actions/argocd/application.h"

namespace heald::argocd {

struct Move {
  Deployment from;
  Deployment to;
  int64_t latest_id = -1;  // of the history, when it was planned
  std::string op_started;  // when the latest operation of then had started
};

Json ToJson(const Move& move);
// Throws Json::exception.
Move ReadMove(const Json& json);

enum class Stage {
  kAbsent,    // nothing of it is to be seen
  kRunning,   // Argo CD is at it
  kDeployed,  // it is what runs
  kFailed,    // Argo CD tried
  kReplaced,  // it ran, and something else was deployed over it
  kBack,      // the former deployment runs again
  kLeaving,   // Argo CD is bringing that back
};

Stage StageOf(const Application& app, const Move& move);

}  // namespace heald::argocd
