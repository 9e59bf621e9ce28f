// The head of an HTTP/1 request, from its first byte to the empty line, checked more strictly than
// the library does: what two parsers could read differently is refused. Used by the connection.
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "core/api/http.h"
#include "core/base/result.h"

namespace heald::api {

struct RequestHead {
  Request request;  // without body and addresses
  uint64_t body_bytes = 0;
  bool chunked = false;  // instead; only for what is pushed to a node
  bool keep_alive = false;
  bool expects_continue = false;
};

struct HeadError {
  int status = 400;
  std::string detail;
};

// `text` ends with the empty line.
std::variant<RequestHead, HeadError> ParseRequestHead(std::string_view text);

// The fields of a form as browsers post it, or of a query. kInvalid: it can't be decoded.
Result<std::vector<NameValue>> ParseForm(std::string_view text);

}  // namespace heald::api
