// What a client's headers make of an answer: "not modified" for what it has already, gzip for what
// it takes compressed. Used by the connection. Thread rule: pure functions.
#pragma once

#include "core/api/http.h"

namespace heald::api {

// An answer that carries a Content-Encoding already stays as it is.
void Encode(const Request& request, Response& response);
// "gzip" by name, or by "*"; a quality of 0 says no.
bool TakesGzip(const Request& request);

}  // namespace heald::api
