#include "core/api/access.h"

#include <algorithm>
#include <cctype>
#include <mutex>

#include "core/api/attempts.h"
#include "core/api/lower.h"
#include "core/api/problem.h"
#include "core/api/tokens.h"
#include "core/base/units.h"

namespace heald::api {
namespace {

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

// Empty when the header is no bearer token.
std::string_view BearerToken(std::string_view header) {
  constexpr std::string_view kScheme = "bearer ";
  if (Lower(header.substr(0, kScheme.size())) != kScheme) return {};
  return header.substr(kScheme.size());
}

Response Unauthorized(const std::string& detail, const std::string& error) {
  Response response = Problem(401, detail);
  response.headers.emplace_back(
      "WWW-Authenticate",
      error.empty() ? "Bearer realm=\"heald\"" : "Bearer realm=\"heald\", error=\"" + error + "\"");
  return response;
}

// No id of the file looks like that.
std::string AgentTokenId(uint64_t number) {
  return "agent/" + std::to_string(number);
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

struct Access::State {
  State(AccessOptions o, const Clock& c)
      : options(std::move(o)), clock(c), watch(options.tokens_file, c, options.notice) {}

  const AccessOptions options;  // hosts in lower case; the two that Update changes: below
  const Clock& clock;
  TokenWatch watch;
  Attempts attempts;

  std::mutex mutex;  // guards all below
  std::string agent_token;
  uint64_t agent_token_number = 0;  // goes up with every change
  bool allow_no_token = false;

  std::pair<std::string, uint64_t> AgentToken() {
    const std::lock_guard lock(mutex);
    return {agent_token, agent_token_number};
  }
};

const Clock& Access::ProcessClock() {
  static const SystemClock kClock;
  return kClock;
}

Access::Access(AccessOptions options, const Clock& clock) {
  options.listen_host = Lower(options.listen_host);
  for (std::string& host : options.allowed_hosts) host = Lower(host);
  state_ = std::make_shared<State>(std::move(options), clock);
  Update(state_->options.agent_token, state_->options.allow_no_token);
}

void Access::Update(const std::string& agent_token, bool allow_no_token) const {
  const std::lock_guard lock(state_->mutex);
  if (state_->agent_token != agent_token) ++state_->agent_token_number;
  state_->agent_token = agent_token;
  state_->allow_no_token = allow_no_token;
}

// The port is not compared, unless allowed_hosts names one: a rebound name is caught by its name,
// and port mappings change the number on the way.
bool Access::KnowsHost(std::string_view authority, std::string_view local_address) const {
  const std::string_view host = HostOf(authority);
  if (host.empty()) return false;
  if (host == "localhost" || host == "127.0.0.1" || host == "::1" ||
      host == state_->options.listen_host || host == local_address)
    return true;
  const std::vector<std::string>& names = state_->options.allowed_hosts;
  return std::any_of(names.begin(), names.end(), [&](const std::string& allowed) {
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
  const std::vector<std::string>& names = state_->options.allowed_hosts;
  const bool own =
      authority == host || std::find(names.begin(), names.end(), authority) != names.end();
  if (web && own) return std::nullopt;
  return Problem(403, "Origin '" + origin +
                          "' may not use this API: it is for the agent's own page; for another one "
                          "add its host:port to agent.allowed_hosts");
}

bool Access::Open() const {
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->agent_token.empty()) return false;
    if (!state_->options.loopback && !state_->allow_no_token) return false;
  }
  return !state_->watch.Exists();
}

std::variant<Identity, Response> Access::Authenticate(const Request& request) const {
  State& state = *state_;
  if (Open()) {
    const bool local = state.options.loopback;
    return Identity{local ? "local" : "address:" + request.peer_address, Role::kAdmin, "", local};
  }
  const std::string_view token = BearerToken(request.Header("authorization"));
  if (token.empty())
    return Unauthorized(
        "send 'Authorization: Bearer TOKEN'; `heald token create --name NAME --role ROLE` makes a "
        "token",
        "");
  // Both are looked at, whichever matches.
  const auto [agent_token, number] = state.AgentToken();
  const bool is_agent = EqualConstantTime(token, agent_token);
  const TokenWatch::Answer answer = state.watch.Check(token);
  // 256 random bits can't be guessed: who has such a token is never kept out because somebody else
  // behind the same address tries. What people chose themselves, agent.token, could be.
  if (answer.verdict == TokenWatch::Verdict::kLive)
    return Identity{"user:" + answer.token.name, answer.token.role, answer.token.id, false};
  const int64_t now_ns = state.clock.MonotonicNs();
  if (const int64_t wait_ns = state.attempts.WaitNs(request.peer_address, now_ns); wait_ns > 0) {
    Response refusal = Problem(429, "too many wrong tokens from " + request.peer_address +
                                        ": try again in " + FormatElapsed(wait_ns));
    refusal.headers.emplace_back("Retry-After", std::to_string((wait_ns + kSecond - 1) / kSecond));
    return refusal;
  }
  if (is_agent) return Identity{"token:agent", Role::kAdmin, AgentTokenId(number), false};
  if (answer.verdict == TokenWatch::Verdict::kExpired)
    return Unauthorized("the token of " + answer.token.name + " expired at " +
                            FormatTime(answer.token.expires_ns) +
                            ": `heald token create` makes a new one",
                        "invalid_token");
  if (state.attempts.Failed(request.peer_address, token, now_ns) && state.options.notice)
    state.options.notice(true, std::to_string(Attempts::kPerMinute) +
                                   " different wrong tokens within a minute from " +
                                   request.peer_address + ": it has to wait for the rest of it");
  return Unauthorized(
      "the token is not one of this agent's, or was revoked: `heald token list` shows which there "
      "are",
      "invalid_token");
}

bool Access::Holds(const Identity& identity) const {
  if (identity.token_id.empty()) return Open();
  if (identity.token_id == AgentTokenId(state_->AgentToken().second)) return true;
  return state_->watch.IsLive(identity.token_id);
}

bool Access::HasLiveToken() const {
  if (!state_->AgentToken().first.empty()) return true;
  const std::vector<TokenUse> uses = state_->watch.List();
  const int64_t now_ns = state_->clock.NowNs();
  return std::any_of(uses.begin(), uses.end(),
                     [&](const TokenUse& use) { return use.token.LiveAt(now_ns); });
}

std::vector<TokenUse> Access::Tokens() const {
  return state_->watch.List();
}

std::optional<Response> Authorize(const Identity& identity, Role needed) {
  const bool may = needed == Role::kSender
                       ? identity.role == Role::kSender || identity.role == Role::kAdmin
                       : identity.role >= needed;
  if (may) return std::nullopt;
  return Problem(403, "this takes the role " + std::string(ToString(needed)) + "; yours is " +
                          std::string(ToString(identity.role)));
}

Result<std::string> ActorFor(const Identity& identity, const std::optional<std::string>& named) {
  if (!named || *named == identity.actor) return identity.actor;
  if (!IsActorName(*named))
    return MakeError(Code::kInvalid,
                     "'actor' must be a name of 1 to 64 letters, digits and . _ - @");
  const std::string actor = "user:" + *named;
  if (identity.may_name_actor || actor == identity.actor) return actor;
  return MakeError(Code::kDenied, "'actor' names " + *named + ", but this request is by " +
                                      identity.actor + ": leave 'actor' out, or use the token of " +
                                      *named);
}

}  // namespace heald::api
