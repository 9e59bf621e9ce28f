// Spans of HTTP requests by OpenTelemetry's semantic conventions: those that a service serves and
// those that it sends. Used by HttpApp and Peer. Thread rule: as SpanScope.
#pragma once

#include <string>

#include "demo/services/http_types.h"
#include "demo/services/tracer.h"

namespace heald::demo {

bool IsKnownMethod(const std::string& method);

class ServerSpan {
 public:
  // `route` is empty where none takes the request.
  ServerSpan(Tracer* tracer, const Request& request, const std::string& route);
  void Answered(int status);

 private:
  SpanScope scope_;
};

class ClientSpan {
 public:
  ClientSpan(const std::string& method, const std::string& url);
  void Answered(int status);
  void Failed(const Error& error);
  // Header lines by which the peer's spans become children of this one.
  std::vector<std::string> Headers() const;

 private:
  SpanScope scope_;
};

}  // namespace heald::demo
