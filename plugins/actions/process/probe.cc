#include "plugins/actions/process/probe.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace heald::process {
namespace {

constexpr int64_t kPatienceNs = 1'000'000'000;

std::string CheckPort(int64_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return "no socket: " + std::generic_category().message(errno);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  int error = 0;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    error = errno;
    if (error == EINPROGRESS) {
      pollfd writable{fd, POLLOUT, 0};
      socklen_t size = sizeof error;
      if (poll(&writable, 1, kPatienceNs / 1'000'000) != 1)
        error = ETIMEDOUT;
      else
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    }
  }
  close(fd);
  if (error == 0) return "";
  return "127.0.0.1:" + std::to_string(port) + ": " + std::generic_category().message(error);
}

support::HttpConfig ProbeConfig() {
  support::HttpConfig config;
  config.timeout = {kPatienceNs};
  config.connect_timeout = {kPatienceNs};
  return config;
}

}  // namespace

Prober::Prober(std::function<bool()> cancelled) : client_(ProbeConfig(), std::move(cancelled)) {}

std::string Prober::Check(const Readiness& ready) {
  if (ready.http.empty()) return CheckPort(ready.port);
  support::HttpRequest request;
  request.url = ready.http;
  return client_.Perform(request).error.message;
}

}  // namespace heald::process
