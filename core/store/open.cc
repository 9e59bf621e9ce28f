#include "core/store/open.h"

#include <filesystem>

#include "core/store/sqlite_store.h"

namespace heald {
namespace {

Result<std::string> SqlitePath(const StoreLocation& location) {
  constexpr std::string_view kScheme = "sqlite:";
  if (location.url.compare(0, kScheme.size(), kScheme) != 0)
    return MakeError(Code::kUnsupported, "agent.store '" + location.url +
                                             "' is not a store this heald knows: write "
                                             "sqlite:heald.db or sqlite:/path/to/heald.db");
  const std::filesystem::path path = location.url.substr(kScheme.size());
  if (path.empty())
    return MakeError(Code::kInvalid, "agent.store names no file: write sqlite:heald.db");
  if (path.is_relative() && location.state_dir.empty())
    return MakeError(Code::kInvalid, "agent.store '" + location.url +
                                         "' is relative, but there is no agent.state_dir to put "
                                         "it into");
  return (std::filesystem::path(location.state_dir) / path).string();
}

}  // namespace

Result<std::unique_ptr<Store>> OpenStore(const StoreLocation& location) {
  const Result<std::string> path = SqlitePath(location);
  if (!path) return path.error();
  return OpenSqliteStore(*path, location.full_sync);
}

Result<std::unique_ptr<StoreReader>> OpenStoreReader(const StoreLocation& location) {
  const Result<std::string> path = SqlitePath(location);
  if (!path) return path.error();
  return OpenSqliteReader(*path);
}

}  // namespace heald
