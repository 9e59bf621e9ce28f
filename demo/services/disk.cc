#include "demo/services/disk.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "demo/services/profile.h"

namespace heald::demo {
namespace {

namespace fs = std::filesystem;

constexpr const char* kReceipts = "receipts.log";
constexpr const char* kSpillPrefix = "debug-";
constexpr size_t kFileBytes = 1 << 20;

struct Space {
  double size_bytes = 0;
  double used_bytes = 0;
};

// Whether something is mounted on it.
bool IsFileSystem(const std::string& folder) {
  struct stat here {};
  struct stat above {};
  return stat(folder.c_str(), &here) == 0 && stat((folder + "/..").c_str(), &above) == 0 &&
         here.st_dev != above.st_dev;
}

Space SpaceOf(const std::string& folder) {
  struct statvfs info {};
  if (IsFileSystem(folder) && statvfs(folder.c_str(), &info) == 0) {
    const auto block = static_cast<double>(info.f_frsize);
    return {block * static_cast<double>(info.f_blocks),
            block * static_cast<double>(info.f_blocks - info.f_bfree)};
  }
  Space space{static_cast<double>(kDiskMiB << 20), 0};
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const auto bytes = entry.file_size(error);
    if (!error) space.used_bytes += static_cast<double>(bytes);
  }
  return space;
}

}  // namespace

Status Disk::Open() {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) return MakeError(Code::kUnavailable, "can't make " + folder_ + ": " + error.message());
  return {};
}

double Disk::UsedRatio() const {
  const Space space = SpaceOf(folder_);
  return space.used_bytes / space.size_bytes;
}

Status Disk::Append(const std::string& name, const std::string& text) {
  const Space space = SpaceOf(folder_);
  std::ofstream file(folder_ + "/" + name, std::ios::binary | std::ios::app);
  if (space.used_bytes + static_cast<double>(text.size()) <= space.size_bytes)
    file << text;
  else
    file.setstate(std::ios::badbit);
  file.close();
  if (file) return {};
  return MakeError(Code::kFull, "no space left for " + folder_ + "/" + name);
}

Status Disk::AddReceipt(const std::string& line) {
  const std::lock_guard lock(mutex_);
  const std::string file = folder_ + "/" + kReceipts;
  std::error_code error;
  if (fs::file_size(file, error) >= kFileBytes && !error) fs::rename(file, file + ".1", error);
  return Append(kReceipts, line + "\n");
}

bool Disk::Spill(size_t bytes) {
  const std::lock_guard lock(mutex_);
  const std::string name = kSpillPrefix + std::to_string(spilled_ / kFileBytes) + ".log";
  spilled_ += bytes;
  return Append(name, std::string(bytes, '.')).ok();
}

Result<std::string> CleanDisk(const std::string& folder) {
  std::error_code error;
  uintmax_t freed_bytes = 0;
  int files = 0;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (!entry.path().filename().string().starts_with(kSpillPrefix)) continue;
    const auto bytes = entry.file_size(error);
    if (!fs::remove(entry.path(), error)) continue;
    freed_bytes += bytes;
    ++files;
  }
  if (files == 0) return MakeError(Code::kConflict, folder + " has nothing that may be deleted");
  return std::to_string(files) + " debug logs deleted, " + std::to_string(freed_bytes >> 20) +
         " MiB free again in " + folder;
}

}  // namespace heald::demo
