#include "tests/fakes/argocd_server.h"

#include <algorithm>
#include <ctime>

namespace heald::fakes {
namespace {

using nlohmann::json;

constexpr std::string_view kPrefix = "/api/v1/applications/";
constexpr int64_t kEpoch = 1'700'000'000;

enum Grpc { kInvalid = 3, kNotFound = 5, kDenied = 7, kPrecondition = 9, kUnauthenticated = 16 };

FakeReply Error(int code, const std::string& message) {
  int status = 500;
  if (code == kInvalid || code == kPrecondition) status = 400;
  if (code == kNotFound) status = 404;
  if (code == kDenied) status = 403;
  if (code == kUnauthenticated) status = 401;
  return {.status = status,
          .headers = {{"Content-Type", "application/json"}},
          .body = json{{"error", message}, {"code", code}, {"message", message}}.dump()};
}

FakeReply Ok(const json& body) {
  return {.headers = {{"Content-Type", "application/json"}}, .body = body.dump()};
}

std::string Param(const std::string& query, const std::string& name) {
  const std::string key = name + "=";
  for (size_t at = 0; at < query.size();) {
    const size_t end = std::min(query.find('&', at), query.size());
    if (query.compare(at, key.size(), key) == 0)
      return query.substr(at + key.size(), end - at - key.size());
    at = end + 1;
  }
  return "";
}

json SourceOf(const std::string& name) {
  return {
      {"repoURL", "https://git.example.org/shop.git"}, {"path", name}, {"targetRevision", "HEAD"}};
}

bool Busy(const json& object) {
  return object.contains("operation");
}

}  // namespace

ArgocdServer::ArgocdServer(FakeTls tls)
    : server_([this](const FakeRequest& request) { return Answer(request); }, std::move(tls)) {}

std::string ArgocdServer::Now() {
  const std::time_t now = kEpoch + ++seconds_;
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

void ArgocdServer::Put(const std::string& name, const std::vector<std::string>& revisions) {
  const std::lock_guard lock(mutex_);
  App app;
  app.git = app.attempted = revisions.back();
  json history = json::array();
  for (const std::string& revision : revisions)
    history.push_back({{"id", history.size()},
                       {"revision", revision},
                       {"source", SourceOf(name)},
                       {"deployStartedAt", Now()},
                       {"deployedAt", Now()},
                       {"initiatedBy", {{"username", "admin"}}}});
  app.object = {
      {"metadata",
       {{"name", name},
        {"namespace", "argocd"},
        {"uid", "uid-" + std::to_string(++seconds_)},
        {"resourceVersion", "1"}}},
      {"spec",
       {{"project", kProject},
        {"source", SourceOf(name)},
        {"destination", {{"server", "https://kubernetes.default.svc"}, {"namespace", "shop"}}}}},
      {"status", {{"history", history}, {"summary", json::object()}}}};
  Compare(app);
  apps_[name] = std::move(app);
}

void ArgocdServer::Remove(const std::string& name) {
  const std::lock_guard lock(mutex_);
  apps_.erase(name);
}

void ArgocdServer::SetAutomated(const std::string& name, const json& automated) {
  const std::lock_guard lock(mutex_);
  json& spec = apps_.at(name).object["spec"];
  if (automated.is_null())
    spec.erase("syncPolicy");
  else
    spec["syncPolicy"]["automated"] = automated;
}

json ArgocdServer::Automated(const std::string& name) {
  const std::lock_guard lock(mutex_);
  return apps_.at(name).object.value("/spec/syncPolicy/automated"_json_pointer, json());
}

void ArgocdServer::Push(const std::string& name, const std::string& revision) {
  const std::lock_guard lock(mutex_);
  App& app = apps_.at(name);
  app.git = revision;
  Compare(app);
}

void ArgocdServer::SetHealth(const std::string& revision, const std::string& status) {
  const std::lock_guard lock(mutex_);
  health_[revision] = status;
  for (auto& [name, app] : apps_) Compare(app);
}

void ArgocdServer::Hang(bool hang) {
  const std::lock_guard lock(mutex_);
  hang_ = hang;
}

void ArgocdServer::FailWith(const std::string& message) {
  const std::lock_guard lock(mutex_);
  fail_with_ = message;
}

void ArgocdServer::BeginSync(const std::string& name, const std::string& revision,
                             const std::string& account) {
  const std::lock_guard lock(mutex_);
  Begin(apps_.at(name), {{"revision", revision}}, {{"username", account}}, json());
}

void ArgocdServer::SetTimes(std::chrono::milliseconds taken_up, std::chrono::milliseconds runs) {
  const std::lock_guard lock(mutex_);
  taken_up_ = taken_up;
  runs_ = runs;
}

void ArgocdServer::Forbid(const std::string& verb) {
  const std::lock_guard lock(mutex_);
  forbidden_.insert(verb);
}

void ArgocdServer::SetSyncWindow(bool closed) {
  const std::lock_guard lock(mutex_);
  window_closed_ = closed;
}

std::vector<std::string> ArgocdServer::History(const std::string& name) {
  const std::lock_guard lock(mutex_);
  App& app = apps_.at(name);
  Advance(app);
  std::vector<std::string> revisions;
  for (const json& entry : app.object["status"]["history"])
    revisions.push_back(entry.at("revision"));
  return revisions;
}

json ArgocdServer::Application(const std::string& name) {
  const std::lock_guard lock(mutex_);
  Advance(apps_.at(name));
  return apps_.at(name).object;
}

void ArgocdServer::SetFault(Fault fault, bool after) {
  const std::lock_guard lock(mutex_);
  fault_ = std::move(fault);
  fault_after_ = after;
}

std::vector<std::pair<FakeRequest, FakeReply>> ArgocdServer::exchanges() {
  const std::lock_guard lock(mutex_);
  return exchanges_;
}

size_t ArgocdServer::Count(const std::string& method, const std::string& path_end) {
  const std::lock_guard lock(mutex_);
  return static_cast<size_t>(
      std::count_if(exchanges_.begin(), exchanges_.end(), [&](const auto& exchange) {
        return exchange.first.method == method && exchange.first.path.ends_with(path_end);
      }));
}

// ---- what Argo CD's controller does -------------------------------------------------------------

void ArgocdServer::Compare(App& app) {
  json& status = app.object["status"];
  const std::string deployed = status["history"].back().at("revision");
  const auto health = health_.find(deployed);
  status["health"] = {{"status", health == health_.end() ? "Healthy" : health->second}};
  status["sync"] = {{"status", deployed == app.git ? "Synced" : "OutOfSync"},
                    {"revision", app.git},
                    {"comparedTo",
                     {{"source", app.object["spec"]["source"]},
                      {"destination", app.object["spec"]["destination"]}}}};
  status["reconciledAt"] = Now();
}

void ArgocdServer::Begin(App& app, const json& sync, const json& initiator, const json& infos) {
  json operation{{"sync", sync}, {"initiatedBy", initiator}, {"retry", json::object()}};
  if (!infos.is_null()) operation["info"] = infos;
  app.object["operation"] = operation;
  app.object["status"].erase("operationState");
  app.began = Clock::now();
}

void ArgocdServer::End(App& app, const std::string& phase, const std::string& message) {
  json& status = app.object["status"];
  json& state = status["operationState"];
  const json sync = state["operation"]["sync"];
  state["phase"] = phase;
  state["message"] = message;
  state["finishedAt"] = Now();
  state["syncResult"] = {{"revision", sync.value("revision", "")},
                         {"source", sync.value("source", app.object["spec"]["source"])}};
  app.object.erase("operation");
  if (phase == "Succeeded" && !sync.value("dryRun", false)) {
    const int64_t id = status["history"].back().at("id").get<int64_t>() + 1;
    status["history"].push_back({{"id", id},
                                 {"revision", sync.value("revision", "")},
                                 {"source", sync.value("source", app.object["spec"]["source"])},
                                 {"deployStartedAt", state["startedAt"]},
                                 {"deployedAt", state["finishedAt"]},
                                 {"initiatedBy", state["operation"]["initiatedBy"]}});
  }
  Compare(app);
}

void ArgocdServer::Advance(App& app) {
  json& status = app.object["status"];
  if (!Busy(app.object)) {
    const std::string deployed = status["history"].back().at("revision");
    const bool automated = app.object.contains("/spec/syncPolicy/automated"_json_pointer);
    if (!automated || deployed == app.git || app.attempted == app.git) return;
    app.attempted = app.git;
    Begin(app, {{"revision", app.git}}, {{"automated", true}}, json());
  }
  const auto age = Clock::now() - app.began;
  if (!status.contains("operationState") && age >= taken_up_)
    status["operationState"] = {{"operation", app.object["operation"]},
                                {"phase", "Running"},
                                {"message", "waiting for healthy state of apps/Deployment/web"},
                                {"startedAt", Now()}};
  if (!status.contains("operationState")) return;
  if (status["operationState"]["phase"] == "Terminating")
    End(app, "Failed", "Operation terminated");
  else if (age >= taken_up_ + runs_ && !hang_)
    End(app, fail_with_.empty() ? "Succeeded" : "Failed",
        fail_with_.empty() ? "successfully synced (all tasks run)" : fail_with_);
}

// ---- what its API does --------------------------------------------------------------------------

FakeReply ArgocdServer::Answer(const FakeRequest& request) {
  const std::lock_guard lock(mutex_);
  if (fault_ && !fault_after_)
    if (std::optional<FakeReply> reply = fault_(request)) return *reply;
  FakeReply reply = Route(request);
  if (fault_ && fault_after_)
    if (std::optional<FakeReply> wrong = fault_(request)) return *wrong;
  exchanges_.emplace_back(request, reply);
  return reply;
}

FakeReply ArgocdServer::Route(const FakeRequest& request) {
  if (request.method != "GET" && request.Header("content-type") != "application/json")
    return {.status = 415, .body = "Invalid content type\n"};
  if (request.Header("authorization") != std::string("Bearer ") + kToken)
    return Error(kUnauthenticated, "invalid session: token signature is invalid");
  if (!request.path.starts_with(kPrefix)) return {.status = 404, .body = "404 page not found\n"};
  const std::string rest = request.path.substr(kPrefix.size());
  const std::string name = rest.substr(0, rest.find('/'));
  const std::string below = name.size() == rest.size() ? "" : rest.substr(name.size());
  const json body = json::parse(request.body, nullptr, false);
  const bool in_body = body.is_object();
  const std::string project = in_body ? body.value("project", "") : Param(request.query, "project");
  const std::string verb = request.method == "GET"     ? "get"
                           : request.method == "PATCH" ? "update"
                                                       : "sync";
  // What may not be seen and what isn't there look the same, unless the project was named.
  if (forbidden_.contains(verb)) return Error(kDenied, "permission denied");
  const auto at = apps_.find(name);
  if (at == apps_.end() || (!project.empty() && project != kProject))
    return project.empty()
               ? Error(kDenied, "permission denied")
               : Error(kNotFound, "applications.argoproj.io \"" + name + "\" not found");
  App& app = at->second;
  Advance(app);
  if (request.method == "GET" && below.empty()) return Get(request, app);
  if (request.method == "PATCH" && below.empty()) return Patch(request, app);
  if (request.method == "POST" && below == "/sync") return Sync(request, app);
  if (request.method == "POST" && below == "/rollback") return Rollback(request, app);
  if (request.method == "DELETE" && below == "/operation") return Terminate(app);
  return {.status = 501, .body = json{{"code", 12}, {"message", "Not Implemented"}}.dump()};
}

FakeReply ArgocdServer::Get(const FakeRequest& request, App& app) {
  if (!Param(request.query, "refresh").empty()) Compare(app);
  return Ok(app.object);
}

FakeReply ArgocdServer::Patch(const FakeRequest& request, App& app) {
  const json body = json::parse(request.body);
  if (body.value("patchType", "") != "merge")
    return Error(kInvalid, "Patch type '" + body.value("patchType", "") + "' is not supported");
  app.object.merge_patch(json::parse(body.at("patch").get<std::string>()));
  json& spec = app.object["spec"];
  if (spec.contains("syncPolicy") && spec["syncPolicy"].empty()) spec.erase("syncPolicy");
  return Ok(app.object);
}

FakeReply ArgocdServer::Sync(const FakeRequest& request, App& app) {
  const json body = json::parse(request.body);
  const bool dry_run = body.value("dryRun", false);
  const std::string revision = body.value("revision", "");
  if (window_closed_) return Error(kDenied, "cannot sync: blocked by sync window");
  const bool automated = app.object.contains("/spec/syncPolicy/automated"_json_pointer);
  if (automated && !dry_run && !revision.empty() && revision != "HEAD")
    return Error(kPrecondition, "Cannot sync to " + revision + ": auto-sync currently set to HEAD");
  if (Busy(app.object)) return Error(kPrecondition, "another operation is already in progress");
  json sync{{"revision", revision.empty() || revision == "HEAD" ? app.git : revision}};
  if (dry_run) sync["dryRun"] = true;
  if (body.value("prune", false)) sync["prune"] = true;
  Begin(app, sync, {{"username", "heald"}}, body.value("infos", json()));
  return Ok(app.object);
}

FakeReply ArgocdServer::Rollback(const FakeRequest& request, App& app) {
  const json body = json::parse(request.body);
  if (app.object.contains("/spec/syncPolicy/automated"_json_pointer))
    return Error(kPrecondition, "rollback cannot be initiated when auto-sync is enabled");
  const json& history = app.object["status"]["history"];
  const auto entry = std::find_if(history.begin(), history.end(),
                                  [&](const json& e) { return e.at("id") == body.at("id"); });
  if (entry == history.end())
    return Error(kInvalid, "application argocd/" +
                               app.object["metadata"]["name"].get<std::string>() +
                               " does not have deployment with id " + body.at("id").dump());
  if (Busy(app.object))
    return Error(kPrecondition,
                 "error setting app operation: rpc error: code = FailedPrecondition desc = another "
                 "operation is already in progress");
  json sync{{"revision", entry->at("revision")},
            {"source", entry->at("source")},
            {"syncStrategy", {{"apply", json::object()}}}};
  if (body.value("dryRun", false)) sync["dryRun"] = true;
  if (body.value("prune", false)) sync["prune"] = true;
  Begin(app, sync, {{"username", "heald"}}, json());
  return Ok(app.object);
}

FakeReply ArgocdServer::Terminate(App& app) {
  if (!Busy(app.object) || !app.object["status"].contains("operationState"))
    return Error(kInvalid, "Unable to terminate operation. No operation is in progress");
  app.object["status"]["operationState"]["phase"] = "Terminating";
  return Ok(json::object());
}

}  // namespace heald::fakes
