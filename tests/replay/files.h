// Files of one test, in a folder of its own. Thread rule: one thread.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace heald::replay {

class Files {
 public:
  Files() {
    std::string pattern = ::testing::TempDir() + "heald-replay-XXXXXX";
    dir_ = mkdtemp(pattern.data());
  }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  ~Files() { std::filesystem::remove_all(dir_); }

  std::string Path(const std::string& name) const { return (dir_ / name).string(); }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(dir_ / name, std::ios::binary) << text;
    return Path(name);
  }
  // With FILES for the folder.
  std::string Short(std::string text) const {
    const std::string folder = dir_.string();
    for (size_t at = 0; (at = text.find(folder)) != std::string::npos;)
      text.replace(at, folder.size(), "FILES");
    return text;
  }

 private:
  std::filesystem::path dir_;
};

}  // namespace heald::replay
