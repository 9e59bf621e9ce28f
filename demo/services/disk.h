// The small disk of a service: a file system of its own where the folder is one, else a folder that
// the service allows no more bytes than that. Used by DataFolder; CleanDisk by heald-demo-upkeep.
// Thread rule: all functions from any thread.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>

#include "core/base/result.h"

namespace heald::demo {

inline constexpr const char* kDiskFolder = "disk";  // in the data folder of a service

class Disk {
 public:
  explicit Disk(std::string folder) : folder_(std::move(folder)) {}

  // Makes the folder.
  Status Open();
  double UsedRatio() const;
  // Adds to the receipts, of which the last MiB is kept.
  Status AddReceipt(const std::string& line);
  // Adds to a log that nobody asked for: the fault disk_mib_s. False when there is no room.
  bool Spill(size_t bytes);

 private:
  Status Append(const std::string& name, const std::string& text);

  const std::string folder_;
  std::mutex mutex_;
  size_t spilled_ = 0;  // bytes; guarded by mutex_
};

// Deletes those logs, and says how much that was.
Result<std::string> CleanDisk(const std::string& folder);

}  // namespace heald::demo
