// A program as a child that never outlives this one: it gets SIGTERM when the parent dies, however
// that happens. Used for heald by the session.
// Thread rule: one thread, the same from start to end (the kernel watches that thread).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "demo/scenario/own_disk.h"

namespace heald::demo {

class Child {
 public:
  // Output goes to `log_file`. The child has a process group of its own, so that a Ctrl-C in the
  // terminal reaches only the parent, which then stops things in order.
  // `disk`: a file system for it alone, where one can be had.
  static Result<Child> Start(const std::vector<std::string>& command,
                             const std::map<std::string, std::string>& environment,
                             const std::string& log_file, const OwnDisk& disk);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child() { Stop(0); }

  pid_t pid() const { return pid_; }
  bool Running();
  // "exit code 1" or "signal 9 (Killed)"; empty while it runs.
  const std::string& end() const { return end_; }
  void Signal(int signal) const;
  // Waits for an end after SIGTERM, then kills; false when it had to.
  bool Stop(int64_t patience_ns);

 private:
  explicit Child(pid_t pid) : pid_(pid) {}

  pid_t pid_;
  std::string end_;
};

}  // namespace heald::demo
