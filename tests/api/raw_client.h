// A client over a plain socket, or TLS on it: sends exactly the given bytes and reads answers with
// a deadline, so that tests see what is on the wire. Thread rule: one thread each.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace heald::api {

struct Answer {
  int status = 0;  // 0: the connection closed without an answer
  std::map<std::string, std::string> headers;
  std::string body;
};

class RawClient {
 public:
  // `tls` null: plain. `receive_bytes`: a small window makes a client that doesn't read noticed
  // soon.
  explicit RawClient(uint16_t port, SSL_CTX* tls = nullptr, int receive_bytes = 0)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_bytes > 0)
      setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    if (tls == nullptr || !connected_) return;
    signal(SIGPIPE, SIG_IGN);
    ssl_.reset(SSL_new(tls));
    SSL_set_fd(ssl_.get(), fd_);
    // What never answers must not hang the test.
    const timeval patience{kPatience.count(), 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    connected_ = SSL_connect(ssl_.get()) == 1;
  }
  ~RawClient() { Close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  int fd() const { return fd_; }
  SSL* ssl() { return ssl_.get(); }
  void Close() {
    ssl_.reset();
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  // False when the other side is gone.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ssl_
                               ? SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))
                               : send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  Answer Read(bool has_body = true) {
    Answer answer;
    size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
      if (!Fill()) return answer;
    std::string head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    answer.status = std::atoi(head.c_str() + 9);
    for (size_t at = head.find("\r\n") + 2; at < head.size();) {
      const size_t line_end = head.find("\r\n", at);
      const std::string line = head.substr(at, line_end - at);
      const size_t colon = line.find(": ");
      if (colon != std::string::npos)
        answer.headers[line.substr(0, colon)] = line.substr(colon + 2);
      at = line_end + 2;
    }
    const size_t length =
        has_body ? std::strtoul(answer.headers["Content-Length"].c_str(), nullptr, 10) : 0;
    while (buffer_.size() < length)
      if (!Fill()) break;
    answer.body = buffer_.substr(0, length);
    buffer_.erase(0, length);
    return answer;
  }
  // What comes before `end`, which is taken off too; empty when the stream ends or pauses first.
  std::string ReadUntil(std::string_view end) {
    size_t at = 0;
    while ((at = buffer_.find(end)) == std::string::npos)
      if (!Fill()) return "";
    std::string text = buffer_.substr(0, at);
    buffer_.erase(0, at + end.size());
    return text;
  }
  // True once the other side has closed and everything was read.
  bool AtEnd() {
    while (buffer_.empty())
      if (!Fill()) return closed_;
    return false;
  }
  // Reads on and forgets, to the end.
  bool DrainToEnd() {
    while (Fill()) buffer_.clear();
    return closed_;
  }

 private:
  static constexpr std::chrono::seconds kPatience{10};
  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  bool Fill() {
    char chunk[65536];
    pollfd waiting{fd_, POLLIN, 0};
    const bool pending = ssl_ && SSL_pending(ssl_.get()) > 0;
    if (!pending && poll(&waiting, 1, static_cast<int>(kPatience.count()) * 1000) != 1)
      return false;
    const ssize_t got =
        ssl_ ? SSL_read(ssl_.get(), chunk, sizeof chunk) : recv(fd_, chunk, sizeof chunk, 0);
    closed_ = got <= 0;
    if (closed_) return false;
    buffer_.append(chunk, static_cast<size_t>(got));
    return true;
  }

  int fd_;
  bool connected_ = false;
  bool closed_ = false;
  std::unique_ptr<SSL, FreeSsl> ssl_;
  std::string buffer_;
};

}  // namespace heald::api
