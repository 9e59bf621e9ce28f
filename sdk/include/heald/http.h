// Requests on the agent's own listener, for a source that others push to:
//
//   void Start(sdk::Sink sink) {
//     sink_.emplace(sink);
//     route_.emplace(host_, "", 4 << 20, [this](const sdk::HttpRequest& r) { return Take(r); });
//   }
//   void Stop() { route_.reset(); }
//
// POST /receive/<node> then gets what Take returns, or throws: see heald/abi/http.h for what
// becomes of a Failure, and for limits and tokens.
// Thread rule: the handler is [data], one call at a time; HttpRoute is made and destroyed in
// [control].
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "heald/abi/http.h"
#include "heald/host.h"

namespace heald::sdk {

// Views live for the call.
struct HttpRequest {
  std::string_view path;
  std::span<const heald_label> query;
  std::span<const heald_label> headers;
  std::string_view body;
  std::string_view actor;

  // Empty when absent.
  std::string_view Header(std::string_view lower_case_name) const {
    return Find(headers, lower_case_name);
  }
  std::string_view Parameter(std::string_view name) const { return Find(query, name); }

 private:
  static std::string_view Find(std::span<const heald_label> items, std::string_view name) {
    for (const heald_label& item : items)
      if (detail::View(item.name) == name) return detail::View(item.value);
    return {};
  }
};

struct HttpResponse {
  int status = 204;
  std::string content_type = {};
  std::string body = {};
  std::vector<Label> headers = {};
  int64_t retry_after_ns = 0;
};

// An error as the rest of the API tells it (RFC 9457).
inline HttpResponse HttpProblem(int status, std::string_view detail) {
  std::string text;
  for (const char c : detail) {
    if (c == '"' || c == '\\') text += '\\';
    text += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  HttpResponse response;
  response.status = status;
  response.content_type = "application/problem+json";
  response.body = R"({"type":"about:blank","title":"Refused","status":)" + std::to_string(status) +
                  R"(,"detail":")" + text + R"("})";
  return response;
}

class HttpRoute {
 public:
  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  // Throws Failure(HEALD_UNAVAILABLE) where nobody listens.
  HttpRoute(const Host& host, std::string_view path, uint64_t max_body_bytes, Handler handler)
      : host_(host), state_(std::make_unique<State>()) {
    state_->handler = std::move(handler);
    table_ = host.Extension<heald_http_extension>(HEALD_EXT_HTTP);
    if (table_ == nullptr)
      throw Failure(HEALD_UNAVAILABLE,
                    "this heald has no heald.http/1, by which others push to a source: update it");
    heald_error error = detail::NewError();
    detail::Check(table_->mount(host_.raw()->ctx, detail::Str(path), max_body_bytes, &Serve,
                                state_.get(), &route_, &error),
                  error);
  }
  HttpRoute(const HttpRoute&) = delete;
  HttpRoute& operator=(const HttpRoute&) = delete;
  ~HttpRoute() { table_->unmount(host_.raw()->ctx, route_); }

 private:
  struct State {
    Handler handler;
    HttpResponse answer;  // of the last call; the host reads it before the next
    std::vector<heald_label> headers;
  };

  static int32_t Serve(void* user, const heald_http_request* in, heald_http_response* out,
                       heald_error* error) noexcept {
    return detail::Barrier(error, [&] {
      State& state = *static_cast<State*>(user);
      const HttpRequest request{detail::View(in->path),
                                {in->query, in->query_count},
                                {in->headers, in->header_count},
                                detail::View(in->body),
                                detail::View(in->actor)};
      state.answer = state.handler(request);
      state.headers.clear();
      for (const Label& header : state.answer.headers)
        state.headers.push_back({detail::Str(header.first), detail::Str(header.second)});
      out->size = sizeof *out;
      out->status = state.answer.status;
      out->content_type = detail::Str(state.answer.content_type);
      out->body = detail::Str(state.answer.body);
      out->headers = state.headers.data();
      out->header_count = state.headers.size();
      out->retry_after_ns = state.answer.retry_after_ns;
    });
  }

  const Host host_;
  std::unique_ptr<State> state_;
  const heald_http_extension* table_ = nullptr;
  uint64_t route_ = 0;
};

}  // namespace heald::sdk
