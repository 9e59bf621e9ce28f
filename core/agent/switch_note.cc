#include "core/agent/switch_note.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

namespace heald::agent {
namespace {

using Json = nlohmann::json;

std::string PathIn(const std::string& state_dir) {
  return (std::filesystem::path(state_dir) / "switch_off.json").string();
}

Error Failed(const std::string& what, const std::string& path, int error) {
  return MakeError(Code::kUnavailable, "can't " + what + " " + path + ": " + std::strerror(error));
}

bool WriteAll(int fd, const std::string& text) {
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = write(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += static_cast<size_t>(n);
  }
  return true;
}

// Best effort: not every file system can.
void SyncFolder(const std::string& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

}  // namespace

Status WriteSwitchNote(const std::string& state_dir, const std::string& actor) {
  const std::string path = PathIn(state_dir);
  const std::string fresh = path + ".new";
  const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return Failed("write", fresh, errno);
  const std::string text =
      Json({{"on", false}, {"actor", actor}}).dump(-1, ' ', false, Json::error_handler_t::replace);
  int error = WriteAll(fd, text + "\n") && fsync(fd) == 0 ? 0 : errno;
  if (close(fd) != 0 && error == 0) error = errno;
  if (error == 0 && std::rename(fresh.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    unlink(fresh.c_str());
    return Failed("write", path, error);
  }
  SyncFolder(state_dir);
  return {};
}

std::optional<std::string> ReadSwitchNote(const std::string& state_dir) {
  const std::string path = PathIn(state_dir);
  std::error_code error;
  if (std::filesystem::symlink_status(path, error).type() == std::filesystem::file_type::not_found)
    return std::nullopt;
  std::ifstream in(path);
  const Json note =
      Json::parse(std::string(std::istreambuf_iterator<char>(in), {}), nullptr, false);
  const auto actor = note.is_object() ? note.find("actor") : note.end();
  if (!note.is_object() || actor == note.end() || !actor->is_string())
    return "somebody (" + path + " can't be read)";
  return actor->get<std::string>();
}

Status RemoveSwitchNote(const std::string& state_dir) {
  const std::string path = PathIn(state_dir);
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return Failed("remove", path, errno);
  SyncFolder(state_dir);
  return {};
}

}  // namespace heald::agent
