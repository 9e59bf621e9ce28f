// The one client of the Kubernetes API: what the kubernetes action, the source and the cluster's
// packs call. Objects are nlohmann JSON as the server writes them. Everything that goes wrong is
// thrown as ApiError (api_error.h), an sdk::Failure with the right code and a sentence that says
// what to do.
//
// What it does by itself: connections are kept; calls that do no harm when done twice (reads, merge
// and strategic patches, deletes and evictions with a uid) are sent again after 502, 503, 504, a
// lost connection and a throttling 429 (any call after the latter), with backoff and the server's
// Retry-After, all within the call's time limit. What it doesn't: retry conflicts (but Edit does),
// wait for a disruption budget, or fall back from an eviction to a delete.
//
// Thread rule: one thread at a time; Cancel is callable from any. For calls that overlap take a
// support::Pool<Client>.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/support/http.h"
#include "plugins/support/kubernetes/api_error.h"
#include "plugins/support/kubernetes/config.h"
#include "plugins/support/kubernetes/resource.h"

namespace heald::kubernetes {

using Json = nlohmann::json;

// As the API names them: in managedFields, and `kubectl get --show-managed-fields`.
inline constexpr std::string_view kFieldManager = "heald";

struct ListOptions {
  std::string label_selector = {};  // "app=web", "app in (web,api),!canary"
  std::string field_selector = {};  // "spec.nodeName=node-1"
  int64_t page_size = 500;          // limit of one answer; 0: all in one
};

enum class PatchType {
  kJson,       // a list of operations; a `test` that fails is a Conflict
  kMerge,      // lists are replaced
  kStrategic,  // lists merge by their key, as kubectl patches; not for custom resources
};

struct WriteOptions {
  bool dry_run = false;  // dryRun=All: everything is checked, admission included, nothing is kept
};

struct DeleteOptions {
  bool dry_run = false;
  std::string uid = {};               // of the object that is meant: another is a Conflict
  std::string resource_version = {};  // and not changed since
  std::optional<int64_t> grace_period_s = {};
  std::string propagation = {};  // "Foreground", "Background", "Orphan"
};

class Client {
 public:
  // metrics: of the node (http_metrics.h); may be null. cancelled: as HttpClient's.
  explicit Client(Cluster cluster, std::function<bool()> cancelled = {},
                  std::shared_ptr<support::HttpMetrics> metrics = nullptr);

  // The object, or of a subresource ("scale") its own kind.
  Json Get(const Ref& ref);
  // Nothing: there is no such object.
  std::optional<Json> Find(const Ref& ref);

  // All of ref.resource in ref.name_space (empty: everywhere), page by page and in the server's
  // order. Items have no `kind` of their own, as the API leaves it out, and no
  // managedFields.
  std::vector<Json> List(const Ref& ref, const ListOptions& options = {});
  // The same one by one, decoded as they come: a page is never held as a whole. Returns the list's
  // resourceVersion. A continue token that expired between two pages (410) is thrown: begin anew.
  std::string ForEach(const Ref& ref, const ListOptions& options,
                      const std::function<void(Json&& item)>& on_item);

  // ref without a name. Sent once, as a second one could be created otherwise.
  Json Create(const Ref& ref, const Json& object, const WriteOptions& options = {});
  Json Patch(const Ref& ref, PatchType type, const Json& patch, const WriteOptions& options = {});
  // PUT; object.metadata.resourceVersion as it was read guards against other writers.
  Json Replace(const Ref& ref, const Json& object, const WriteOptions& options = {});
  // The object as it was, or a Status.
  Json Delete(const Ref& ref, const DeleteOptions& options = {});
  // policy/v1 Eviction of a pod. DisruptionBudget(): not now. NotFound(): it is gone. NotServed():
  // this server has no evictions; only then is Delete with the uid the way. A wrong uid is a
  // Conflict and yet charges the budget for two minutes: fetch the pod right before.
  void Evict(const Ref& pod, const DeleteOptions& options = {});

  // Fetch, let `make` write the patch, send it with the object's resourceVersion as its condition;
  // after a Conflict all of it again, up to `attempts` times. make returns nothing where there is
  // nothing to do: the object is then returned as it is. For kJson a `test` is put first, otherwise
  // metadata.resourceVersion into the patch.
  using MakePatch = std::function<std::optional<Json>(const Json& object)>;
  Json Edit(const Ref& ref, PatchType type, const MakePatch& make, const WriteOptions& options = {},
            int attempts = 5);

  // Null: the credentials may do it. Otherwise the reason, with the RBAC rule that is missing.
  // Asks the server (SelfSubjectAccessReview) and changes nothing; for Plan and dry runs.
  std::optional<std::string> MayNot(std::string_view verb, const Ref& ref);

  // "v1.26.5"; also a cheap way to see that the cluster answers.
  std::string Version();

  // No call takes longer from now on; 0: the config's timeout.
  void SetTimeout(int64_t timeout_ns) { timeout_ns_ = timeout_ns; }
  bool Sleep(int64_t ns) { return http_.Sleep(ns); }
  // [any] Ends what is under way and everything later.
  void Cancel() { http_.Cancel(); }
  const Cluster& cluster() const { return cluster_; }
  // Where a Ref names no namespace: Cluster::name_space.
  const std::string& default_namespace() const { return cluster_.name_space; }

  // For Watch: one GET, once, whose 2xx body is handed on as it comes. False of on_data ends it.
  void Stream(const Asked& asked, const std::string& url, int64_t timeout_ns,
              const std::function<bool(std::string_view)>& on_data);

 private:
  support::HttpResult Send(const Asked& asked, support::HttpRequest request, int attempts);
  Json Call(const Asked& asked, support::HttpRequest request);

  const Cluster cluster_;
  support::HttpClient http_;
  int64_t timeout_ns_ = 0;
};

}  // namespace heald::kubernetes
