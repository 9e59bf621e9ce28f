#include "tests/fakes/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <stdexcept>

namespace heald::fakes {

// Used by its own thread, but for shutdown(fd), which Stop calls to wake it.
struct HttpServer::Connection {
  int fd = -1;
  uint64_t number = 0;
  SSL* ssl = nullptr;
  std::string buffer;  // received, not yet used
  std::thread thread;

  bool Fill() {
    char bytes[16384];
    const auto got = ssl != nullptr ? SSL_read(ssl, bytes, sizeof bytes)
                                    : static_cast<int>(recv(fd, bytes, sizeof bytes, 0));
    if (got <= 0) return false;
    buffer.append(bytes, static_cast<size_t>(got));
    return true;
  }
  bool Send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto sent = ssl != nullptr
                            ? SSL_write(ssl, bytes.data(), static_cast<int>(bytes.size()))
                            : static_cast<int>(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL));
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
};

std::string_view FakeRequest::Header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return {};
}

HttpServer::HttpServer(Script script, FakeTls tls) : script_(std::move(script)) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  if (!tls.cert_file.empty()) {
    tls_ = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(tls_, tls.cert_file.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls_, tls.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
      throw std::runtime_error("fake server: certificate " + tls.cert_file);
    if (!tls.client_ca_file.empty()) {
      SSL_CTX_load_verify_locations(tls_, tls.client_ca_file.c_str(), nullptr);
      SSL_CTX_set_verify(tls_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
  }
  Start();
}

HttpServer::HttpServer(Script script, const std::string& socket_path)
    : socket_path_(socket_path), script_(std::move(script)) {
  Start();
}

HttpServer::~HttpServer() {
  Stop();
  SSL_CTX_free(tls_);
}

std::string HttpServer::url() const {
  // Locked for the thread sanitizer, which sees no sockets: what was made by whoever asks for the
  // address was made before the first request.
  const std::lock_guard lock(mutex_);
  if (!socket_path_.empty()) return "unix://" + socket_path_;
  return (tls_ != nullptr ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_);
}

void HttpServer::SetScript(Script script) {
  const std::lock_guard lock(mutex_);
  script_ = std::move(script);
}

std::vector<FakeRequest> HttpServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

bool HttpServer::WaitForRequests(size_t count, std::chrono::milliseconds within) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, within, [&] { return requests_.size() >= count; });
}

bool HttpServer::Pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, time, [&] { return stopping_; });
}

void HttpServer::Listen() {
  int failed = 0;
  if (!socket_path_.empty()) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket_path_.c_str(), sizeof address.sun_path - 1);
    unlink(socket_path_.c_str());
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    failed = bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
  } else {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(port_));
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    failed = bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    socklen_t size = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  if (failed != 0 || listen(listener_, 256) != 0)
    throw std::runtime_error("fake server: cannot listen: " + std::string(std::strerror(errno)));
}

void HttpServer::Start() {
  Listen();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = false;
  }
  acceptor_ = std::thread([this] { Accept(); });
}

void HttpServer::Stop() {
  if (!acceptor_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    shutdown(listener_, SHUT_RDWR);
    for (const auto& connection : open_)
      if (connection->fd >= 0) shutdown(connection->fd, SHUT_RDWR);
  }
  changed_.notify_all();
  acceptor_.join();
  close(listener_);
  for (const auto& connection : open_) connection->thread.join();
  open_.clear();
  if (!socket_path_.empty()) unlink(socket_path_.c_str());
}

void HttpServer::Accept() {
  while (true) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      if (fd >= 0) close(fd);
      return;
    }
    if (fd < 0) continue;
    const int now = 1;  // a body must not wait for its head to be acknowledged
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &now, sizeof now);
    Connection& connection = *open_.emplace_back(std::make_unique<Connection>());
    connection.fd = fd;
    connection.number = ++connections_;
    connection.thread = std::thread([this, &connection] { Serve(connection); });
  }
}

