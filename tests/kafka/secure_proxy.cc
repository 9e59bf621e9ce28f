#include "tests/kafka/secure_proxy.h"

#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <set>
#include <stdexcept>

#include "tests/fakes/loopback.h"

namespace heald::kafka_test {
namespace {

constexpr std::string_view kHost = "127.0.0.1";
constexpr int kPollMs = 50;
constexpr int16_t kSaslHandshake = 17;
constexpr int16_t kApiVersions = 18;
constexpr int16_t kSaslAuthenticate = 36;
constexpr int16_t kUnsupportedMechanism = 33;
constexpr int16_t kUnsupportedVersion = 35;
constexpr int16_t kAuthenticationFailed = 58;

// Kafka's numbers are big-endian.
template <typename T>
std::string Bytes(T number) {
  std::string bytes;
  for (size_t i = sizeof number; i-- > 0;) bytes += static_cast<char>(number >> (8 * i));
  return bytes;
}
template <typename T>
T Number(std::string_view bytes, size_t at) {
  uint64_t number = 0;
  for (size_t i = 0; i < sizeof(T); ++i)
    number = number << 8 | static_cast<unsigned char>(bytes.at(at + i));
  return static_cast<T>(number);
}
std::string Text(std::string_view text) {
  return Bytes(static_cast<int16_t>(text.size())) + std::string(text);
}

// Takes the first whole frame out of `buffer`; false: there is none yet.
bool TakeFrame(std::string* buffer, std::string* frame) {
  if (buffer->size() < 4) return false;
  const size_t size = Number<uint32_t>(*buffer, 0);
  if (buffer->size() < 4 + size) return false;
  *frame = buffer->substr(4, size);
  buffer->erase(0, 4 + size);
  return true;
}

}  // namespace

// One client, from its handshake to its end.
class SecureProxy::Connection {
 public:
  Connection(SecureProxy& proxy, int client, int broker, SSL* tls)
      : proxy_(proxy), client_(client), broker_(broker), tls_(tls) {}

  void Run() {
    if (SSL_accept(tls_) != 1) return;
    std::string from_client;
    std::string from_broker;
    std::string frame;
    char chunk[65536];
    while (!proxy_.stopping_) {
      pollfd fds[] = {{client_, POLLIN, 0}, {broker_, POLLIN, 0}};
      if (SSL_pending(tls_) == 0 && poll(fds, 2, kPollMs) <= 0) continue;
      if (SSL_pending(tls_) > 0 || fds[0].revents != 0) {
        const int got = SSL_read(tls_, chunk, sizeof chunk);
        if (got <= 0) return;
        from_client.append(chunk, static_cast<size_t>(got));
        while (TakeFrame(&from_client, &frame))
          if (!Request(frame)) return;
      }
      if (fds[1].revents != 0) {
        const ssize_t got = recv(broker_, chunk, sizeof chunk, 0);
        if (got <= 0) return;
        from_broker.append(chunk, static_cast<size_t>(got));
        while (TakeFrame(&from_broker, &frame)) Answer(std::move(frame));
      }
    }
  }

