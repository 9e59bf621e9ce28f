#include "tests/fakes/fault_proxy.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <stdexcept>

#include "tests/fakes/loopback.h"

namespace heald::fakes {
namespace {

constexpr int kFaultTickMs = 10;  // how late the end is noticed
constexpr int kBytePauseMs = 50;  // of kSlow

bool SendAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

// What is said without asking the server; empty: the fault is in how its answer comes.
std::string_view AnswerOf(Fault fault) {
  switch (fault) {
    case Fault::kGarbage:
      return "\x16\x03\x01 nothing of this is HTTP \xff\xfe\r\n\r\n{{{";
    case Fault::k500:
      return "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\nConnection: close\r\n\r\n"
             "oops";
    case Fault::k429:
      return "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
             "Connection: close\r\n\r\n";
    default:
      return "";
  }
}

}  // namespace

std::string_view ToString(Fault fault) {
  constexpr std::string_view kNames[] = {"none", "garbage", "half", "500", "429", "slow", "refuse"};
  return kNames[static_cast<size_t>(fault)];
}

FaultProxy::FaultProxy(int port, std::string socket_path)
    : behind_port_(port), behind_path_(std::move(socket_path)) {
  Listen();
  thread_ = std::thread([this] { Run(); });
}

FaultProxy::~FaultProxy() {
  stopping_ = true;
  thread_.join();
  serving_.clear();
  if (listener_ >= 0) close(listener_);
}

// On the port of before, whose connections may still be closing.
void FaultProxy::Listen() {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address = Loopback(port_);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      listen(listener_, 16) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("the fault proxy has no port, or its own was taken meanwhile");
  port_ = ntohs(address.sin_port);
}

void FaultProxy::Set(Fault fault) {
  const std::lock_guard lock(mutex_);
  fault_ = fault;
  met_ = 0;
  ++generation_;
  if (fault == Fault::kRefuse && listener_ >= 0) {
    close(listener_);
    listener_ = -1;
  } else if (fault != Fault::kRefuse && listener_ < 0) {
    Listen();
  }
}

void FaultProxy::Run() {
  while (!stopping_) {
    {
      const std::lock_guard lock(mutex_);
      pollfd ready{listener_, POLLIN, 0};
      if (listener_ >= 0 && poll(&ready, 1, 0) > 0) {
        const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (client >= 0) {
          serving_.emplace_back([this, client, generation = generation_.load()] {
            Serve(client, generation);
            close(client);
          });
          continue;
        }
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

int FaultProxy::ConnectBehind() const {
  const bool local = !behind_path_.empty();
  const int server = socket(local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un path{};
  path.sun_family = AF_UNIX;
  std::strncpy(path.sun_path, behind_path_.c_str(), sizeof path.sun_path - 1);
  const sockaddr_in address = Loopback(behind_port_);
  const auto* to = local ? reinterpret_cast<const sockaddr*>(&path)
                         : reinterpret_cast<const sockaddr*>(&address);
  if (connect(server, to, local ? sizeof path : sizeof address) == 0) return server;
  close(server);
  return -1;
}

void FaultProxy::Serve(int client, int generation) {
  Fault fault = Fault::kNone;
  {
    const std::lock_guard lock(mutex_);
    fault = fault_;
  }
  const std::string_view answer = AnswerOf(fault);
  if (!answer.empty()) {
    pollfd ready{client, POLLIN, 0};
    while (!Over(generation) && poll(&ready, 1, kFaultTickMs) <= 0) {
    }
    std::array<char, 65536> request;
    if (Over(generation) || recv(client, request.data(), request.size(), 0) <= 0) return;
    ++met_;
    SendAll(client, answer);
    // Closing with a request half read would take the answer away again.
    shutdown(client, SHUT_WR);
    while (!Over(generation) && poll(&ready, 1, kFaultTickMs) >= 0)
      if (ready.revents != 0 && recv(client, request.data(), request.size(), 0) <= 0) return;
    return;
  }
  const int server = ConnectBehind();
  if (server < 0) return;
  Pump(client, server, fault, generation);
  close(server);
}

void FaultProxy::Pump(int client, int server, Fault fault, int generation) {
  std::array<char, 16384> buffer;
  const std::array<int, 2> ends = {client, server};
  while (!Over(generation)) {
    std::array<pollfd, 2> ready = {pollfd{client, POLLIN, 0}, pollfd{server, POLLIN, 0}};
    if (poll(ready.data(), ready.size(), kFaultTickMs) <= 0) continue;
    for (size_t i = 0; i < ends.size(); ++i) {
      if (ready[i].revents == 0) continue;
      const ssize_t n = recv(ends[i], buffer.data(), buffer.size(), 0);
      if (n <= 0) return;
      std::string_view bytes(buffer.data(), static_cast<size_t>(n));
      const bool answer = ends[i] == server;
      if (answer && fault != Fault::kNone) ++met_;
      if (answer && fault == Fault::kHalf) {
        // Its head whole, as a cut there may pass for an empty answer.
        const size_t head = bytes.find("\r\n\r\n");
        const size_t body = head == std::string_view::npos ? 0 : head + 4;
        SendAll(client, bytes.substr(0, body + (bytes.size() - body) / 2));
        return;
      }
      while (answer && fault == Fault::kSlow && !bytes.empty()) {
        if (Over(generation) || !SendAll(client, bytes.substr(0, 1))) return;
        bytes.remove_prefix(1);
        std::this_thread::sleep_for(std::chrono::milliseconds(kBytePauseMs));
      }
      if (!SendAll(ends[1 - i], bytes)) return;
    }
  }
}

}  // namespace heald::fakes
