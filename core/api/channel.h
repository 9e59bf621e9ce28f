// One client's socket, never waited for: each call does what can be done now and says what to wait
// for. Plain or TLS; in the latter case the first byte tells whether the client speaks it at all.
// Used by connections and by the live stream, which takes over a connection's channel.
// Thread rule: one thread at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct ssl_ctx_st;  // OpenSSL's SSL_CTX
struct ssl_st;

namespace heald::api {

class Channel {
 public:
  enum class State {
    kDone,        // `bytes` were moved, at least one
    kNeedsRead,   // call again once the socket can be read
    kNeedsWrite,  // call again once it can be written
    kClosed,      // nothing more in this direction
    kPlain,       // this is a TLS port, and the client speaks plain HTTP; the channel now does too
  };
  struct Io {
    State state = State::kClosed;
    size_t bytes = 0;
    bool timed_out = false;  // kClosed, because the peer acknowledged nothing for too long
  };

  // Takes the file descriptor. No context: plain.
  Channel(int fd, const std::shared_ptr<ssl_ctx_st>& context);
  Channel(Channel&& other) noexcept;
  Channel& operator=(Channel&&) = delete;
  ~Channel();

  // After kNeeds… the next Write must begin with the same bytes. With TLS a Read may need to write
  // and the other way round; no received byte is left inside when Read says kNeedsRead.
  Io Read(char* buffer, size_t size);
  Io Write(std::string_view bytes);
  // Says that no more will be sent; reading goes on.
  void ShutdownSend();

  int fd() const { return fd_; }
  // What stood in the way of TLS, empty when nothing did.
  const std::string& tls_error() const { return tls_error_; }
  // Without ports.
  std::string LocalAddress() const;
  std::string PeerAddress() const;

 private:
  struct FreeSsl {
    void operator()(ssl_st* ssl) const;
  };

  // Looks at the first byte once it is there: a TLS handshake begins with 22, a request never does.
  Io BeginTls();
  Io FromTls(int result);

  int fd_;
  std::unique_ptr<ssl_st, FreeSsl> tls_;
  bool undecided_ = false;  // plain or TLS
  std::string tls_error_;
};

// For the calling thread: OpenSSL writes to its sockets in a way that raises SIGPIPE.
void BlockBrokenPipeSignal();

}  // namespace heald::api
