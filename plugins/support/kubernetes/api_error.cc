#include "plugins/support/kubernetes/api_error.h"

#include <algorithm>

#include "plugins/support/clock.h"
#include "plugins/support/json_at.h"

namespace heald::kubernetes {
namespace {

using support::At;
using support::Number;
using support::Text;

using support::kSecond;
constexpr size_t kMostCauses = 5;
constexpr size_t kExcerptBytes = 200;
// A budget gives way when another pod is ready, which takes seconds; the server names no time.
constexpr int64_t kBudgetPauseNs = 5 * kSecond;

std::string Printable(std::string_view text, size_t most) {
  std::string out;
  for (const char c : text.substr(0, most))
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  while (!out.empty() && (out.back() == ' ' || (out.back() & 0xc0) == 0x80)) out.pop_back();
  return out;
}

std::string Causes(const Status& status) {
  std::string out;
  for (size_t i = 0; i < status.causes.size() && i < kMostCauses; ++i) {
    const Status::Cause& cause = status.causes[i];
    if (!out.empty()) out += "; ";
    if (!cause.field.empty()) out += cause.field + ": ";
    out += cause.message.empty() ? cause.reason : cause.message;
  }
  if (status.causes.size() > kMostCauses)
    out += "; and " + std::to_string(status.causes.size() - kMostCauses) + " more";
  return out;
}

std::string ResourceName(const Ref& ref) {
  std::string name(ref.resource.plural);
  return ref.subresource.empty() ? name : name + "/" + ref.subresource;
}

// "can't patch Deployment prod/web"
std::string Cannot(const Asked& asked) {
  std::string verb(asked.verb);
  std::string what = asked.ref.Shown();
  if (asked.ref.subresource == "eviction")
    verb = "evict";
  else if (!asked.ref.subresource.empty())
    what = "the " + asked.ref.subresource + " of " + what;
  return "kubernetes: can't " + verb + " " + what;
}

std::string Unauthorized(const Cluster& cluster) {
  const support::HttpConfig& http = cluster.http;
  std::string text = "the API server doesn't accept these credentials (401)";
  if (!http.bearer_token_file.empty())
    return text + ": check that " + http.bearer_token_file +
           " holds a token of this cluster that hasn't expired";
  if (!http.bearer_token.empty())
    return text + ": the token has expired or is another cluster's; `kubectl create token` makes " +
           "a new one, and bearer_token_file takes one that is renewed";
  if (!http.tls.cert_file.empty())
    return text + ": the client certificate has expired or another authority signed it";
  return text + ": give it some, with bearer_token_file, tls.cert_file or a kubeconfig";
}

std::string Forbidden(const Asked& asked, const Status& status) {
  const bool rbac = status.message.find(" cannot ") != std::string::npos &&
                    status.message.find("resource \"") != std::string::npos;
  // A quota, an admission hook, a namespace that ends: more rights would not help.
  if (!rbac) return status.message;
  const Ref& ref = asked.ref;
  const bool local = ref.resource.namespaced && !ref.name_space.empty();
  std::string text = status.message + "; add to " +
                     (local ? "a Role in namespace " + ref.name_space : "a ClusterRole") +
                     " that is bound to it: " + RbacRule(asked.verb, ref);
  if (status.message.find("system:anonymous") != std::string::npos)
    text += " (no credentials were sent: is a token or certificate missing?)";
  return text;
}

}  // namespace

Status ParseStatus(int http_status, std::string_view body, int64_t retry_after_ns) {
  Status status;
  status.code = http_status;
  status.retry_after_ns = retry_after_ns;
  const nlohmann::json json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object() || Text(json, "/kind") != "Status") {
    status.message = Printable(body, kExcerptBytes);
    return status;
  }
  if (const int64_t code = Number(json, "/code"); code != 0) status.code = static_cast<int>(code);
  status.reason = Text(json, "/reason");
  status.message = Printable(Text(json, "/message"), 1000);
  status.name = Text(json, "/details/name");
  status.kind = Text(json, "/details/kind");
  status.continue_token = Text(json, "/metadata/continue");
  if (const int64_t seconds = Number(json, "/details/retryAfterSeconds"); seconds > 0)
    status.retry_after_ns =
        std::max(status.retry_after_ns, std::min<int64_t>(seconds, 3600) * kSecond);
  for (const nlohmann::json& cause : At(json, "/details/causes"))
    status.causes.push_back(
        {Text(cause, "/reason"), Printable(Text(cause, "/message"), 500), Text(cause, "/field")});
  return status;
}

