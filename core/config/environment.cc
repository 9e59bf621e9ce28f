#include "core/config/environment.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <system_error>

#include <filesystem>

#include "core/base/units.h"

namespace heald {

Result<size_t> Environment::LiveTokens(const std::string&) const {
  return size_t{0};
}

std::vector<std::string> Environment::Owed(const PipelineSpec&) const {
  return {};
}

std::optional<std::string> ProcessEnvironment::Variable(const std::string& name) const {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

Result<std::string> ProcessEnvironment::ReadFile(const std::string& path, size_t max_bytes) const {
  namespace fs = std::filesystem;
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  if (status.type() == fs::file_type::not_found) return MakeError(Code::kNotFound, "no such file");
  if (code) return MakeError(Code::kInvalid, code.message());
  if (fs::is_directory(status)) return MakeError(Code::kInvalid, "this is a folder, not a file");
  if (!fs::is_regular_file(status)) return MakeError(Code::kInvalid, "this is not a regular file");
  std::ifstream in(path, std::ios::binary);
  if (!in) return MakeError(Code::kDenied, std::string("can't be read: ") + std::strerror(errno));
  std::string text(max_bytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() > max_bytes)
    return MakeError(Code::kInvalid,
                     "the file is larger than " + std::to_string(max_bytes / 1024) + " KiB");
  return text;
}

}  // namespace heald
