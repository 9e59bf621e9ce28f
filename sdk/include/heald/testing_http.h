// The agent's listener for a plugin's unit tests: takes the routes that a source mounts, and sends
// it requests as the agent would.
//
//   FakeHost host;
//   FakeListener listener(host);            // before the source is started
//   …
//   const FakeListener::Answer answer = listener.Post("", R"({"alerts": []})");
//   EXPECT_EQ(answer.status, 204);
//
// Thread rule: as FakeHost; Post calls the handler on the caller's thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "heald/http.h"
#include "heald/testing.h"

namespace heald::sdk::testing {

class FakeListener {
 public:
  struct Answer {
    int status = 0;
    std::string content_type;
    std::string body;  // of an error: its message
    std::vector<Label> headers;
    int64_t retry_after_ns = 0;
  };

  explicit FakeListener(FakeHost& host) {
    table_.size = sizeof table_;
    table_.mount = [](void* ctx, heald_str path, uint64_t max_body_bytes,
                      heald_http_handler handler, void* user, uint64_t* route, heald_error* error) {
      FakeListener& self = Of(ctx);
      if (max_body_bytes == 0 || max_body_bytes > HEALD_HTTP_MAX_BODY_BYTES)
        return detail::Fill(error, HEALD_INVALID, "a route's body limit is from 1 byte to 16 MiB");
      if (self.FindRoute(detail::View(path)) != nullptr)
        return detail::Fill(error, HEALD_CONFLICT, "the route is mounted already");
      *route = ++self.last_;
      self.routes_[*route] = {std::string(detail::View(path)), max_body_bytes, handler, user};
      return int32_t{HEALD_OK};
    };
    table_.unmount = [](void* ctx, uint64_t route) { Of(ctx).routes_.erase(route); };
    host.Extend(HEALD_EXT_HTTP, &table_, this);
  }
  FakeListener(const FakeListener&) = delete;
  FakeListener& operator=(const FakeListener&) = delete;

  size_t routes() const { return routes_.size(); }
  // 404 where nothing is mounted, 413 for a body beyond its limit; errors as the agent answers
  // them.
  Answer Post(std::string_view path, std::string_view body, const std::vector<Label>& headers = {},
              std::string_view actor = "user:test") {
    const Route* route = FindRoute(path);
    if (route == nullptr) return {404, "", "nothing is mounted there", {}, 0};
    if (body.size() > route->max_body_bytes) return {413, "", "the body is too long", {}, 0};
    std::vector<heald_label> views;
    for (const Label& header : headers)
      views.push_back({detail::Str(header.first), detail::Str(header.second)});
    heald_http_request request{};
    request.size = sizeof request;
    request.path = detail::Str(path);
    request.headers = views.data();
    request.header_count = views.size();
    request.body = detail::Str(body);
    request.actor = detail::Str(actor);
    heald_http_response response{};
    response.size = sizeof response;
    heald_error error = detail::NewError();
    const int32_t code = route->handler(route->user, &request, &response, &error);
    if (code != HEALD_OK) return {StatusOf(code), "", error.message, {}, error.retry_after_ns};
    Answer answer{response.status,
                  std::string(detail::View(response.content_type)),
                  std::string(detail::View(response.body)),
                  {},
                  response.retry_after_ns};
    for (uint64_t i = 0; i < response.header_count; ++i)
      answer.headers.emplace_back(detail::View(response.headers[i].name),
                                  detail::View(response.headers[i].value));
    return answer;
  }

 private:
  struct Route {
    std::string path;
    uint64_t max_body_bytes = 0;
    heald_http_handler handler = nullptr;
    void* user = nullptr;
  };

  static FakeListener& Of(void* ctx) {
    return *static_cast<FakeListener*>(FakeHost::ExtensionOwner(ctx, HEALD_EXT_HTTP));
  }
  const Route* FindRoute(std::string_view path) const {
    for (const auto& [id, route] : routes_)
      if (route.path == path) return &route;
    return nullptr;
  }
  static int StatusOf(int32_t code) {
    switch (code) {
      case HEALD_INVALID:
        return 400;
      case HEALD_DENIED:
        return 403;
      case HEALD_NOT_FOUND:
        return 404;
      case HEALD_FULL:
      case HEALD_UNAVAILABLE:
        return 503;
      default:
        return 500;
    }
  }

  heald_http_extension table_{};
  std::map<uint64_t, Route> routes_;
  uint64_t last_ = 0;
};

}  // namespace heald::sdk::testing
