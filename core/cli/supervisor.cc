#include "core/cli/supervisor.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "core/base/units.h"

namespace heald::cli {
namespace {

std::string Take(const char* name) {
  const char* const value = std::getenv(name);
  std::string taken = value == nullptr ? "" : value;
  unsetenv(name);
  return taken;
}

}  // namespace

Supervisor::Supervisor() : socket_(Take("NOTIFY_SOCKET")) {
  const std::string pid = Take("WATCHDOG_PID");
  const int64_t limit_us = std::atoll(Take("WATCHDOG_USEC").c_str());
  // Three times within the limit, so that a late one does no harm.
  if (!socket_.empty() && limit_us > 0 && (pid.empty() || pid == std::to_string(getpid())))
    interval_ns_ = std::max(limit_us * kMicrosecond / 3, kMillisecond);
}

void Supervisor::Tell(std::string_view state) const {
  sockaddr_un address{};
  if (socket_.empty() || socket_.size() >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (socket_.front() == '@') address.sun_path[0] = '\0';  // an abstract one
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  // Lost is lost: systemd then does what it does with an agent that says nothing.
  static_cast<void>(sendto(fd, state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                           reinterpret_cast<const sockaddr*>(&address), size));
  close(fd);
}

}  // namespace heald::cli
