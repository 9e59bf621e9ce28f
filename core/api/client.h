// One request, one connection, one answer: to a running agent, by the verbs of the command line
// that change something in it; and to the receiver of traces, by the agent. Thread rule: plain
// values; the functions may be called from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/base/units.h"

namespace heald::api {

struct Client {
  std::string url;    // "http://127.0.0.1:8080", "https://heald.example:8443"
  std::string token;  // empty: none
  // A certificate in PEM that is trusted as it is, whatever name it bears: the agent's own, known
  // from its pipeline file. Empty: the machine's authorities and the URL's name count.
  std::string trusted_cert_file;
  std::vector<std::pair<std::string, std::string>> headers = {};  // more of them
  int64_t timeout_ns = 15 * kSecond;                              // of the whole
};

struct ClientAnswer {
  int status = 0;
  std::string body;
  int64_t retry_after_ns = 0;  // as the answer asks
};

// kInvalid: the URL; kUnavailable: nobody answers there; kDenied: it isn't who it should be.
// An answer of any status is no error.
Result<ClientAnswer> Ask(const Client& client, std::string_view method, std::string_view path,
                         std::string_view body = {});
// The same of a server that is no agent, without advice about one. kCorrupt: it speaks no HTTP.
Result<ClientAnswer> Exchange(const Client& client, std::string_view method, std::string_view path,
                              std::string_view body = {});

}  // namespace heald::api
