#include "plugins/support/kubernetes/client.h"

#include <algorithm>
#include <chrono>
#include <exception>

#include "plugins/support/clock.h"
#include "plugins/support/json_at.h"
#include "plugins/support/kubernetes/item_splitter.h"
#include "plugins/support/kubernetes/object.h"
#include "plugins/support/retry.h"

namespace heald::kubernetes {
namespace {

using support::HttpFault;
using support::HttpRequest;
using support::HttpResult;
using support::SteadyNs;
using support::Text;

constexpr int kAttempts = 5;
constexpr support::RetryPolicy kRetry{
    .attempts = kAttempts, .base_ns = 200'000'000, .cap_ns = 5'000'000'000};
constexpr int64_t kConflictPauseNs = 100'000'000;

void AddQuery(std::string_view name, std::string_view value, std::string* url) {
  if (value.empty()) return;
  *url += url->find('?') == std::string::npos ? '?' : '&';
  (*url += name) += '=';
  *url += support::UrlEncode(value);
}

std::string WritePath(const Ref& ref, bool dry_run) {
  std::string url = ref.Path();
  if (dry_run) AddQuery("dryRun", "All", &url);
  AddQuery("fieldManager", kFieldManager, &url);
  return url;
}

HttpRequest WithBody(std::string method, std::string url, const Json& body,
                     std::string_view type = "application/json") {
  HttpRequest request{.method = std::move(method), .url = std::move(url)};
  // What isn't UTF-8 would be refused by the server anyway; here it must not throw.
  request.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  request.headers.emplace_back("Content-Type", type);
  return request;
}

std::string_view PatchMediaType(PatchType type) {
  switch (type) {
    case PatchType::kJson:
      return "application/json-patch+json";
    case PatchType::kMerge:
      return "application/merge-patch+json";
    default:
      return "application/strategic-merge-patch+json";
  }
}

bool HasTest(const Json& patch) {
  return patch.is_array() && std::any_of(patch.begin(), patch.end(), [](const Json& operation) {
           return operation.is_object() && operation.value("op", "") == "test";
         });
}

Json DeleteBody(const DeleteOptions& options) {
  Json body = Json::object();
  Json preconditions = Json::object();
  if (!options.uid.empty()) preconditions["uid"] = options.uid;
  if (!options.resource_version.empty())
    preconditions["resourceVersion"] = options.resource_version;
  if (!preconditions.empty()) body["preconditions"] = std::move(preconditions);
  if (options.grace_period_s) body["gracePeriodSeconds"] = *options.grace_period_s;
  if (!options.propagation.empty()) body["propagationPolicy"] = options.propagation;
  return body;
}

// May it be sent again? A budget's 429 is an answer, not a wish for fewer requests.
bool Again(const HttpRequest& request, const HttpResult& result) {
  if (result.error.fault == HttpFault::kStatus) {
    const Status status =
        ParseStatus(result.response.status, result.response.body, result.error.retry_after_ns);
    if (IsDisruptionBudget(status)) return false;
    // ServerTimeout: 500, with the time after which to come back.
    if (status.code == 500 && status.retry_after_ns > 0)
      return request.repeatable || request.method == "GET";
  }
  // What HTTP calls harmless would delete the successor of the same name.
  if (request.method == "DELETE" && !request.repeatable && result.error.sent &&
      result.response.status != 429)
    return false;
  return MayRetry(request, result);
}

ApiError NotTheApi(const Asked& asked, std::string_view what) {
  return UnreachableError(
      asked, {HttpFault::kBroken, "the answer is not what an API server writes" + std::string(what),
              "is this the API server's address?", true, 0});
}

}  // namespace

Client::Client(Cluster cluster, std::function<bool()> cancelled,
               std::shared_ptr<support::HttpMetrics> metrics)
    : cluster_(std::move(cluster)),
      http_(cluster_.http, std::move(cancelled), std::move(metrics)) {}

HttpResult Client::Send(const Asked& asked, HttpRequest request, int attempts) {
  request.show_query = true;
  request.headers.emplace_back("Accept", "application/json");
  // What was handed over can't be taken back.
  bool begun = false;
  // What the reader throws must not pass through libcurl's frames.
  std::exception_ptr thrown;
  if (auto reader = std::move(request.on_data))
    request.on_data = [&begun, &thrown, reader = std::move(reader)](std::string_view data) {
      begun = true;
      try {
        return reader(data);
      } catch (...) {
        thrown = std::current_exception();
        return false;
      }
    };
  int64_t given_ns = request.timeout_ns;
  if (given_ns == 0) given_ns = timeout_ns_ == 0 ? cluster_.http.timeout.ns : timeout_ns_;
  const int64_t until_ns = SteadyNs() + given_ns;
  support::Backoff backoff(kRetry);
  for (int attempt = 1;; ++attempt) {
    request.timeout_ns = std::max<int64_t>(until_ns - SteadyNs(), 1'000'000);
    HttpResult result = http_.Perform(request);
    if (thrown) std::rethrow_exception(thrown);
    if (result.ok()) return result;
    Status status;
    if (result.error.fault == HttpFault::kStatus)
      status =
          ParseStatus(result.response.status, result.response.body, result.error.retry_after_ns);
    if (attempt < attempts && !begun && Again(request, result)) {
      const int64_t pause_ns =
          backoff.NextNs(std::max(status.retry_after_ns, result.error.retry_after_ns));
      if (SteadyNs() + pause_ns < until_ns && http_.Sleep(pause_ns)) continue;
    }
    if (result.error.fault == HttpFault::kStatus)
      throw RefusedError(asked, std::move(status), cluster_);
    throw UnreachableError(asked, result.error);
  }
}

Json Client::Call(const Asked& asked, HttpRequest request) {
  const HttpResult result = Send(asked, std::move(request), kAttempts);
  Json json = Json::parse(result.response.body, nullptr, false);
  if (!json.is_object()) throw NotTheApi(asked, "");
  return json;
}

Json Client::Get(const Ref& ref) {
  return Call({"get", ref}, {.url = ref.Path()});
}

std::optional<Json> Client::Find(const Ref& ref) {
  try {
    return Get(ref);
  } catch (const ApiError& error) {
    if (!error.NotFound()) throw;
    return std::nullopt;
  }
}

std::vector<Json> Client::List(const Ref& ref, const ListOptions& options) {
  std::vector<Json> items;
  ForEach(ref, options, [&](Json&& item) { items.push_back(std::move(item)); });
  return items;
}

std::string Client::ForEach(const Ref& ref, const ListOptions& options,
                            const std::function<void(Json&& item)>& on_item) {
  const Asked asked{"list", ref};
  std::string version;
  std::string page;
  do {
    std::string url = ref.Path();
    AddQuery("fieldSelector", options.field_selector, &url);
    AddQuery("labelSelector", options.label_selector, &url);
    if (options.page_size > 0) AddQuery("limit", std::to_string(options.page_size), &url);
    AddQuery("continue", page, &url);
    size_t items = 0;
    bool garbage = false;
    ItemSplitter splitter(ItemSplitter::Of::kList, [&](std::string_view text) {
      Json item = ParseObject(text);
      garbage = !item.is_object();
      if (garbage) return false;
      ++items;
      on_item(std::move(item));
      return true;
    });
    HttpRequest request{.url = std::move(url)};
    request.on_data = [&](std::string_view data) { return splitter.Feed(data); };
    Send(asked, std::move(request), kAttempts);
    const std::string& text = splitter.envelope();
    if (!garbage && !splitter.malformed() && !splitter.complete() && !text.empty())
      throw UnreachableError(asked,
                             {HttpFault::kBroken,
                              "the list broke off; whole items that came: " + std::to_string(items),
                              "does a proxy on the way cut answers off?", true, 0});
    const Json envelope = Json::parse(text, nullptr, false);
    // A list without items has `items: null`.
    const bool listed = envelope.is_object() && envelope.contains("metadata") &&
                        envelope.contains("items") &&
                        (envelope["items"].is_array() || envelope["items"].is_null());
    if (!splitter.complete() || !listed) throw NotTheApi(asked, ": no list");
    version = Text(envelope, "/metadata/resourceVersion");
    page = Text(envelope, "/metadata/continue");
  } while (!page.empty());
  return version;
}

Json Client::Create(const Ref& ref, const Json& object, const WriteOptions& options) {
  return Call({"create", ref}, WithBody("POST", WritePath(ref, options.dry_run), object));
}

Json Client::Patch(const Ref& ref, PatchType type, const Json& patch, const WriteOptions& options) {
  const Asked asked{"patch", ref};
  HttpRequest request =
      WithBody("PATCH", WritePath(ref, options.dry_run), patch, PatchMediaType(type));
  // Twice the same comes to the same, but for operations and conditions on the former state.
  request.repeatable = options.dry_run || (type != PatchType::kJson &&
                                           Text(patch, "/metadata/resourceVersion").empty());
  try {
    return Call(asked, std::move(request));
  } catch (const ApiError& error) {
    if (type != PatchType::kJson || error.status().code != 422 || !error.status().causes.empty() ||
        !HasTest(patch))
      throw;
    throw TestFailedError(asked, error.status());
  }
}

Json Client::Replace(const Ref& ref, const Json& object, const WriteOptions& options) {
  return Call({"update", ref}, WithBody("PUT", WritePath(ref, options.dry_run), object));
}

Json Client::Delete(const Ref& ref, const DeleteOptions& options) {
  std::string url = ref.Path();
  if (options.dry_run) AddQuery("dryRun", "All", &url);
  Json body = DeleteBody(options);
  HttpRequest request{.method = "DELETE", .url = url};
  if (!body.empty()) {
    body.update({{"apiVersion", "v1"}, {"kind", "DeleteOptions"}});
    request = WithBody("DELETE", url, body);
  }
  request.repeatable = options.dry_run || !options.uid.empty();
  return Call({"delete", ref}, std::move(request));
}

void Client::Evict(const Ref& pod, const DeleteOptions& options) {
  Ref ref = pod;
  ref.subresource = "eviction";
  std::string url = ref.Path();
  if (options.dry_run) AddQuery("dryRun", "All", &url);
  Json body{{"apiVersion", "policy/v1"},
            {"kind", "Eviction"},
            {"metadata", {{"name", pod.name}, {"namespace", pod.name_space}}}};
  if (Json wanted = DeleteBody(options); !wanted.empty()) body["deleteOptions"] = std::move(wanted);
  HttpRequest request = WithBody("POST", url, body);
  request.repeatable = options.dry_run || !options.uid.empty();
  Call({"create", ref}, std::move(request));
}

Json Client::Edit(const Ref& ref, PatchType type, const MakePatch& make,
                  const WriteOptions& options, int attempts) {
  support::Backoff backoff({.base_ns = kConflictPauseNs, .cap_ns = 10 * kConflictPauseNs});
  for (int attempt = 1;; ++attempt) {
    Json object = Get(ref);
    std::optional<Json> patch = make(object);
    if (!patch) return object;
    const std::string version = Text(object, "/metadata/resourceVersion");
    if (type == PatchType::kJson) {
      patch->insert(
          patch->begin(),
          Json{{"op", "test"}, {"path", "/metadata/resourceVersion"}, {"value", version}});
    } else {
      (*patch)["metadata"]["resourceVersion"] = version;
    }
    try {
      return Patch(ref, type, *patch, options);
    } catch (const ApiError& error) {
      if (!error.Conflict() || attempt >= attempts) throw;
      if (!http_.Sleep(backoff.NextNs())) throw;
    }
  }
}

std::optional<std::string> Client::MayNot(std::string_view verb, const Ref& ref) {
  Json attributes{{"verb", verb}, {"group", ref.resource.group}, {"resource", ref.resource.plural}};
  if (ref.resource.namespaced && !ref.name_space.empty()) attributes["namespace"] = ref.name_space;
  if (!ref.name.empty()) attributes["name"] = ref.name;
  if (!ref.subresource.empty()) attributes["subresource"] = ref.subresource;
  const Ref reviews{kSelfSubjectAccessReviews};
  HttpRequest request = WithBody("POST", reviews.Path(),
                                 {{"apiVersion", reviews.resource.ApiVersion()},
                                  {"kind", reviews.resource.kind},
                                  {"spec", {{"resourceAttributes", std::move(attributes)}}}});
  request.repeatable = true;
  const Json review = Call({"create", reviews}, std::move(request));
  if (support::At(review, "/status/allowed") == true) return std::nullopt;
  const bool local = ref.resource.namespaced && !ref.name_space.empty();
  return "may not " + std::string(verb) + " " + ref.Shown() + ": add to a " +
         (local ? "Role in namespace " + ref.name_space : "ClusterRole") +
         " of heald's user: " + RbacRule(verb, ref);
}

std::string Client::Version() {
  const Asked asked{"get", {{"", "", "version", "version", false}}};
  return Text(Call(asked, {.url = "/version"}), "/gitVersion");
}

void Client::Stream(const Asked& asked, const std::string& url, int64_t timeout_ns,
                    const std::function<bool(std::string_view)>& on_data) {
  Send(asked, {.url = url, .timeout_ns = timeout_ns, .on_data = on_data}, 1);
}

}  // namespace heald::kubernetes
