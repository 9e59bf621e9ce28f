// The dashboard's files.
#include <zlib.h>

#include <optional>

#include "core/api/encoding.h"
#include "core/api/problem.h"
#include "core/api/routes.h"
#include "core/dashboard/assets.h"

namespace heald::api {
namespace {

// For the rare client that doesn't take gzip.
std::optional<std::string> Inflate(std::string_view packed) {
  z_stream stream{};
  constexpr int kGzipWindow = 15 + 16;
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) return std::nullopt;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string out;
  int state = Z_OK;
  while (state == Z_OK) {
    char chunk[16 * 1024];
    stream.next_out = reinterpret_cast<Bytef*>(chunk);
    stream.avail_out = sizeof chunk;
    state = inflate(&stream, Z_NO_FLUSH);
    out.append(chunk, sizeof chunk - stream.avail_out);
  }
  inflateEnd(&stream);
  if (state != Z_STREAM_END) return std::nullopt;
  return out;
}

Response Serve(const Request& request, const dashboard::Asset& asset) {
  Response response;
  response.content_type = asset.content_type;
  response.headers = {
      {"Content-Security-Policy",
       "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
       "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
      {"Cache-Control", asset.immutable ? "public, max-age=31536000, immutable" : "no-cache"},
      {"ETag", "W/" + std::string(asset.etag)},  // weak: the same text, compressed or not
      {"Vary", "Accept-Encoding"}};
  if (TakesGzip(request)) {
    response.headers.emplace_back("Content-Encoding", "gzip");
    response.body = asset.gzip;
    return response;
  }
  std::optional<std::string> text = Inflate(asset.gzip);
  if (!text) return Problem(500, "the file at " + request.path + " is damaged in this build");
  response.body = *std::move(text);
  return response;
}

// One page for all: what it shows is in the part of the address that stays in the browser.
Response GetPage(const Call& call) {
  if (const dashboard::Asset* page = dashboard::FindAsset("/index.html"))
    return Serve(call.request, *page);
  Response response;
  response.content_type = "text/plain; charset=utf-8";
  response.body =
      "This heald was built without its dashboard (HEALD_BUILD_DASHBOARD=OFF); the API is at "
      "/api/v1/status.\n";
  return response;
}

Response GetAsset(const Call& call) {
  if (const dashboard::Asset* asset = dashboard::FindAsset(call.request.path))
    return Serve(call.request, *asset);
  return Problem(404, "nothing is at " + call.request.path);
}

constexpr Route kPageRoutes[] = {
    {"GET", "/", std::nullopt, GetPage},
    {"GET", "/docs", std::nullopt, GetPage},
    {"GET", "/assets/{file}", std::nullopt, GetAsset},
};

}  // namespace

std::span<const Route> PageRoutes() {
  return kPageRoutes;
}

}  // namespace heald::api
