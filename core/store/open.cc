#include "core/store/open.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "core/base/sha256.h"
#include "core/base/url.h"
#include "core/store/module.h"
#include "core/store/sqlite_store.h"

namespace heald {
namespace {

constexpr char kWriterFile[] = "writer_id";

bool IsPostgres(const std::string& url) {
  return url.starts_with("postgresql://") || url.starts_with("postgres://");
}

Result<std::string> SqlitePath(const StoreLocation& location) {
  constexpr std::string_view kScheme = "sqlite:";
  if (location.url.compare(0, kScheme.size(), kScheme) != 0)
    return MakeError(Code::kUnsupported,
                     "agent.store '" + WithoutPassword(location.url) +
                         "' is not a store this heald knows: write sqlite:heald.db, "
                         "sqlite:/path/to/heald.db or postgresql://user@host:5432/database");
  const std::filesystem::path path = location.url.substr(kScheme.size());
  if (path.empty())
    return MakeError(Code::kInvalid, "agent.store names no file: write sqlite:heald.db");
  if (path.is_relative() && location.state_dir.empty())
    return MakeError(Code::kInvalid, "agent.store '" + location.url +
                                         "' is relative, but there is no agent.state_dir to put "
                                         "it into");
  return (std::filesystem::path(location.state_dir) / path).string();
}

std::string RandomId() {
  std::random_device random;
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(random() & 0xff);
  return HexOf(bytes);
}

// The name under which the agent with this state_dir writes, made at its first start.
Result<std::string> WriterId(const std::string& state_dir) {
  if (state_dir.empty()) return RandomId();
  std::error_code error;
  std::filesystem::create_directories(state_dir, error);
  const std::string path = (std::filesystem::path(state_dir) / kWriterFile).string();
  std::string id;
  if (std::ifstream(path) >> id) return id;
  id = RandomId();
  const std::string fresh = path + ".new";
  if (!(std::ofstream(fresh, std::ios::trunc) << id << std::endl) ||
      rename(fresh.c_str(), path.c_str()) != 0)
    return MakeError(Code::kDenied, "can't write " + path +
                                        ": make the folder writable for this user, or choose "
                                        "another agent.state_dir");
  return id;
}

}  // namespace

Result<std::unique_ptr<Store>> OpenStore(const StoreLocation& location) {
  if (IsPostgres(location.url)) {
    const Result<std::string> writer = WriterId(location.state_dir);
    if (!writer) return writer.error();
    StoreModuleCall call;
    call.url = &location.url;
    call.writer = &*writer;
    if (Status status = CallStoreModule("postgres", &call); !status) return status.error();
    return std::move(call.store);
  }
  const Result<std::string> path = SqlitePath(location);
  if (!path) return path.error();
  const Result<std::string> writer = WriterId(location.state_dir);
  if (!writer) return writer.error();
  return OpenSqliteStore(*path, location.full_sync, *writer);
}

Result<std::unique_ptr<StoreReader>> OpenStoreReader(const StoreLocation& location) {
  if (IsPostgres(location.url)) {
    StoreModuleCall call;
    call.url = &location.url;
    if (Status status = CallStoreModule("postgres", &call); !status) return status.error();
    return std::move(call.reader);
  }
  const Result<std::string> path = SqlitePath(location);
  if (!path) return path.error();
  return OpenSqliteReader(*path);
}

}  // namespace heald
