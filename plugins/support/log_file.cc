#include "plugins/support/log_file.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace heald::support {

namespace fs = std::filesystem;

std::string RotateLog(const std::string& path, int64_t max_bytes, int64_t keep) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error || size <= static_cast<uintmax_t>(max_bytes)) return "";
  const auto numbered = [&](int64_t n) { return path + "." + std::to_string(n); };
  for (int64_t n = keep - 1; n >= 1; --n)
    if (fs::exists(numbered(n), error)) fs::rename(numbered(n), numbered(n + 1), error);
  if (keep > 0 && !error) {
    std::ifstream from(path, std::ios::binary);
    std::ofstream to(numbered(1), std::ios::binary | std::ios::trunc);
    // Read to the end rather than copied by size: what is written meanwhile comes along.
    to << from.rdbuf();
    to.close();
    if (!to) error = std::make_error_code(std::errc::io_error);
  }
  if (!error) fs::resize_file(path, 0, error);
  return error ? "cannot rotate " + path + ": " + error.message() : "";
}

std::string LogTail(const std::string& path, size_t max_bytes) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return "";
  const auto size = static_cast<size_t>(file.tellg());
  const size_t begin = size > max_bytes ? size - max_bytes : 0;
  file.seekg(static_cast<std::streamoff>(begin));
  std::string tail{std::istreambuf_iterator<char>(file), {}};
  // A line cut in front says less than nothing.
  if (begin > 0)
    if (const size_t newline = tail.find('\n'); newline != std::string::npos)
      tail.erase(0, newline + 1);
  while (!tail.empty() && tail.back() == '\n') tail.pop_back();
  return tail;
}

}  // namespace heald::support
