#include "demo/services/http_types.h"

namespace heald::demo {

const char* ReasonPhrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 400:
      return "Bad Request";
    case 402:
      return "Payment Required";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 499:
      return "Client Closed Request";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "Unknown";
  }
}

Response JsonResponse(int status, const nlohmann::json& body) {
  Response response;
  response.status = status;
  // Bytes that are no UTF-8 may arrive in paths and are answered as replacement characters.
  response.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  return response;
}

Response Problem(int status, const std::string& detail, nlohmann::json errors) {
  nlohmann::json body = {{"type", "about:blank"},
                         {"title", ReasonPhrase(status)},
                         {"status", status},
                         {"detail", detail}};
  if (!errors.empty()) body["errors"] = std::move(errors);
  Response response = JsonResponse(status, body);
  response.content_type = "application/problem+json";
  return response;
}

}  // namespace heald::demo
