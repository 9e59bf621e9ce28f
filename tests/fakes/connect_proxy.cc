#include "tests/fakes/connect_proxy.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "tests/fakes/loopback.h"

namespace heald::fakes {
namespace {

constexpr int kTickMs = 20;  // how late the end is noticed

std::string Base64(const std::string& text) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (count += 8; count >= 6; count -= 6) out += kDigits[bits >> (count - 6) & 63];
  }
  if (count > 0) out += kDigits[bits << (6 - count) & 63];
  while (out.size() % 4 != 0) out += '=';
  return out;
}

void Say(int fd, const std::string& text) {
  (void)!send(fd, text.data(), text.size(), MSG_NOSIGNAL);
}

}  // namespace

ConnectProxy::ConnectProxy(std::string password)
    : wanted_(password.empty() ? "" : "Proxy-Authorization: Basic " + Base64(password)) {
  listener_ = ListenOnLoopback(&port_);
  thread_ = std::thread([this] { Run(); });
}

ConnectProxy::~ConnectProxy() {
  stopping_ = true;
  thread_.join();
  tunnels_.clear();
  close(listener_);
}

std::vector<std::string> ConnectProxy::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void ConnectProxy::Run() {
  while (!stopping_) {
    pollfd ready{listener_, POLLIN, 0};
    if (poll(&ready, 1, kTickMs) <= 0) continue;
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    tunnels_.emplace_back([this, client] {
      Serve(client);
      close(client);
    });
  }
}

void ConnectProxy::Serve(int client) {
  std::string head;
  std::array<char, 4096> buffer;
  while (head.find("\r\n\r\n") == std::string::npos) {
    pollfd ready{client, POLLIN, 0};
    if (stopping_) return;
    if (poll(&ready, 1, kTickMs) <= 0) continue;
    const ssize_t n = recv(client, buffer.data(), buffer.size(), 0);
    if (n <= 0) return;
    head.append(buffer.data(), static_cast<size_t>(n));
  }
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(head);
  }
  if (!wanted_.empty() && head.find(wanted_) == std::string::npos)
    return Say(client,
               "HTTP/1.1 407 Proxy Authentication Required\r\n"
               "Proxy-Authenticate: Basic realm=\"test\"\r\nContent-Length: 0\r\n\r\n");
  const size_t colon = head.find(':');
  if (!head.starts_with("CONNECT ") || colon == std::string::npos)
    return Say(client, "HTTP/1.1 405 Only CONNECT\r\nContent-Length: 0\r\n\r\n");
  const sockaddr_in address = Loopback(std::atoi(head.c_str() + colon + 1));
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    Say(client, "HTTP/1.1 200 Connection established\r\n\r\n");
    Pump(client, server);
  } else {
    Say(client, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
  }
  close(server);
}

void ConnectProxy::Pump(int client, int server) {
  std::array<char, 16384> buffer;
  while (!stopping_) {
    std::array<pollfd, 2> ends = {pollfd{client, POLLIN, 0}, pollfd{server, POLLIN, 0}};
    if (poll(ends.data(), ends.size(), kTickMs) <= 0) continue;
    for (size_t i = 0; i < ends.size(); ++i) {
      if (ends[i].revents == 0) continue;
      const ssize_t n = recv(ends[i].fd, buffer.data(), buffer.size(), 0);
      if (n <= 0) return;
      if (send(ends[1 - i].fd, buffer.data(), static_cast<size_t>(n), MSG_NOSIGNAL) != n) return;
    }
  }
}

}  // namespace heald::fakes
