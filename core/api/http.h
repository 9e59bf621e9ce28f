// A request and its answer as plain data: what the router works on, free of Poco and of sockets.
// Thread rule: plain values.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace heald::api {

using NameValue = std::pair<std::string, std::string>;

// Below it is what others push to sources: /receive/<node>…
inline constexpr std::string_view kPushPath = "/receive/";

struct Request {
  std::string method;
  std::string path;                // decoded
  std::vector<NameValue> query;    // decoded
  std::vector<NameValue> headers;  // names in lower case
  std::string body;
  std::string local_address;  // the connection's end on this side, without the port
  std::string peer_address;

  bool IsPush() const { return method == "POST" && path.starts_with(kPushPath); }
  // Empty when absent.
  std::string_view Header(std::string_view lower_case_name) const {
    for (const NameValue& header : headers)
      if (header.first == lower_case_name) return header.second;
    return {};
  }
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<NameValue> headers;
  bool live = false;  // a stream of events follows the head, and no body
};

}  // namespace heald::api
