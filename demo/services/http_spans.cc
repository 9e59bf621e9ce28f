#include "demo/services/http_spans.h"

#include <charconv>
#include <string_view>

namespace heald::demo {
namespace {

std::string NameOf(const std::string& method, const std::string& route) {
  const std::string name = IsKnownMethod(method) ? method : "HTTP";
  return route.empty() ? name : name + " " + route;
}

void SetMethod(SpanScope* scope, const std::string& method) {
  scope->Set("http.request.method", IsKnownMethod(method) ? method : "_OTHER");
  if (!IsKnownMethod(method)) scope->Set("http.request.method_original", method);
}

// "127.0.0.1:8001", "[::1]:8001" or a name alone.
void SetAddress(SpanScope* scope, std::string_view host) {
  const size_t colon = host.ends_with(']') ? std::string_view::npos : host.rfind(':');
  int64_t port = 0;
  if (colon != std::string_view::npos)
    std::from_chars(host.data() + colon + 1, host.data() + host.size(), port);
  scope->Set("server.address", std::string(host.substr(0, colon)));
  if (port != 0) scope->Set("server.port", port);
}

void SetStatus(SpanScope* scope, int status, int fails_from) {
  scope->Set("http.response.status_code", int64_t{status});
  if (status >= fails_from) scope->Fail(std::to_string(status));
}

}  // namespace

bool IsKnownMethod(const std::string& method) {
  for (const char* known : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
    if (method == known) return true;
  return false;
}

ServerSpan::ServerSpan(Tracer* tracer, const Request& request, const std::string& route)
    : scope_(tracer, NameOf(request.method, route),
             ParseTraceparent(request.traceparent, request.tracestate)) {
  SetMethod(&scope_, request.method);
  scope_.Set("url.scheme", "http");
  scope_.Set("url.path", request.path);
  if (!route.empty()) scope_.Set("http.route", route);
  if (!request.host.empty()) SetAddress(&scope_, request.host);
}

// What a client did wrong is no error of the server.
void ServerSpan::Answered(int status) {
  SetStatus(&scope_, status, 500);
}

ClientSpan::ClientSpan(const std::string& method, const std::string& url)
    : scope_(tracing::SpanKind::kClient, NameOf(method, "")) {
  SetMethod(&scope_, method);
  scope_.Set("url.full", url);
  const size_t host = url.find("://") + 3;
  SetAddress(&scope_, std::string_view(url).substr(host, url.find('/', host) - host));
}

void ClientSpan::Answered(int status) {
  SetStatus(&scope_, status, 400);
}

void ClientSpan::Failed(const Error& error) {
  scope_.Fail(error.code == Code::kDeadline ? "timeout" : "connection_error", error.message);
}

std::vector<std::string> ClientSpan::Headers() const {
  const auto context = scope_.context();
  if (!context) return {};
  std::vector<std::string> headers = {"traceparent: " + Traceparent(*context)};
  if (!context->state.empty()) headers.push_back("tracestate: " + context->state);
  return headers;
}

}  // namespace heald::demo
