#include "plugins/actions/argocd/client.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace heald::argocd {
namespace {

using sdk::Failure;
using support::HttpFault;

constexpr const char* kApplications = "/api/v1/applications/";
constexpr size_t kMessageShown = 400;
// What a call gets when no time is left: the last of several must not fail for want of a moment.
constexpr int64_t kLastTryNs = 1'000'000'000;
// Until the deadline, if need be: an Argo CD that restarts is back in half a minute.
constexpr support::RetryPolicy kPatient{
    .attempts = 1000, .base_ns = 200'000'000, .cap_ns = 2'000'000'000};

// gRPC's codes, as the gateway before Argo CD's API writes them.
enum Grpc {
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kUnavailable = 14,
  kUnauthenticated = 16,
};

int64_t SteadyNs() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

std::string Query(const AppRef& app, const std::string& refresh = "") {
  std::string query;
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty())
      query += (query.empty() ? "?" : "&") + (name + ("=" + support::UrlEncode(value)));
  };
  add("appNamespace", app.app_namespace);
  add("project", app.project);
  add("refresh", refresh);
  return query;
}

std::string PathOf(const AppRef& app, const char* below = "") {
  return kApplications + support::UrlEncode(app.name) + below;
}

struct Said {
  int code = 0;  // 0: no answer of Argo CD's
  std::string message;
};

Said ReadError(const std::string& body) {
  const Json json = Json::parse(body, nullptr, false);
  Said said;
  if (!json.is_object()) return said;
  if (const auto code = json.find("code"); code != json.end() && code->is_number_integer())
    said.code = code->get<int>();
  for (const char* key : {"message", "error"})
    if (const auto text = json.find(key);
        said.message.empty() && text != json.end() && text->is_string())
      said.message = text->get<std::string>().substr(0, kMessageShown);
  return said;
}

// The gateway has translated FailedPrecondition as 412 and as 400, by its version.
int32_t CodeOf(int grpc, int status) {
  switch (grpc) {
    case kInvalidArgument:
      return HEALD_INVALID;
    case kDeadlineExceeded:
      return HEALD_DEADLINE;
    case kNotFound:
      return HEALD_NOT_FOUND;
    case kPermissionDenied:
    case kUnauthenticated:
      return HEALD_DENIED;
    case kResourceExhausted:
      return HEALD_FULL;
    case kFailedPrecondition:
    case kAborted:
      return HEALD_CONFLICT;
    default:
      break;
  }
  if (status == 400) return HEALD_INVALID;
  if (status == 401 || status == 403) return HEALD_DENIED;
  if (status == 404) return HEALD_NOT_FOUND;
  if (status == 409 || status == 412) return HEALD_CONFLICT;
  if (status == 429) return HEALD_FULL;
  return HEALD_UNAVAILABLE;
}

std::string AdviceFor(const AppRef& app, const char* may, int status, const std::string& message) {
  if (status == 401)
    return ": make a new token (`argocd account generate-token --account heald`) and put it into "
           "bearer_token_file";
  if (status == 403 && message.find("sync window") == std::string::npos)
    return std::string(": put `p, role:heald, applications, ") + may + ", " + app.PolicyObject() +
           ", allow` into policy.csv of argocd-rbac-cm" +
           (app.project.empty() ? ", or correct the name: Argo CD answers the same for an "
                                  "application that doesn't exist (set project to tell)"
                                : "");
  if (status == 404) return ": `argocd app list` shows what there is";
  return "";
}

}  // namespace

Client::Client(support::HttpConfig config, std::function<bool()> cancelled,
               std::shared_ptr<support::HttpMetrics> metrics)
    : http_(std::move(config), std::move(cancelled), std::move(metrics)) {}

void Client::Within(int64_t ns) {
  until_ns_ = ns == 0 ? 0 : SteadyNs() + ns;
}

