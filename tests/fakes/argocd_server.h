// An Argo CD API server for tests: applications with history, sync state and auto-sync, operations
// that go through their phases over time, rights by account; can misbehave on demand. Written after
// its OpenAPI description, which a test holds it to.
// Thread rule: all methods are callable from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/fakes/http_server.h"

namespace heald::fakes {

class ArgocdServer {
 public:
  static constexpr const char* kToken = "argocd-token";
  static constexpr const char* kProject = "shop";

  explicit ArgocdServer(FakeTls tls = {});

  std::string url() const { return server_.url(); }
  // Closes the port and every connection; Start listens on the same port again.
  void Stop() { server_.Stop(); }
  void Start() { server_.Start(); }

  // An application that has deployed these revisions, one after the other; the last one runs, and
  // Git has it too.
  void Put(const std::string& name, const std::vector<std::string>& revisions);
  void Remove(const std::string& name);
  // spec.syncPolicy.automated; null: off.
  void SetAutomated(const std::string& name, const nlohmann::json& automated);
  nlohmann::json Automated(const std::string& name);
  // What Git has now; auto-sync deploys it.
  void Push(const std::string& name, const std::string& revision);
  // The revision that runs once this one is deployed is not Healthy but that.
  void SetHealth(const std::string& revision, const std::string& status);
  // Operations go no further than Running, or fail with that message.
  void Hang(bool hang);
  void FailWith(const std::string& message);
  // Somebody's operation: a sync to that revision.
  void BeginSync(const std::string& name, const std::string& revision, const std::string& account);
  void SetTimes(std::chrono::milliseconds taken_up, std::chrono::milliseconds runs);
  // The account may not do that any more: "get", "sync", "update".
  void Forbid(const std::string& verb);
  void SetSyncWindow(bool closed);

  // status.history[].revision, oldest first.
  std::vector<std::string> History(const std::string& name);
  nlohmann::json Application(const std::string& name);
  // Instead of the answer, where it returns something; empty: never. Called before the request is
  // carried out, or with `after` once it is.
  using Fault = std::function<std::optional<FakeReply>(const FakeRequest&)>;
  void SetFault(Fault fault, bool after = false);
  std::vector<std::pair<FakeRequest, FakeReply>> exchanges();
  // How many requests with that method whose path ends so.
  size_t Count(const std::string& method, const std::string& path_end);

 private:
  using Clock = std::chrono::steady_clock;
  struct App {
    nlohmann::json object;
    std::string git;
    std::string attempted;  // by auto-sync
    Clock::time_point began;
  };

  FakeReply Answer(const FakeRequest& request);
  FakeReply Route(const FakeRequest& request);
  FakeReply Get(const FakeRequest& request, App& app);
  FakeReply Patch(const FakeRequest& request, App& app);
  FakeReply Sync(const FakeRequest& request, App& app);
  FakeReply Rollback(const FakeRequest& request, App& app);
  FakeReply Terminate(App& app);
  // What has happened since, by itself.
  void Advance(App& app);
  void Begin(App& app, const nlohmann::json& sync, const nlohmann::json& initiator,
             const nlohmann::json& infos);
  void End(App& app, const std::string& phase, const std::string& message);
  void Compare(App& app);
  std::string Now();

  std::mutex mutex_;
  // Guarded by mutex_:
  std::map<std::string, App> apps_;
  std::map<std::string, std::string> health_;  // by revision
  std::set<std::string> forbidden_;
  std::string fail_with_;
  bool hang_ = false;
  bool window_closed_ = false;
  std::chrono::milliseconds taken_up_{15};
  std::chrono::milliseconds runs_{40};
  int64_t seconds_ = 0;  // its clock: each thing that happens is a second later
  Fault fault_;
  bool fault_after_ = false;
  std::vector<std::pair<FakeRequest, FakeReply>> exchanges_;
  HttpServer server_;
};

}  // namespace heald::fakes
