#include "core/config/listener.h"

#include <arpa/inet.h>
#include <re2/re2.h>

namespace heald {
namespace {

// By what is written, not by what a name resolves to: loading asks nobody. The server looks again
// at the address it gets.
bool IsLoopback(const std::string& listen) {
  const std::string host = listen.substr(0, listen.rfind(':'));
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  return host == "localhost" || host == "[::1]";
}

}  // namespace

std::vector<ListenerFinding> CheckListener(const AgentSpec& agent,
                                           const Result<size_t>& live_tokens) {
  std::vector<ListenerFinding> out;
  if (!live_tokens)
    out.push_back({Level::kError, "/agent/state_dir", live_tokens.error().message, ""});
  if (IsLoopback(agent.listen)) return out;
  const bool token = !agent.token.empty() || (live_tokens && *live_tokens > 0);
  const bool tls = agent.tls.enabled();
  const bool needs_token = !token && !agent.allow_no_token && live_tokens.ok();
  const bool needs_tls = !tls && !agent.allow_no_tls;
  const std::string reachable = "'" + agent.listen + "' can be reached from other machines";
  if (needs_token || needs_tls) {
    const std::string waiver = std::string(needs_token ? "no_token" : "") +
                               (needs_token && needs_tls ? ", " : "") + (needs_tls ? "no_tls" : "");
    std::string hint;
    if (needs_token)
      hint +=
          "make a token: heald token create --name NAME --role admin FILE (or set agent.token); ";
    if (needs_tls) hint += "set agent.tls: {cert_file: …, key_file: …}; ";
    out.push_back({Level::kError, "/agent/listen",
                   reachable + (needs_token && needs_tls ? " and has neither token nor TLS"
                                : needs_token            ? " and has no token"
                                                         : " and has no TLS"),
                   hint + "or listen on 127.0.0.1; or do without by name, agent.allow_insecure: [" +
                       waiver + "]"});
  }
  const bool open = !token && agent.allow_no_token;
  const bool clear = !tls && agent.allow_no_tls;
  if (open || clear)
    out.push_back({Level::kWarning, "/agent/allow_insecure",
                   reachable + ": " + (open ? "whoever reaches it is admin" : "") +
                       (open && clear ? ", and " : "") +
                       (clear ? "what goes there can be read and changed on the way" : ""),
                   ""});
  return out;
}

std::string WhyNoUrl(const std::string& url) {
  static const RE2 kUrl("(?i)https?://([^/?#\\s\"'<>\\\\]+)([/?#][^\\s\"'<>\\\\]*)?");
  std::string authority;
  // A password may be in anything that has an @, also in what is no URL.
  const std::string shown = url.find('@') == std::string::npos ? "'" + url + "'" : "this";
  if (!RE2::FullMatch(url, kUrl, &authority))
    return shown + " is no URL: write https://host, or http://host:port/path";
  if (authority.find('@') != std::string::npos)
    return "this URL has a user name or a password in it, and everyone would see it";
  return "";
}

}  // namespace heald
