// A request and a response as the demo's handlers see them: no HTTP library in sight. Errors are
// problem+json (RFC 9457). Used by routes, HttpApp and the server.
// Thread rule: plain values.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace heald::demo {

struct Request {
  std::string method;
  std::string path;
  std::string content_type;
  std::string host;         // as the client calls this service
  std::string traceparent;  // the caller's trace, with tracestate; both may be empty
  std::string tracestate;
  std::string body;
  std::map<std::string, std::string> query;
  std::function<bool()> client_gone;          // empty where nobody can hang up
  std::map<std::string, std::string> params;  // {id} of the pattern; set by the router
  nlohmann::json json;                        // the checked body; set by HttpApp
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::function<void()> after_send;  // runs when the client has its answer
};

Response JsonResponse(int status, const nlohmann::json& body);
// `errors` is a list of {"field", "message"}; left out when empty.
Response Problem(int status, const std::string& detail,
                 nlohmann::json errors = nlohmann::json::array());
const char* ReasonPhrase(int status);

}  // namespace heald::demo
