// The one HTTP layer of all plugins that call out, over libcurl: keep-alive, deadlines, TLS, unix
// sockets, concurrent requests, streams, retries. One HttpClient per plugin instance.
// Thread rule: a client belongs to one thread at a time; Cancel is callable from any. Nothing here
// throws; what went wrong is in HttpResult::error. Secrets never get into an error.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/support/http_config.h"
#include "plugins/support/retry.h"

namespace heald::support {

inline constexpr int64_t kNoTimeout = std::numeric_limits<int64_t>::max();
inline constexpr uint64_t kDefaultBodyLimitBytes = uint64_t{64} << 20;

enum class HttpFault {
  kNone,
  kRequest,    // this request can't be sent: URL, header, token file
  kDns,        // no such host
  kConnect,    // refused, unreachable, no such socket
  kTimeout,    // no connection or no complete answer in time
  kTls,        // certificates or handshake
  kBroken,     // closed in the middle, or what came is not HTTP
  kStatus,     // an answer, with a status that isn't 2xx
  kTooLarge,   // the body exceeds the limit
  kCancelled,  // Cancel, or the client's cancelled() said so
};

struct HttpError {
  HttpFault fault = HttpFault::kNone;
  std::string message = {};    // what happened: "connection refused by http://localhost:9090"
  std::string advice = {};     // what to do about it
  bool sent = false;           // the server may have seen the request
  int64_t retry_after_ns = 0;  // the server's wish; 0: none
  explicit operator bool() const { return fault != HttpFault::kNone; }
  std::string Sentence() const { return advice.empty() ? message : message + ": " + advice; }
  // For a line that has more to say: without the advice where what happened speaks for itself.
  std::string Brief() const;
};

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method = "GET";
  std::string url = {};  // whole, or "/path?query" below the client's base URL
  HttpHeaders headers = {};
  std::string body = {};
  int64_t timeout_ns = 0;   // from the call on; 0: the config's; kNoTimeout for streams
  bool repeatable = false;  // sending it twice does no harm, though its method says otherwise
  bool show_query = false;  // nothing in the URL's query is secret
  uint64_t body_limit_bytes = kDefaultBodyLimitBytes;  // after decompression
  // When set, the body of a 2xx answer goes here as it comes, and nothing into the response;
  // false ends the transfer without an error.
  std::function<bool(std::string_view)> on_data = {};
};

struct HttpResponse {
  int status = 0;
  HttpHeaders headers;  // names in lower case
  std::string body;
  // Empty when absent. name: in lower case.
  std::string_view Header(std::string_view name) const;
};

struct HttpResult {
  HttpResponse response;  // also filled for kStatus
  HttpError error;
  bool ok() const { return !error; }
};

// May this request be sent again after this error? Only if doing it twice is harmless or the server
// has not done it: refused, never connected, or answered 429.
bool MayRetry(const HttpRequest& request, const HttpResult& result);

// Scheme, host, port and path of a URL: fit to be shown, without credentials and query.
std::string ShownUrl(std::string_view url);

// "POST https://api.example.org/v1/restart?…": the query only where the request says that it may be
// shown; of a unix socket's URL only the path.
std::string ShownCall(const HttpConfig& config, const HttpRequest& request);

// application/x-www-form-urlencoded, for queries and forms.
std::string UrlEncode(std::string_view text);

class HttpMetrics;

class HttpClient {
 public:
  // cancelled: asked about 20 times a second while something is under way; may be empty.
  // metrics: of the node (http_metrics.h); may be null.
  explicit HttpClient(HttpConfig config, std::function<bool()> cancelled = {},
                      std::shared_ptr<HttpMetrics> metrics = nullptr);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  HttpResult Perform(const HttpRequest& request);

  // Sends all, at most max_concurrent at once, and hands over each result as soon as it is there.
  // Timeouts count from the call.
  void PerformAll(std::span<const HttpRequest> requests, size_t max_concurrent,
                  const std::function<void(size_t index, HttpResult result)>& on_done);

  // Perform, again and again where MayRetry allows it, all within the request's timeout.
  HttpResult PerformRetrying(const HttpRequest& request, const RetryPolicy& policy);

  // False: cancelled meanwhile.
  bool Sleep(int64_t ns);

  // [any] Ends what is under way and everything later with kCancelled.
  void Cancel();

  const HttpConfig& config() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace heald::support