 private:
  // False: hang up.
  bool Request(const std::string& frame) {
    const auto api = Number<int16_t>(frame, 0);
    const auto version = Number<int16_t>(frame, 2);
    const std::string id = frame.substr(4, 4);
    if (!proxy_.password_.empty()) {
      const size_t body = 10 + static_cast<size_t>(std::max<int16_t>(Number<int16_t>(frame, 8), 0));
      if (api == kApiVersions && version > 0) {
        ToClient(id + Bytes(kUnsupportedVersion) + Bytes(int32_t{0}));
        return true;
      }
      if (api == kApiVersions) asked_versions_.insert(id);
      if (api == kSaslHandshake) {
        const bool plain = frame.substr(body) == Text("PLAIN");
        ToClient(id + Bytes(plain ? int16_t{0} : kUnsupportedMechanism) + Bytes(int32_t{1}) +
                 Text("PLAIN"));
        return true;
      }
      if (api == kSaslAuthenticate) {
        using namespace std::string_literals;
        known_ = frame.substr(body + 4) == "\0anna\0"s + proxy_.password_;
        if (known_) ++proxy_.logins_;
        ToClient(id + Bytes(known_ ? int16_t{0} : kAuthenticationFailed) +
                 Text(known_ ? "" : "Invalid username or password") + Bytes(int32_t{0}) +
                 (version > 0 ? Bytes(int64_t{0}) : ""));
        return known_;
      }
      if (!known_ && api != kApiVersions) return false;
    }
    const std::string whole = Bytes(static_cast<uint32_t>(frame.size())) + frame;
    return send(broker_, whole.data(), whole.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(whole.size());
  }

  void Answer(std::string frame) {
    for (const Door& door : proxy_.doors_) {
      const std::string theirs = std::string(kHost) + Bytes(static_cast<int32_t>(door.broker_port));
      const std::string ours = std::string(kHost) + Bytes(static_cast<int32_t>(door.port));
      for (size_t at = 0; (at = frame.find(theirs, at)) != std::string::npos; at += ours.size())
        frame.replace(at, theirs.size(), ours);
    }
    // Version 0: an error, and key, lowest and highest version of each request.
    if (asked_versions_.erase(frame.substr(0, 4)) != 0) {
      frame.replace(6, 4, Bytes(Number<int32_t>(frame, 6) + 2));
      for (const int16_t api : {kSaslHandshake, kSaslAuthenticate})
        frame += Bytes(api) + Bytes(int16_t{0}) + Bytes(int16_t{1});
    }
    ToClient(frame);
  }

  void ToClient(const std::string& frame) {
    const std::string whole = Bytes(static_cast<uint32_t>(frame.size())) + frame;
    SSL_write(tls_, whole.data(), static_cast<int>(whole.size()));
  }

  SecureProxy& proxy_;
  const int client_;
  const int broker_;
  SSL* const tls_;
  bool known_ = false;
  std::set<std::string> asked_versions_;
};

SecureProxy::SecureProxy(const std::vector<std::string>& brokers,
                         const fakes::CertificateFiles& certificate, std::string password)
    : password_(std::move(password)), context_(SSL_CTX_new(TLS_server_method())) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  if (SSL_CTX_use_certificate_chain_file(context_, certificate.cert_file.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context_, certificate.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    throw std::runtime_error("the proxy's certificate can't be used");
  for (const std::string& broker : brokers) {
    Door door;
    door.broker_port = std::stoi(broker.substr(broker.rfind(':') + 1));
    door.listener = fakes::ListenOnLoopback(&door.port);
    doors_.push_back(door);
  }
  const std::lock_guard lock(mutex_);
  for (const Door& door : doors_) threads_.emplace_back([this, &door] { Accept(door); });
}

SecureProxy::~SecureProxy() {
  stopping_ = true;
  std::vector<std::jthread> threads;
  do {
    threads.clear();  // joins; a door may have let one more in
    const std::lock_guard lock(mutex_);
    threads.swap(threads_);
  } while (!threads.empty());
  for (const Door& door : doors_) close(door.listener);
  SSL_CTX_free(context_);
}

void SecureProxy::Accept(const Door& door) {
  while (!stopping_) {
    pollfd waiting{door.listener, POLLIN, 0};
    if (poll(&waiting, 1, kPollMs) <= 0) continue;
    const int client = accept4(door.listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    const std::lock_guard lock(mutex_);
    threads_.emplace_back([this, client, broker_port = door.broker_port] {
      const timeval patience{5, 0};
      setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
      const int broker = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const sockaddr_in address = fakes::Loopback(broker_port);
      SSL* const tls = SSL_new(context_);
      SSL_set_fd(tls, client);
      if (connect(broker, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
        Connection(*this, client, broker, tls).Run();
      SSL_free(tls);
      close(client);
      close(broker);
    });
  }
}

std::string SecureProxy::brokers() const {
  std::string text;
  for (const Door& door : doors_)
    text += (text.empty() ? "" : ",") + std::string(kHost) + ":" + std::to_string(door.port);
  return text;
}

}  // namespace heald::kafka_test
