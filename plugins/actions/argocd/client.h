// Argo CD's API, as far as the argocd action needs it: its calls, and its errors as sentences that
// say what to do. Thread rule: one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "plugins/actions/argocd/application.h"
#include "plugins/support/http.h"

namespace heald::argocd {

// What a call failed with; sent: it may have changed something all the same.
class CallFailure : public sdk::Failure {
 public:
  CallFailure(int32_t code, const std::string& message, bool sent)
      : Failure(code, message), sent_(sent) {}
  bool sent() const { return sent_; }

 private:
  bool sent_;
};

struct SyncOrder {
  std::string revision;  // empty: the one that the application follows
  bool prune = false;
  bool dry_run = false;
  std::string decision;
};

class Client {
 public:
  Client(support::HttpConfig config, std::function<bool()> cancelled,
         std::shared_ptr<support::HttpMetrics> metrics);

  // For an Argo CD that is away for a while: how long all following calls together may try. 0: each
  // once, for the config's timeout.
  void Within(int64_t ns);

  // refresh: "normal" or "hard" has Argo CD compare it again first; the answer may come late.
  Application Get(const AppRef& app, const std::string& refresh = "");
  void Rollback(const AppRef& app, int64_t id, bool prune, bool dry_run);
  void Sync(const AppRef& app, const SyncOrder& order);
  // Ends the operation that runs.
  void Terminate(const AppRef& app);
  // automated: spec.syncPolicy.automated as it is to be; null switches auto-sync off.
  void SetAutomated(const AppRef& app, const Json& automated);

  // False: cancelled meanwhile.
  bool Sleep(int64_t ns) { return http_.Sleep(ns); }

 private:
  // may: the right that the call needs, "sync" or "update"; null for one that only reads.
  void Write(const AppRef& app, const char* may, support::HttpRequest request, Json body);
  support::HttpResult Send(support::HttpRequest request);
  [[noreturn]] void Fail(const AppRef& app, const char* may, const support::HttpResult& result);

  support::HttpClient http_;
  int64_t until_ns_ = 0;  // steady clock; 0: as configured
};

}  // namespace heald::argocd