void HttpServer::Serve(Connection& connection) {
  bool ready = true;
  if (tls_ != nullptr) {
    connection.ssl = SSL_new(tls_);
    SSL_set_fd(connection.ssl, connection.fd);
    ready = SSL_accept(connection.ssl) == 1;
    if (!ready) {
      // Closing with unread bytes would reset the connection before the alert has been read.
      shutdown(connection.fd, SHUT_WR);
      char rest[4096];
      while (recv(connection.fd, rest, sizeof rest, 0) > 0) {
      }
    }
  }
  FakeRequest request;
  while (ready && ReadRequest(connection, &request)) {
    Script script;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
      script = script_;
    }
    changed_.notify_all();
    if (!Answer(connection, script(request))) break;
  }
  if (connection.ssl != nullptr) {
    SSL_shutdown(connection.ssl);
    SSL_free(connection.ssl);
    ERR_clear_error();
  }
  const std::lock_guard lock(mutex_);
  close(connection.fd);
  connection.fd = -1;
}

bool HttpServer::ReadRequest(Connection& connection, FakeRequest* request) {
  std::string& buffer = connection.buffer;
  size_t head = 0;
  while ((head = buffer.find("\r\n\r\n")) == std::string::npos)
    if (!connection.Fill()) return false;
  *request = {};
  request->connection = connection.number;
  size_t body_bytes = 0;
  size_t line = 0;
  while (line < head) {
    const size_t end = buffer.find("\r\n", line);
    const std::string text = buffer.substr(line, end - line);
    if (line == 0) {
      const size_t target = text.find(' ') + 1;
      const std::string url = text.substr(target, text.rfind(' ') - target);
      const size_t mark = std::min(url.find('?'), url.size());
      request->method = text.substr(0, target - 1);
      request->path = url.substr(0, mark);
      request->query = mark < url.size() ? url.substr(mark + 1) : "";
    } else if (const size_t colon = text.find(':'); colon != std::string::npos) {
      std::string name = text.substr(0, colon);
      std::transform(name.begin(), name.end(), name.begin(),
                     [](unsigned char c) { return std::tolower(c); });
      const size_t value = text.find_first_not_of(' ', colon + 1);
      request->headers.emplace_back(name, value == std::string::npos ? "" : text.substr(value));
      if (name == "content-length") body_bytes = std::stoul(request->headers.back().second);
    }
    line = end + 2;
  }
  buffer.erase(0, head + 4);
  while (buffer.size() < body_bytes)
    if (!connection.Fill()) return false;
  request->body = buffer.substr(0, body_bytes);
  buffer.erase(0, body_bytes);
  return true;
}

// False: the connection is at its end.
bool HttpServer::Answer(Connection& connection, const FakeReply& reply) {
  if (reply.delay.count() > 0 && !Pause(reply.delay)) return false;
  if (reply.reset) {
    const linger abort{1, 0};
    setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
    return false;
  }
  if (reply.close_silently) return false;
  if (!reply.raw.empty()) {
    connection.Send(reply.raw);
    return false;
  }
  std::string head = "HTTP/1.1 " + std::to_string(reply.status) + " Scripted\r\n";
  for (const auto& [name, value] : reply.headers) head += name + ": " + value + "\r\n";
  if (reply.stream)
    head += "Transfer-Encoding: chunked\r\n";
  else if (!reply.keep_open && reply.status != 204 && reply.status != 304)
    head += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n";
  if (!connection.Send(head + "\r\n")) return false;
  if (reply.stream) return Stream(connection, reply);
  std::string_view body = reply.body;
  if (reply.cut_after_bytes >= 0) body = body.substr(0, static_cast<size_t>(reply.cut_after_bytes));
  const size_t piece = reply.chunk_bytes == 0 ? body.size() : reply.chunk_bytes;
  while (!body.empty()) {
    if (!connection.Send(body.substr(0, piece))) return false;
    body.remove_prefix(std::min(piece, body.size()));
    if (!body.empty() && !Pause(reply.pause)) return false;
  }
  if (reply.keep_open) {
    while (connection.Fill()) {
    }
    return false;
  }
  return reply.cut_after_bytes < 0;
}

bool HttpServer::Stream(Connection& connection, const FakeReply& reply) try {
  while (const auto piece = reply.stream()) {
    if (!Pause(reply.pause)) return false;
    char byte = 0;  // a client that has left is known by its end of file
    if (recv(connection.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) return false;
    if (piece->empty()) continue;
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", piece->size());
    if (!connection.Send(size + *piece + "\r\n")) return false;
  }
  return connection.Send("0\r\n\r\n");
} catch (const StreamCut&) {
  return false;
}

}  // namespace heald::fakes
