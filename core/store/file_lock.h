// Keeps a second process away from a file, by a lock file beside it. Held for the life of the
// process; the kernel drops it however that ends. Used by sqlite_store.cc and held.cc. Thread rule:
// one thread at a time.
#pragma once

#include <string>
#include <utility>

#include "core/base/result.h"

namespace heald {

class FileLock {
 public:
  FileLock() = default;
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileLock();

  // kConflict names the process that holds it.
  static Result<FileLock> Take(const std::string& file);

 private:
  int fd_ = -1;
};

}  // namespace heald
