#include "core/api/channel.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

namespace heald::api {
namespace {

constexpr char kTlsHandshake = 22;

Channel::Io FromSocket(ssize_t result, Channel::State wait) {
  if (result > 0) return {Channel::State::kDone, static_cast<size_t>(result)};
  if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return {wait, 0};
  return {Channel::State::kClosed, 0, result < 0 && errno == ETIMEDOUT};
}

int Bounded(size_t size) {
  return static_cast<int>(std::min<size_t>(size, INT_MAX));
}

std::string AddressText(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET)
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof text);
  else if (address.ss_family == AF_INET6)
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, text,
              sizeof text);
  std::string_view host = text;
  constexpr std::string_view kMapped = "::ffff:";  // IPv4 on an IPv6 listener
  if (host.starts_with(kMapped) && host.find('.') != std::string_view::npos)
    host.remove_prefix(kMapped.size());
  return std::string(host);
}

}  // namespace

void BlockBrokenPipeSignal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

void Channel::FreeSsl::operator()(ssl_st* ssl) const {
  SSL_free(ssl);
}

Channel::Channel(int fd, const std::shared_ptr<ssl_ctx_st>& context) : fd_(fd) {
  if (context == nullptr) return;
  undecided_ = true;
  tls_.reset(SSL_new(context.get()));
  if (tls_ == nullptr || SSL_set_fd(tls_.get(), fd) != 1) {
    ERR_clear_error();
    shutdown(fd, SHUT_RDWR);  // out of memory: the first read says that it is closed
    tls_.reset();
    undecided_ = false;
    return;
  }
  SSL_set_accept_state(tls_.get());
}

Channel::Channel(Channel&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      tls_(std::move(other.tls_)),
      undecided_(other.undecided_),
      tls_error_(std::move(other.tls_error_)) {}

Channel::~Channel() {
  if (fd_ < 0) return;
  if (tls_ != nullptr && !undecided_) {
    ERR_clear_error();
    SSL_shutdown(tls_.get());  // one notice, sent if it can be sent now
    ERR_clear_error();
  }
  tls_.reset();
  close(fd_);
}

Channel::Io Channel::BeginTls() {
  char first = 0;
  const Io peeked = FromSocket(recv(fd_, &first, 1, MSG_PEEK), State::kNeedsRead);
  if (peeked.state != State::kDone) return peeked;
  undecided_ = false;
  if (first == kTlsHandshake) return peeked;
  tls_.reset();
  return {State::kPlain, 0};
}

// OpenSSL keeps its errors per thread, and reads any that is left from another connection as one of
// this call: the callers clear them first.
Channel::Io Channel::FromTls(int result) {
  if (result > 0) return {State::kDone, static_cast<size_t>(result)};
  const bool timed_out = errno == ETIMEDOUT;
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return {State::kNeedsRead, 0};
    case SSL_ERROR_WANT_WRITE:
      return {State::kNeedsWrite, 0};
    case SSL_ERROR_SSL:
      if (SSL_is_init_finished(tls_.get()) == 0) {
        const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
        tls_error_ = reason == nullptr ? "no handshake" : reason;
      }
      [[fallthrough]];
    default:
      // Neither side may speak after a fatal error, not even to say goodbye.
      SSL_set_quiet_shutdown(tls_.get(), 1);
      ERR_clear_error();
      return {State::kClosed, 0, timed_out};
  }
}

Channel::Io Channel::Read(char* buffer, size_t size) {
  if (undecided_)
    if (const Io io = BeginTls(); io.state != State::kDone) return io;
  if (tls_ == nullptr) return FromSocket(recv(fd_, buffer, size, 0), State::kNeedsRead);
  ERR_clear_error();
  errno = 0;
  return FromTls(SSL_read(tls_.get(), buffer, Bounded(size)));
}

Channel::Io Channel::Write(std::string_view bytes) {
  if (tls_ == nullptr)
    return FromSocket(send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), State::kNeedsWrite);
  ERR_clear_error();
  errno = 0;
  return FromTls(SSL_write(tls_.get(), bytes.data(), Bounded(bytes.size())));
}

void Channel::ShutdownSend() {
  if (tls_ != nullptr) {
    ERR_clear_error();
    SSL_shutdown(tls_.get());
    ERR_clear_error();
  }
  shutdown(fd_, SHUT_WR);
}

std::string Channel::LocalAddress() const {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
  return AddressText(address);
}

std::string Channel::PeerAddress() const {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  getpeername(fd_, reinterpret_cast<sockaddr*>(&address), &length);
  return AddressText(address);
}

}  // namespace heald::api
