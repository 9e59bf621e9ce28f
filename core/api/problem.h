// Errors of the API as problem details (RFC 9457). Used by the router and the connection.
// Thread rule: pure functions.
#pragma once

#include <string_view>

#include "core/api/http.h"
#include "core/base/result.h"

namespace heald::api {

// "Not Found"
std::string_view ReasonPhrase(int status);
// `detail` says what is wrong with this request and what to do.
Response Problem(int status, std::string_view detail);
Response Problem(const Error& error);

}  // namespace heald::api
