// Finds and runs the route of a request, after Host, Origin and token were checked. Used by the
// connection; tests may call it without a socket. Thread rule: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <variant>

#include "core/api/access.h"
#include "core/api/backend.h"
#include "core/api/http.h"
#include "core/base/units.h"
#include "core/telemetry/log.h"

namespace heald::api {

class Router {
 public:
  // `backend` must outlive the router.
  Router(Access access, Backend& backend) : access_(std::move(access)), backend_(backend) {}

  // Never throws; always a complete answer, security headers included.
  Response Handle(const Request& request) const;

  // Before the body of what is pushed to a node is read: the bytes that it may have, or the answer
  // to give instead.
  std::variant<uint64_t, Response> Admit(const Request& request) const;
  // Its body is longer than that, and was told so.
  void NoteTooLarge(const Request& request, uint64_t limit_bytes) const;

 private:
  Response Dispatch(const Request& request, std::string_view* route) const;
  // Somebody's samples or alerts are lost by it, and the sender may not tell.
  void NoteRefused(const Request& request, int status, const std::string& advice) const;

  const Access access_;
  Backend& backend_;
  // By the sender's address.
  std::unique_ptr<LogLimiter> refused_pushes_ = std::make_unique<LogLimiter>(kMinute);
};

// The headers that every answer carries, also those given before a route is known.
void AddSecurityHeaders(Response& response);

}  // namespace heald::api
