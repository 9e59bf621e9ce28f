// Who may ask: the Host and Origin headers against DNS rebinding and foreign pages, the bearer
// token against everyone else. Used by the router. Thread rule: immutable once made.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/api/http.h"

namespace heald::api {

class Access {
 public:
  // `listen_host` as configured, `allowed_hosts` as "name" or "name:port". Empty token: none asked.
  Access(std::string listen_host, std::string token, std::vector<std::string> allowed_hosts);

  // The answer to give instead, when Host or Origin is not ours.
  std::optional<Response> CheckOrigin(const Request& request) const;
  // The answer to give instead, when a token is set and not presented.
  std::optional<Response> CheckToken(const Request& request) const;

 private:
  bool KnowsHost(std::string_view authority, std::string_view local_address) const;

  const std::string listen_host_;
  const std::string token_;
  std::vector<std::string> allowed_hosts_;
};

// In a time that depends on the length of `given` only.
bool EqualConstantTime(std::string_view given, std::string_view secret);

}  // namespace heald::api
