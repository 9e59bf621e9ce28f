// Who may ask, and for what: the Host and Origin headers against DNS rebinding and foreign pages,
// the bearer token against everyone else, its role against too much. Used by the router; the server
// makes it. A copy is the same access: what Update changes holds for all. Thread rule: any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/api/http.h"
#include "core/api/identity.h"
#include "core/api/token_watch.h"
#include "core/base/clock.h"
#include "core/base/result.h"

namespace heald::api {

struct AccessOptions {
  std::string listen_host = "127.0.0.1";   // as configured
  bool loopback = true;                    // whether only this machine reaches the listener
  std::string agent_token;                 // an admin's; empty: none
  std::string tokens_file;                 // see tokens.h; empty: none
  bool allow_no_token = false;             // open though others reach it, waived by name
  std::vector<std::string> allowed_hosts;  // as "name" or "name:port"
  TokenWatch::Notice notice;               // may be empty
};

class Access {
 public:
  // `clock` must outlive it and all copies.
  explicit Access(AccessOptions options, const Clock& clock = ProcessClock());

  // The answer to give instead, when Host or Origin is not ours.
  std::optional<Response> CheckOrigin(const Request& request) const;

  // Who asks; or 401, or 429 for an address that guesses, to be given instead.
  std::variant<Identity, Response> Authenticate(const Request& request) const;
  // Whether an identity of Authenticate would still be given: for answers that go on for long.
  bool Holds(const Identity& identity) const;
  // Everyone who reaches the listener is admin: there are no tokens, and that is allowed.
  bool Open() const;
  // Someone could come in with a token at this moment.
  bool HasLiveToken() const;
  // Tokens of the file, with when they were last used.
  std::vector<TokenUse> Tokens() const;

  // After a reload.
  void Update(const std::string& agent_token, bool allow_no_token) const;

 private:
  static const Clock& ProcessClock();
  bool KnowsHost(std::string_view authority, std::string_view local_address) const;

  struct State;
  std::shared_ptr<State> state_;
};

// 403 naming the role needed and the role had, or nothing.
std::optional<Response> Authorize(const Identity& identity, Role needed);

// Whom the journal names for a change: the token's actor. Only where no tokens exist may a body's
// `actor` say who the person is; elsewhere one that differs is refused (kDenied), so that nobody
// acts in another's name.
Result<std::string> ActorFor(const Identity& identity, const std::optional<std::string>& named);

// In a time that depends on the length of `given` only.
bool EqualConstantTime(std::string_view given, std::string_view secret);

}  // namespace heald::api
