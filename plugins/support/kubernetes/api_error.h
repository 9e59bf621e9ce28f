// What a Kubernetes API server says when it refuses, as heald's error. Thrown by Client and Watch;
// everything that goes up to the host is an sdk::Failure with the right code, `retryable` and
// `retry_after`, so an action mostly lets it through. Thread rule: plain values, pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "heald/error.h"
#include "plugins/support/http.h"
#include "plugins/support/kubernetes/config.h"
#include "plugins/support/kubernetes/resource.h"

namespace heald::kubernetes {

// The server's own words: metav1.Status.
struct Status {
  struct Cause {
    std::string reason;   // "DisruptionBudget", "FieldValueInvalid"
    std::string message;  // "The disruption budget api needs 2 healthy pods and has 2 currently"
    std::string field;    // "spec.replicas"
  };
  int code = 0;         // the HTTP status; 0: there was no answer
  std::string reason;   // "NotFound", "Conflict", "TooManyRequests"…
  std::string message;  // for people
  std::string name;     // of details: what it is about
  std::string kind;
  std::vector<Cause> causes;
  int64_t retry_after_ns = 0;  // details.retryAfterSeconds, or the header; 0: not said
  std::string continue_token;  // of a 410 of a list: goes on, though inconsistently
};

// body: whatever came; an answer that is no Status (a proxy's page) gives code and an excerpt.
Status ParseStatus(int http_status, std::string_view body, int64_t retry_after_ns);

// A 429 that is a PodDisruptionBudget's word, not a server's that is asked too often.
bool IsDisruptionBudget(const Status& status);

// What was asked, for the sentence: "can't patch Deployment prod/web".
struct Asked {
  std::string_view verb;  // RBAC's word: get list watch create update patch delete
  Ref ref;
};

class ApiError : public sdk::Failure {
 public:
  // fault kNone: the server answered with `status`.
  ApiError(int32_t code, const std::string& message, Status status,
           support::HttpFault fault = support::HttpFault::kNone)
      : Failure(code, message), status_(std::move(status)), fault_(fault) {}

  const Status& status() const { return status_; }
  support::HttpFault fault() const { return fault_; }

  // There is no such object.
  bool NotFound() const { return status_.code == 404 && !NotServed(); }
  // There is no such resource or subresource on this server: an older one, or another API.
  bool NotServed() const {
    return status_.code == 405 || (status_.code == 404 && status_.name.empty());
  }
  bool AlreadyExists() const { return status_.reason == "AlreadyExists"; }
  // Somebody else changed or replaced the object: a stale resourceVersion, another uid, the `test`
  // of a JSON patch. Fetch it again and decide anew.
  bool Conflict() const { return code() == HEALD_CONFLICT && !AlreadyExists(); }
  bool Denied() const { return status_.code == 401 || status_.code == 403; }
  bool Invalid() const { return status_.code == 400 || status_.code == 422; }
  bool Gone() const { return status_.code == 410; }
  // An eviction that a PodDisruptionBudget forbids now: ask again in some seconds, until the
  // deadline; never delete instead. The budgets' sentences are in status().causes.
  bool DisruptionBudget() const { return IsDisruptionBudget(status_); }
  // Asked too often: the server wishes for a pause, and any request may be sent again.
  bool Throttled() const { return status_.code == 429 && !DisruptionBudget(); }
  // No answer, or one of an overloaded server: nothing was learnt about the object. A 500 can also
  // be the server's word on the object: a pod with two disruption budgets.
  bool Unreachable() const {
    return status_.code == 0 || (status_.code >= 500 && code() != HEALD_INVALID) || Throttled();
  }

 private:
  Status status_;
  support::HttpFault fault_;
};

// The rule that a 403 wants, as YAML for a Role or ClusterRole:
// `- {apiGroups: ["apps"], resources: ["deployments"], verbs: ["patch"]}`.
std::string RbacRule(std::string_view verb, const Ref& ref);

// An answer that isn't 2xx.
ApiError RefusedError(const Asked& asked, Status status, const Cluster& cluster);

// A JSON patch with a `test`, answered with 422 and no word on which field: the server's way to say
// that the test failed.
ApiError TestFailedError(const Asked& asked, Status status);

// No complete answer.
ApiError UnreachableError(const Asked& asked, const support::HttpError& error);

}  // namespace heald::kubernetes
