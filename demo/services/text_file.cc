#include "demo/services/text_file.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace heald::demo {

Result<std::string> ReadText(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(in)), {});
  if (in.is_open() && !in.bad()) return text;
  return MakeError(Code::kUnavailable, "can't read " + file);
}

Status ReplaceText(const std::string& file, const std::string& text) {
  std::string other = file + ".XXXXXX";  // mkstemp makes it readable for its owner alone
  const int fd = mkstemp(other.data());
  if (fd >= 0) close(fd);
  std::ofstream out(other, std::ios::binary);
  out << text;
  out.close();
  std::error_code error;
  if (fd >= 0 && out) std::filesystem::rename(other, file, error);
  if (fd >= 0 && out && !error) return {};
  std::filesystem::remove(other, error);
  return MakeError(Code::kUnavailable, "can't write " + file + ": is the disk full?");
}

}  // namespace heald::demo
