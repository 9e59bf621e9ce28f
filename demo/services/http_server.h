// The socket side of a demo service; the only user of Poco. Used by main.
// Thread rule: Start and Stop from one thread; handlers run on the server's own threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/result.h"
#include "demo/services/http_app.h"

namespace heald::demo {

class HttpServer {
 public:
  // Port 0 picks a free one. `app` and `stop` outlive the server.
  static Result<std::unique_ptr<HttpServer>> Start(const std::string& host, uint16_t port,
                                                   HttpApp* app, StopSignal* stop);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  uint16_t port() const;
  // Takes no new connections, lets requests in flight finish for up to `drain_ns`, cuts the rest.
  void Stop(int64_t drain_ns);

 private:
  struct Parts;
  explicit HttpServer(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace heald::demo
