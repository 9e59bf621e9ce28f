#include "plugins/actions/argocd/application.h"

#include <algorithm>

namespace heald::argocd {
namespace {

using sdk::Effect;
using sdk::EffectState;
using sdk::Failure;

constexpr size_t kShortRevision = 7;
constexpr const char* kWhatKeys[] = {"revision", "revisions", "source", "sources"};
constexpr size_t kTroubleShown = 300;

const Json& At(const Json& object, const char* pointer) {
  static const Json none;
  const Json::json_pointer at(pointer);
  return object.contains(at) ? object.at(at) : none;
}

std::string Text(const Json& object, const char* pointer) {
  const Json& value = At(object, pointer);
  return value.is_string() ? value.get<std::string>() : "";
}

bool Flag(const Json& object, const char* pointer) {
  const Json& value = At(object, pointer);
  return value.is_boolean() && value.get<bool>();
}

// Go's encoder leaves out what is empty, or writes it as null, "", [] or {}.
bool IsNothing(const Json& value) {
  return value.is_null() || value.empty() || (value.is_string() && value == "");
}

std::string Short(const std::string& revision) {
  const bool is_hash =
      revision.size() == 40 && revision.find_first_not_of("0123456789abcdef") == std::string::npos;
  return is_hash ? revision.substr(0, kShortRevision) : revision;
}

Deployment ReadDeployment(const Json& from) {
  Deployment read;
  for (const char* key : kWhatKeys)
    if (from.contains(key) && !IsNothing(from[key])) read.what[key] = from[key];
  return read;
}

LatestOperation ReadOperation(const Json& requested, const Json& state) {
  LatestOperation read;
  const Json& operation = requested.is_object() ? requested : At(state, "/operation");
  read.target = ReadDeployment(At(operation, "/sync"));
  read.dry_run = Flag(operation, "/sync/dryRun");
  read.initiator = Flag(operation, "/initiatedBy/automated")
                       ? "auto-sync"
                       : Text(operation, "/initiatedBy/username");
  for (const Json& info : At(operation, "/info"))
    if (Text(info, "/name") == "heald") read.decision = Text(info, "/value");
  read.phase = Text(state, "/phase");
  read.message = Text(state, "/message");
  read.started_at = Text(state, "/startedAt");
  read.finished_at = Text(state, "/finishedAt");
  read.running = requested.is_object() || read.phase == "Running" || read.phase == "Terminating";
  for (const Json& resource : At(state, "/syncResult/resources"))
    if (const std::string status = Text(resource, "/status"); status == "SyncFailed")
      read.message += (read.message.empty() ? "" : "; ") + Text(resource, "/kind") + " " +
                      Text(resource, "/name") + ": " + Text(resource, "/message");
  return read;
}

std::string TroubleOf(const Json& conditions) {
  std::string text;
  for (const Json& condition : conditions)
    if (Text(condition, "/type").ends_with("Error"))
      text += (text.empty() ? "" : "; ") + Text(condition, "/type") + ": " +
              Text(condition, "/message");
  return text.substr(0, kTroubleShown);
}

}  // namespace

std::string AppRef::PolicyObject() const {
  return (project.empty() ? "<project>" : project) + "/" +
         (app_namespace.empty() ? "" : app_namespace + "/") + name;
}

bool Deployment::Same(const Deployment& other) const {
  // An operation names the sources only where they aren't the application's own.
  for (const char* key : kWhatKeys) {
    const bool here = what.contains(key);
    const bool there = other.what.contains(key);
    const bool optional = key == std::string_view("source") || key == std::string_view("sources");
    if (here && there ? what[key] != other.what[key] : here != there && !optional) return false;
  }
  return what.contains("revision") || what.contains("revisions");
}

std::string Deployment::Revision() const {
  if (const std::string one = Text(what, "/revision"); !one.empty()) return Short(one);
  std::string text;
  for (const Json& revision : At(what, "/revisions"))
    if (revision.is_string())
      text += (text.empty() ? "" : " + ") + Short(revision.get<std::string>());
  return text.empty() ? "its target revision" : text;
}

std::string Deployment::Shown() const {
  return Revision() + (id < 0 ? "" : " (history " + std::to_string(id) + ")");
}

std::string LatestOperation::Shown() const {
  return std::string(dry_run ? "dry run of a sync to " : "sync to ") + target.Revision() +
         (initiator.empty() ? "" : " by " + initiator);
}

Application ReadApplication(const Json& json) {
  Application app;
  app.name = Text(json, "/metadata/name");
  app.uid = Text(json, "/metadata/uid");
  if (app.name.empty() || !At(json, "/spec").is_object())
    throw Failure(HEALD_UNAVAILABLE, "argocd: what was answered is no application");
  app.project = Text(json, "/spec/project");
  app.deleting = !Text(json, "/metadata/deletionTimestamp").empty();
  app.refreshing = At(json, "/metadata/annotations").contains("argocd.argoproj.io/refresh");
  app.several_sources = !IsNothing(At(json, "/spec/sources"));
  app.automated = At(json, "/spec/syncPolicy/automated");
  const Json& enabled = At(app.automated, "/enabled");
  app.auto_sync = app.automated.is_object() && enabled != Json(false);
  app.tracked = Text(json, "/spec/source/targetRevision");
  if (app.tracked.empty()) app.tracked = "HEAD";
  for (const Json& owner : At(json, "/metadata/ownerReferences"))
    if (Text(owner, "/kind") == "ApplicationSet") app.owner = Text(owner, "/name");
  for (const Json& entry : At(json, "/status/history")) {
    Deployment deployment = ReadDeployment(entry);
    const Json& id = At(entry, "/id");
    deployment.id = id.is_number() ? id.get<int64_t>() : 0;
    app.history.push_back(std::move(deployment));
  }
  std::sort(app.history.begin(), app.history.end(),
            [](const Deployment& a, const Deployment& b) { return a.id < b.id; });
  const Json& state = At(json, "/status/operationState");
  if (const Json& requested = At(json, "/operation"); requested.is_object() || state.is_object())
    app.operation = ReadOperation(requested, state);
  app.health = Text(json, "/status/health/status");
  app.health_message = Text(json, "/status/health/message");
  app.sync = Text(json, "/status/sync/status");
  app.sync_revision = Text(json, "/status/sync/revision");
  if (app.several_sources && !At(json, "/status/sync/revisions").is_null())
    app.sync_revision = At(json, "/status/sync/revisions").dump();
  app.reconciled_at = Text(json, "/status/reconciledAt");
  app.trouble = TroubleOf(At(json, "/status/conditions"));
  return app;
}

const Deployment& PickRollback(const Application& app, std::optional<int64_t> id,
                               int64_t max_back) {
  const std::vector<Deployment>& history = app.history;
  if (history.empty())
    throw Failure(HEALD_NOT_FOUND,
                  "Argo CD hasn't deployed " + app.name + " yet: there is nothing to roll back to");
  const Deployment& now = history.back();
  auto target = history.end();
  if (id) {
    target = std::find_if(history.begin(), history.end(),
                          [&](const Deployment& entry) { return entry.id == *id; });
    if (target == history.end())
      throw Failure(HEALD_NOT_FOUND,
                    "the history of " + app.name + " has no entry " + std::to_string(*id) +
                        ": it goes from " + std::to_string(history.front().id) + " to " +
                        std::to_string(now.id) + " (`argocd app history " + app.name + "`)");
    if (target->Same(now))
      throw Failure(HEALD_CONFLICT, app.name + " runs " + target->Shown() + " already");
  } else {
    const auto first = std::find_if(history.begin(), history.end(),
                                    [&](const Deployment& entry) { return entry.Same(now); });
    if (first == history.begin())
      throw Failure(HEALD_NOT_FOUND, app.name + " runs the oldest revision of its history, " +
                                         now.Shown() + ": there is nothing to roll back to");
    target = first - 1;
  }
  // What ran since it ran last.
  std::vector<const Deployment*> since;
  for (auto at = history.rbegin(); at != history.rend() && !at->Same(*target); ++at)
    if (std::none_of(since.begin(), since.end(),
                     [&](const Deployment* seen) { return seen->Same(*at); }))
      since.push_back(&*at);
  if (static_cast<int64_t>(since.size()) > max_back)
    throw Failure(HEALD_FULL,
                  target->Shown() + " of " + app.name + " is " + std::to_string(since.size()) +
                      " revisions back (max_revisions_back " + std::to_string(max_back) + ")");
  return *target;
}

const Deployment* RolledBackFrom(const Application& app) {
  if (app.history.empty()) return nullptr;
  const Deployment& now = app.history.back();
  const auto same = [&](const Deployment& entry) { return entry.Same(now); };
  const auto left = std::find_if_not(app.history.rbegin(), app.history.rend(), same);
  return std::find_if(left, app.history.rend(), same) == app.history.rend() ? nullptr : &*left;
}

Effect JudgeHealth(const Application& app) {
  // The health of before the operation says nothing. Both are UTC in the same form.
  if (app.operation && !app.reconciled_at.empty() && app.reconciled_at < app.operation->finished_at)
    return {EffectState::kPending, app.name + " is synced; Argo CD has yet to look at its health"};
  const std::string state = app.name + " is " + (app.health.empty() ? "Unknown" : app.health) +
                            (app.health_message.empty() ? "" : " (" + app.health_message + ")") +
                            " and " + (app.sync.empty() ? "Unknown" : app.sync);
  return {app.health == "Healthy" ? EffectState::kDone : EffectState::kPending, state};
}

std::string WhyFailed(const LatestOperation& operation) {
  return operation.phase + (operation.message.empty() ? "" : ": " + operation.message);
}

}  // namespace heald::argocd
