#include "core/api/port_owner.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace heald::api {
namespace {

namespace fs = std::filesystem;

// Inodes of the listening sockets on the port, as links in /proc/*/fd name them.
std::set<std::string> ListeningSockets(uint16_t port) {
  std::set<std::string> sockets;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream file(table);
    std::string line;
    std::getline(file, line);  // the heading
    while (std::getline(file, line)) {
      std::istringstream fields(line);
      std::string slot, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
      fields >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> uid >>
          timeout >> inode;
      const size_t colon = local.rfind(':');
      constexpr const char* kListen = "0A";
      if (state == kListen && colon != std::string::npos &&
          std::strtoul(local.c_str() + colon + 1, nullptr, 16) == port)
        sockets.insert("socket:[" + inode + "]");
    }
  }
  return sockets;
}

bool HoldsOne(const fs::path& process, const std::set<std::string>& sockets) {
  std::error_code error;
  for (fs::directory_iterator fd(process / "fd", error), end; !error && fd != end;
       fd.increment(error)) {
    std::error_code gone;
    if (sockets.contains(fs::read_symlink(fd->path(), gone).string())) return true;
  }
  return false;
}

}  // namespace

std::string FindPortOwner(uint16_t port) {
  const std::set<std::string> sockets = ListeningSockets(port);
  if (sockets.empty()) return "";
  std::error_code error;
  for (fs::directory_iterator process("/proc", error), end; !error && process != end;
       process.increment(error)) {
    const std::string pid = process->path().filename().string();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    if (!HoldsOne(process->path(), sockets)) continue;
    std::ifstream comm(process->path() / "comm");
    std::string name;
    std::getline(comm, name);
    return "pid " + pid + " (" + name + ")";
  }
  return "";
}

}  // namespace heald::api
