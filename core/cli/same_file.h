// Whether what a verb writes would take the place of what it reads: measurements, a recording, a
// pipeline. Used by `score` and `backtest`. Thread rule: a pure function of the file system.
#pragma once

#include <filesystem>
#include <string>

namespace heald::cli {

// Either may be empty or absent; links are followed.
inline bool SameFile(const std::string& read, const std::string& written) {
  std::error_code absent;
  return !read.empty() && std::filesystem::is_regular_file(read, absent) &&
         std::filesystem::equivalent(read, written, absent);
}

}  // namespace heald::cli
