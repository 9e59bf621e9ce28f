// What Argo CD says about an application, and what follows from it: which deployment to go back to,
// what an operation came to. Used by the argocd action. Thread rule: pure functions, plain values.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "heald/plugin.h"

namespace heald::argocd {

using Json = nlohmann::json;

// Which application: all that its requests need.
struct AppRef {
  std::string name;
  std::string app_namespace;  // empty: Argo CD's own
  std::string project;        // empty: not known
  // "<project>/<name>" as Argo CD's RBAC policies name it.
  std::string PolicyObject() const;
};

// What is deployed: revisions and sources, as history and operations hold them.
struct Deployment {
  int64_t id = -1;  // -1: not from the history
  Json what = Json::object();
  bool Same(const Deployment& other) const;
  // "1a2b3c4", "1a2b3c4 + 9f8e7d6" of several sources.
  std::string Revision() const;
  // "1a2b3c4 (history 6)"
  std::string Shown() const;
};

// The latest operation, running or ended.
struct LatestOperation {
  bool running = false;
  bool dry_run = false;
  std::string phase;  // empty: not taken up yet
  std::string message;
  std::string started_at;
  std::string finished_at;
  std::string initiator;
  std::string decision;  // of heald's, which a sync carries along
  Deployment target;
  // "sync to 1a2b3c4 by alice"
  std::string Shown() const;
};

struct Application {
  std::string name;
  std::string uid;
  std::string project;
  bool deleting = false;
  bool refreshing = false;  // a refresh was asked for and isn't done yet
  bool several_sources = false;
  bool auto_sync = false;
  Json automated;                   // spec.syncPolicy.automated
  std::string tracked;              // the revision that it follows: "HEAD", "main"
  std::string owner;                // the ApplicationSet that keeps its spec, if one does
  std::vector<Deployment> history;  // oldest first
  std::optional<LatestOperation> operation;
  std::string health;
  std::string health_message;
  std::string sync;           // "Synced", "OutOfSync"
  std::string sync_revision;  // what Git has now
  std::string reconciled_at;
  std::string trouble;  // conditions that are errors

  // What is deployed, in words.
  std::string Running() const { return history.empty() ? "nothing" : history.back().Shown(); }
  int64_t latest_id() const { return history.empty() ? -1 : history.back().id; }
  bool Busy() const { return operation && operation->running; }
};

// Throws Failure(HEALD_UNAVAILABLE) for what is no application.
Application ReadApplication(const Json& json);

// The entry to roll back to: `id`, or what ran before the present one first ran; so that a rollback
// of a rollback goes further back, not forth. Throws Failure when there is none, or more than
// max_back deployed revisions away.
const Deployment& PickRollback(const Application& app, std::optional<int64_t> id, int64_t max_back);

// What was left by a deployment that brought an earlier one back; null: the latest is no such.
const Deployment* RolledBackFrom(const Application& app);

// After an operation that succeeded: is the application well?
sdk::Effect JudgeHealth(const Application& app);

// "Failed: one or more objects failed to apply: …"
std::string WhyFailed(const LatestOperation& operation);

}  // namespace heald::argocd
