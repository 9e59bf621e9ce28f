// A blocking HTTP client over libcurl that keeps its connections. Used by orders for its peers, by
// the traffic tool for single calls, and by tests.
// Thread rule: Send from any thread, at once.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace heald::demo {

struct HttpReply {
  int status = 0;
  std::string content_type;
  std::string body;
  int64_t retry_after_ns = 0;  // as the answer asks
};

class HttpClient {
 public:
  HttpClient();
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // The whole call ends within `timeout_ns`. A body, when not empty, is sent as JSON unless
  // `content_type` says otherwise; `headers` are lines, "Name: value". An error is "connection
  // refused" and the like; any status is a reply.
  Result<HttpReply> Send(const std::string& method, const std::string& url, const std::string& body,
                         int64_t timeout_ns, const char* content_type = "application/json",
                         const std::vector<std::string>& headers = {});

 private:
  struct Handle;
  std::unique_ptr<Handle> Take();
  void Give(std::unique_ptr<Handle> handle);

  std::mutex mutex_;
  std::vector<std::unique_ptr<Handle>> idle_;  // guarded by mutex_
};

}  // namespace heald::demo
