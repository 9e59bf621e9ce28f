#include "core/plugin/http_extension.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/plugin/convert.h"
#include "core/plugin/host.h"

namespace heald::plugin {
namespace {

constexpr int kLeastStatus = 200;
constexpr int kMostStatus = 599;

std::vector<heald_label> ViewsOf(const PushRequest::Pairs& pairs) {
  std::vector<heald_label> views;
  views.reserve(pairs.size());
  for (const auto& [name, value] : pairs) views.push_back({ToC(name), ToC(value)});
  return views;
}

// A line break in a header would begin another one.
bool IsHeader(std::string_view name, std::string_view value) {
  const auto bad = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  return !name.empty() && std::none_of(name.begin(), name.end(), [&](unsigned char c) {
    return bad(c) || c == ' ' || c == ':';
  }) && std::none_of(value.begin(), value.end(), bad);
}

Result<PushAnswer> PushAnswerOf(const heald_http_response& response) {
  if (response.status < kLeastStatus || response.status > kMostStatus)
    return MakeError(Code::kInternal,
                     "the plugin answered with status " + std::to_string(response.status));
  PushAnswer answer;
  answer.status = response.status;
  answer.content_type = plugin::FromC(response.content_type);
  answer.body = plugin::FromC(response.body);
  answer.retry_after_ns = response.retry_after_ns;
  for (uint64_t i = 0; i < response.header_count; ++i) {
    const std::string_view name = plugin::FromC(response.headers[i].name);
    const std::string_view value = plugin::FromC(response.headers[i].value);
    if (!IsHeader(name, value))
      return MakeError(Code::kInternal, "the plugin answered with a header that can't be");
    answer.headers.emplace_back(name, value);
  }
  return answer;
}

Result<PushAnswer> Serve(heald_http_handler handler, void* user, const PushRequest& in) {
  const std::vector<heald_label> query = ViewsOf(in.query);
  const std::vector<heald_label> headers = ViewsOf(in.headers);
  heald_http_request request{};
  request.size = sizeof request;
  request.path = ToC(in.path);
  request.query = query.data();
  request.query_count = query.size();
  request.headers = headers.data();
  request.header_count = headers.size();
  request.body = ToC(in.body);
  request.actor = ToC(in.actor);
  heald_http_response response{};
  response.size = sizeof response;
  heald_error error = NewError();
  const int32_t code = handler(user, &request, &response, &error);
  if (code != HEALD_OK) return plugin::FromC(code, error);
  return PushAnswerOf(response);
}

int32_t Mount(void* ctx, heald_str path, uint64_t max_body_bytes, heald_http_handler handler,
              void* user, uint64_t* route, heald_error* error) {
  const Result<uint64_t> mounted = NodeHost::Of(ctx).node().Mount(
      {std::string(plugin::FromC(path)), max_body_bytes,
       [handler, user](const PushRequest& request) { return Serve(handler, user, request); }});
  if (!mounted) return ToC(mounted.error(), error);
  *route = *mounted;
  return HEALD_OK;
}

void Unmount(void* ctx, uint64_t route) {
  NodeHost::Of(ctx).node().Unmount(route);
}

}  // namespace

const heald_http_extension* HttpExtension() {
  static constexpr heald_http_extension kTable{sizeof(heald_http_extension), 0, &Mount, &Unmount};
  return &kTable;
}

}  // namespace heald::plugin
