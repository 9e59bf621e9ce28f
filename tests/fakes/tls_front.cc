#include "tests/fakes/tls_front.h"

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

namespace heald::fakes {
namespace {

constexpr int kLookMs = 50;  // how often the end of the test is noticed

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool SendAll(int fd, const char* bytes, ssize_t count) {
  while (count > 0) {
    const ssize_t sent = send(fd, bytes, static_cast<size_t>(count), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes += sent;
    count -= sent;
  }
  return true;
}

}  // namespace

TlsFront::TlsFront(const FakeTls& tls, int port) : behind_(port) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  context_ = SSL_CTX_new(TLS_server_method());
  if (SSL_CTX_use_certificate_chain_file(context_, tls.cert_file.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context_, tls.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    throw std::runtime_error("TLS front: certificate " + tls.cert_file);
  if (!tls.client_ca_file.empty()) {
    SSL_CTX_load_verify_locations(context_, tls.client_ca_file.c_str(), nullptr);
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  // Clients that come back with a session are refused without one of these.
  static constexpr unsigned char kContext[] = "front";
  SSL_CTX_set_session_id_context(context_, kContext, sizeof kContext);
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener_, 16) != 0)
    throw std::runtime_error("TLS front: no port");
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

TlsFront::~TlsFront() {
  stopping_ = true;
  acceptor_.join();
  for (std::thread& thread : serving_) thread.join();
  close(listener_);
  SSL_CTX_free(context_);
}

void TlsFront::Accept() {
  while (!stopping_) {
    pollfd ready{listener_, POLLIN, 0};
    if (poll(&ready, 1, kLookMs) <= 0) continue;
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const std::lock_guard lock(mutex_);
    serving_.emplace_back([this, fd] { Serve(fd); });
  }
}

void TlsFront::Serve(int fd) {
  SSL* ssl = SSL_new(context_);
  SSL_set_fd(ssl, fd);
  const int behind = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(behind_);
  char bytes[16384];
  if (SSL_accept(ssl) == 1 &&
      connect(behind, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    ++accepted_;
    while (!stopping_) {
      pollfd ready[] = {{fd, POLLIN, 0}, {behind, POLLIN, 0}};
      if (SSL_pending(ssl) == 0 && poll(ready, 2, kLookMs) <= 0) continue;
      if (SSL_pending(ssl) != 0 || ready[0].revents != 0) {
        const int got = SSL_read(ssl, bytes, sizeof bytes);
        if (got <= 0 || !SendAll(behind, bytes, got)) break;
      }
      if (ready[1].revents != 0) {
        const ssize_t got = recv(behind, bytes, sizeof bytes, 0);
        if (got <= 0 || SSL_write(ssl, bytes, static_cast<int>(got)) <= 0) break;
      }
    }
    SSL_shutdown(ssl);
  }
  SSL_free(ssl);
  close(behind);
  close(fd);
}

}  // namespace heald::fakes
