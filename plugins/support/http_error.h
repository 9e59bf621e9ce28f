// libcurl's outcomes as sentences for people. Only http.cc uses it.
// Thread rule: pure functions over a finished transfer.
#pragma once

#include <curl/curl.h>

#include <string>
#include <string_view>

#include "plugins/support/http.h"

namespace heald::support {

struct FailedTransfer {
  CURL* easy = nullptr;
  CURLcode code = CURLE_OK;
  std::string_view curl_text;  // CURLOPT_ERRORBUFFER
  std::string endpoint;        // as ShownUrl writes it
  std::string_view proxy_url;  // configured proxy, if any
  int64_t timeout_ns = 0;      // what the request was given
  int64_t connect_timeout_ns = 0;
  uint64_t body_limit_bytes = 0;
};

// A transfer that didn't end with a complete answer.
HttpError DescribeFailure(const FailedTransfer& failed);

// A complete answer whose status isn't 2xx. now_ns: wall clock, for Retry-After.
HttpError DescribeStatus(std::string_view method, const std::string& endpoint,
                         const HttpResponse& response, int64_t now_ns);

}  // namespace heald::support
