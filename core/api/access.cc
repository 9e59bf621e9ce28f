#include "core/api/access.h"

#include <algorithm>
#include <cctype>

#include "core/api/problem.h"

namespace heald::api {
namespace {

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// "[::1]:8080" -> "::1", "Host:80" -> "Host"; empty when it is no authority.
std::string_view HostOf(std::string_view authority) {
  std::string_view host = authority, port;
  if (authority.starts_with('[')) {
    const size_t close = authority.find(']');
    if (close == std::string_view::npos) return {};
    host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
    if (!port.empty() && port[0] != ':') return {};
  } else if (const size_t colon = authority.find(':'); colon != std::string_view::npos) {
    host = authority.substr(0, colon);
    port = authority.substr(colon);
  }
  if (!port.empty()) port.remove_prefix(1);
  const bool digits =
      std::all_of(port.begin(), port.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
  return digits ? host : std::string_view();
}

}  // namespace

bool EqualConstantTime(std::string_view given, std::string_view secret) {
  volatile unsigned char difference = given.size() == secret.size() && !secret.empty() ? 0 : 1;
  for (size_t i = 0; i < given.size(); ++i) {
    const auto expected =
        static_cast<unsigned char>(secret.empty() ? 0 : secret[i % secret.size()]);
    difference =
        static_cast<unsigned char>(difference | (static_cast<unsigned char>(given[i]) ^ expected));
  }
  return difference == 0;
}

Access::Access(std::string listen_host, std::string token, std::vector<std::string> allowed_hosts)
    : listen_host_(Lower(listen_host)), token_(std::move(token)) {
  for (const std::string& host : allowed_hosts) allowed_hosts_.push_back(Lower(host));
}

// The port is not compared, unless allowed_hosts names one: a rebound name is caught by its name,
// and port mappings change the number on the way.
bool Access::KnowsHost(std::string_view authority, std::string_view local_address) const {
  const std::string_view host = HostOf(authority);
  if (host.empty()) return false;
  if (host == "localhost" || host == "127.0.0.1" || host == "::1" || host == listen_host_ ||
      host == local_address)
    return true;
  return std::any_of(allowed_hosts_.begin(), allowed_hosts_.end(), [&](const std::string& allowed) {
    return allowed == authority || allowed == host;
  });
}

std::optional<Response> Access::CheckOrigin(const Request& request) const {
  const std::string host = Lower(request.Header("host"));
  if (!KnowsHost(host, request.local_address))
    return Problem(403, "Host '" + host +
                            "' is not this agent's: use its listen address, or add the name to "
                            "agent.allowed_hosts");
  const std::string origin = Lower(request.Header("origin"));
  if (origin.empty()) return std::nullopt;
  const size_t scheme = origin.find("://");
  const std::string authority = scheme == std::string::npos ? "" : origin.substr(scheme + 3);
  const bool web = origin.starts_with("http://") || origin.starts_with("https://");
  // The page's own origin is the Host it was fetched from, port included.
  const bool own = authority == host || std::find(allowed_hosts_.begin(), allowed_hosts_.end(),
                                                  authority) != allowed_hosts_.end();
  if (web && own) return std::nullopt;
  return Problem(403, "Origin '" + origin +
                          "' may not use this API: it is for the agent's own page; for another one "
                          "add its host:port to agent.allowed_hosts");
}

std::optional<Response> Access::CheckToken(const Request& request) const {
  if (token_.empty()) return std::nullopt;
  const std::string_view header = request.Header("authorization");
  constexpr std::string_view kScheme = "bearer ";
  const bool bearer =
      header.size() > kScheme.size() && Lower(header.substr(0, kScheme.size())) == kScheme;
  if (bearer && EqualConstantTime(header.substr(kScheme.size()), token_)) return std::nullopt;
  Response response =
      Problem(401, bearer ? "the token is not this agent's: it is agent.token of the pipeline file"
                          : "send 'Authorization: Bearer TOKEN' with agent.token of the pipeline "
                            "file");
  response.headers.emplace_back(
      "WWW-Authenticate",
      bearer ? "Bearer realm=\"heald\", error=\"invalid_token\"" : "Bearer realm=\"heald\"");
  return response;
}

}  // namespace heald::api
