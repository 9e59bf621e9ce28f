#include "core/agent/identity.h"

#include <unistd.h>

#include <cctype>
#include <fstream>
#include <sstream>

namespace heald::agent {
namespace {

constexpr size_t kIdLength = 64;

std::string ReadText(const char* path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// The first run of exactly 64 hex digits.
std::string IdIn(std::string_view text) {
  size_t run = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && std::isxdigit(static_cast<unsigned char>(text[i])) != 0) {
      ++run;
      continue;
    }
    if (run == kIdLength) return std::string(text.substr(i - kIdLength, kIdLength));
    run = 0;
  }
  return "";
}

}  // namespace

std::string ContainerIn(std::string_view cgroup, std::string_view mountinfo) {
  if (std::string id = IdIn(cgroup); !id.empty()) return id;
  // A container's own /etc/hostname is a file that its runtime keeps in the container's folder.
  while (!mountinfo.empty()) {
    const size_t end = std::min(mountinfo.find('\n'), mountinfo.size());
    const std::string_view line = mountinfo.substr(0, end);
    const size_t at = line.find(" /etc/hostname ");
    if (at != std::string_view::npos) return IdIn(line.substr(0, at));
    mountinfo.remove_prefix(std::min(end + 1, mountinfo.size()));
  }
  return "";
}

remedy::ProcessIdentity ThisProcess() {
  remedy::ProcessIdentity out;
  out.pid = std::to_string(getpid());
  out.container = ContainerIn(ReadText("/proc/self/cgroup"), ReadText("/proc/self/mountinfo"));
  char host[256] = {};
  if (gethostname(host, sizeof host - 1) == 0) out.host = host;
  return out;
}

}  // namespace heald::agent
