// An empty folder that goes with its end, in memory where possible, for runs that must leave
// nothing behind. Thread rule: plain value.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace heald::backtest {

class Scratch {
 public:
  Scratch() {
    namespace fs = std::filesystem;
    const bool shm = access("/dev/shm", W_OK) == 0;
    std::string pattern =
        ((shm ? fs::path("/dev/shm") : fs::temp_directory_path()) / "heald-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace heald::backtest