bool IsDisruptionBudget(const Status& status) {
  return status.code == 429 &&
         std::any_of(status.causes.begin(), status.causes.end(),
                     [](const auto& cause) { return cause.reason == "DisruptionBudget"; });
}

std::string RbacRule(std::string_view verb, const Ref& ref) {
  return "- {apiGroups: [\"" + std::string(ref.resource.group) + "\"], resources: [\"" +
         ResourceName(ref) + "\"], verbs: [\"" + std::string(verb) + "\"]}";
}

ApiError RefusedError(const Asked& asked, Status status, const Cluster& cluster) {
  const std::string said = status.message.empty() ? "no reason given" : status.message;
  const std::string number = " (HTTP " + std::to_string(status.code) + ")";
  int32_t code = HEALD_UNAVAILABLE;
  bool retryable = false;
  std::string text = said;
  switch (status.code) {
    case 401:
      code = HEALD_DENIED;
      retryable = true;  // once they are renewed
      text = Unauthorized(cluster);
      break;
    case 403:
      code = HEALD_DENIED;
      text = Forbidden(asked, status);
      break;
    case 404:
      code = HEALD_NOT_FOUND;
      if (status.name.empty())
        text = "this server has no " + ResourceName(asked.ref) + " in " +
               asked.ref.resource.ApiVersion() + number;
      break;
    case 405:
      code = HEALD_UNSUPPORTED;
      text += number;
      break;
    case 409:
      code = HEALD_CONFLICT;
      break;
    case 410:
      retryable = true;
      break;
    case 429:
      retryable = true;
      if (IsDisruptionBudget(status)) {
        text = "a disruption budget forbids it now: " + Causes(status);
        if (status.retry_after_ns == 0) status.retry_after_ns = kBudgetPauseNs;
      } else {
        text = "the API server asks for fewer requests" + number + ": " + said;
      }
      break;
    case 400:
    case 413:
    case 415:
    case 422:
      code = HEALD_INVALID;
      // The causes say the same as the message, but for some: one by one and without Go's types.
      text = status.causes.empty() ? said : "refused as invalid: " + Causes(status);
      text += number;
      break;
    default:
      if (status.code >= 300 && status.code < 500) {
        text = said + number + ": is this the API server's address?";
      } else if (said.find("more than one PodDisruptionBudget") != std::string::npos) {
        // A 500, and yet nothing that passes.
        code = HEALD_INVALID;
        text = said + " Leave it one";
      } else {
        retryable = true;
        text = "the API server has a problem of its own" + number + ": " + said;
      }
      break;
  }
  const int64_t retry_after_ns = status.retry_after_ns;
  ApiError error(code, Cannot(asked) + ": " + text, std::move(status));
  if (retryable) error.Retryable(retry_after_ns);
  return error;
}

ApiError TestFailedError(const Asked& asked, Status status) {
  return ApiError(HEALD_CONFLICT,
                  Cannot(asked) +
                      ": it is not as the patch's `test` expects any more, or lacks a path that "
                      "the patch names (HTTP 422)",
                  std::move(status));
}

ApiError UnreachableError(const Asked& asked, const support::HttpError& error) {
  using support::HttpFault;
  int32_t code = HEALD_UNAVAILABLE;
  if (error.fault == HttpFault::kTimeout) code = HEALD_DEADLINE;
  if (error.fault == HttpFault::kCancelled) code = HEALD_CANCELLED;
  if (error.fault == HttpFault::kRequest) code = HEALD_INVALID;
  ApiError out(code, Cannot(asked) + ": " + error.Sentence(), {}, error.fault);
  if (code == HEALD_UNAVAILABLE || code == HEALD_DEADLINE) out.Retryable(error.retry_after_ns);
  return out;
}

}  // namespace heald::kubernetes
