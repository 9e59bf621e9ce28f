// A small file system in memory for a child and all that it starts. It needs no rights and leaves
// nothing: nobody else sees it, and the kernel takes it down with the last of those processes.
// Used by Child.
// Thread rule: OwnDisk before the fork; Mount in the child between fork and exec.
#pragma once

#include <string>

namespace heald::demo {

class OwnDisk {
 public:
  // At `folder`, which is there; empty: none is wanted.
  OwnDisk(std::string folder, size_t mib);

  // Only calls that are safe after a fork. False where the machine doesn't allow it (some
  // containers): then the folder stays what it is.
  bool Mount() const;

 private:
  const std::string folder_;
  const std::string options_;
  const std::string users_;  // the same ids in the new user namespace
  const std::string groups_;
};

}  // namespace heald::demo
