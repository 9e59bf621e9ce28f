// The dashboard's files, built from src/ and embedded. Used by the API's page routes.
// Thread rule: constants.
#pragma once

#include <span>
#include <string_view>

namespace heald::dashboard {

struct Asset {
  std::string_view path;          // "/assets/index-2f9c01aa.js"
  std::string_view content_type;  // "text/javascript; charset=utf-8"
  std::string_view gzip;          // the file, compressed
  std::string_view etag;          // quoted
  bool immutable = false;         // the path changes with the content
};

// Empty in a build without HEALD_BUILD_DASHBOARD.
std::span<const Asset> Assets();
// Null when there is none at that path.
const Asset* FindAsset(std::string_view path);

}  // namespace heald::dashboard
