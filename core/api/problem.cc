#include "core/api/problem.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/api/json.h"
#include "core/base/units.h"

namespace heald::api {
namespace {

int StatusOf(Code code) {
  switch (code) {
    case Code::kInvalid:
      return 400;
    case Code::kDenied:
      return 403;
    case Code::kNotFound:
      return 404;
    case Code::kConflict:
      return 409;
    case Code::kUnsupported:
      return 501;
    case Code::kUnavailable:
    case Code::kCancelled:
    case Code::kFull:
      return 503;
    case Code::kDeadline:
      return 504;
    default:
      return 500;
  }
}

}  // namespace

std::string_view ReasonPhrase(int status) {
  constexpr std::pair<int, std::string_view> kReasons[] = {
      {200, "OK"},
      {202, "Accepted"},
      {204, "No Content"},
      {304, "Not Modified"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {411, "Length Required"},
      {413, "Content Too Large"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {422, "Unprocessable Content"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
  };
  for (const auto& [code, reason] : kReasons)
    if (code == status) return reason;
  return "Unknown";
}

Response Problem(int status, std::string_view detail) {
  Response response;
  response.status = status;
  response.content_type = "application/problem+json";
  response.body = Dump(Json{{"type", "about:blank"},
                            {"title", ReasonPhrase(status)},
                            {"status", status},
                            {"detail", detail}});
  return response;
}

Response Problem(const Error& error) {
  Response response = Problem(StatusOf(error.code), error.message);
  if (error.retry_after_ns > 0)
    response.headers.emplace_back(
        "Retry-After",
        std::to_string(std::max<int64_t>(1, (error.retry_after_ns + kSecond - 1) / kSecond)));
  return response;
}

}  // namespace heald::api