void Client::Fail(const AppRef& app, const char* may, const support::HttpResult& result) {
  const support::HttpError& error = result.error;
  const bool writes = may != nullptr;
  if (error.fault != HttpFault::kStatus) {
    int32_t code = HEALD_UNAVAILABLE;
    if (error.fault == HttpFault::kTimeout) code = HEALD_DEADLINE;
    if (error.fault == HttpFault::kCancelled) code = HEALD_CANCELLED;
    if (error.fault == HttpFault::kRequest) code = HEALD_INVALID;
    CallFailure failure(code, "argocd: " + error.Sentence(), writes && error.sent);
    if (code == HEALD_UNAVAILABLE || code == HEALD_DEADLINE)
      failure.Retryable(error.retry_after_ns);
    throw failure;
  }
  const int status = result.response.status;
  const Said said = ReadError(result.response.body);
  // A proxy in between answers in its own words.
  if (said.message.empty()) {
    CallFailure failure(CodeOf(0, status), "argocd: " + error.Sentence(), writes && status >= 500);
    if (status >= 500 || status == 401) failure.Retryable(error.retry_after_ns);
    throw failure;
  }
  const int32_t code = CodeOf(said.code, status);
  const bool unknown = code == HEALD_UNAVAILABLE || code == HEALD_DEADLINE;
  CallFailure failure(code,
                      "argocd: " + app.name + ": " + said.message + " (HTTP " +
                          std::to_string(status) + ")" +
                          AdviceFor(app, writes ? may : "get", status, said.message),
                      writes && unknown);
  // A token may be about to be renewed.
  if (unknown || code == HEALD_FULL || status == 401) failure.Retryable(error.retry_after_ns);
  throw failure;
}

support::HttpResult Client::Send(support::HttpRequest request) {
  request.show_query = true;
  if (until_ns_ == 0) return http_.Perform(request);
  request.timeout_ns = std::max(until_ns_ - SteadyNs(), kLastTryNs);
  return http_.PerformRetrying(request, kPatient);
}

Application Client::Get(const AppRef& app, const std::string& refresh) {
  const support::HttpResult result = Send({.url = PathOf(app) + Query(app, refresh)});
  if (!result.ok()) Fail(app, nullptr, result);
  const Json json = Json::parse(result.response.body, nullptr, false);
  if (!json.is_object())
    throw Failure(HEALD_UNAVAILABLE, "argocd: " + support::ShownUrl(http_.config().url) +
                                         " doesn't answer like Argo CD: check url, and its path "
                                         "where Argo CD was given a rootpath");
  return ReadApplication(json);
}

void Client::Write(const AppRef& app, const char* may, support::HttpRequest request, Json body) {
  // Argo CD refuses whatever isn't declared as JSON, even without a body.
  request.headers.emplace_back("Content-Type", "application/json");
  if (!body.is_null()) {
    body["name"] = app.name;
    if (!app.app_namespace.empty()) body["appNamespace"] = app.app_namespace;
    if (!app.project.empty()) body["project"] = app.project;
    request.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  const support::HttpResult result = Send(std::move(request));
  if (!result.ok()) Fail(app, may, result);
}

void Client::Rollback(const AppRef& app, int64_t id, bool prune, bool dry_run) {
  Write(app, "sync", {.method = "POST", .url = PathOf(app, "/rollback")},
        {{"id", id}, {"prune", prune}, {"dryRun", dry_run}});
}

void Client::Sync(const AppRef& app, const SyncOrder& order) {
  Json body{{"prune", order.prune}, {"dryRun", order.dry_run}};
  if (!order.revision.empty()) body["revision"] = order.revision;
  if (!order.decision.empty())
    body["infos"] = Json::array({{{"name", "heald"}, {"value", order.decision}}});
  Write(app, "sync", {.method = "POST", .url = PathOf(app, "/sync")}, std::move(body));
}

void Client::Terminate(const AppRef& app) {
  Write(app, "sync", {.method = "DELETE", .url = PathOf(app, "/operation") + Query(app)}, nullptr);
}

void Client::SetAutomated(const AppRef& app, const Json& automated) {
  const Json patch{{"spec", {{"syncPolicy", {{"automated", automated}}}}}};
  Write(app, "update", {.method = "PATCH", .url = PathOf(app), .repeatable = true},
        {{"patch", patch.dump()}, {"patchType", "merge"}});
}

}  // namespace heald::argocd
