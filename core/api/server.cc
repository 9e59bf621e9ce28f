#include "core/api/server.h"

#include <Poco/Exception.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/Net/ServerSocketImpl.h>
#include <Poco/Net/StreamSocketImpl.h>
#include <Poco/Net/TCPServer.h>
#include <Poco/Thread.h>
#include <Poco/ThreadPool.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include "core/api/connection.h"
#include "core/api/port_owner.h"
#include "core/base/clock.h"

namespace heald::api {
namespace {

// Sockets that commands started by actions do not inherit, and no spinning when the process is out
// of file descriptors.
class ListenerImpl final : public Poco::Net::ServerSocketImpl {
 public:
  Poco::Net::SocketImpl* acceptConnection(Poco::Net::SocketAddress& client) override {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    const int fd = accept4(sockfd(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_CLOEXEC);
    if (fd < 0) {
      constexpr long kPauseMs = 50;
      if (errno != ECONNABORTED && errno != EINTR) Poco::Thread::sleep(kPauseMs);
      throw Poco::IOException("accept failed", errno);
    }
    client = Poco::Net::SocketAddress(reinterpret_cast<sockaddr*>(&peer), length);
    return new Poco::Net::StreamSocketImpl(fd);
  }
};

class Listener final : public Poco::Net::ServerSocket {
 public:
  Listener() : ServerSocket(new ListenerImpl, true) {}
};

class ConnectionFactory final : public Poco::Net::TCPServerConnectionFactory {
 public:
  explicit ConnectionFactory(ConnectionContext& context) : context_(context) {}
  Poco::Net::TCPServerConnection* createConnection(const Poco::Net::StreamSocket& socket) override {
    return new Connection(socket, context_);
  }

 private:
  ConnectionContext& context_;
};

struct ListenAddress {
  std::string host;  // without brackets
  uint16_t port = 0;
};

Result<ListenAddress> ParseListen(const std::string& listen) {
  const size_t colon = listen.rfind(':');
  ListenAddress address;
  bool good = colon != std::string::npos && colon > 0;
  if (good) {
    address.host = listen.substr(0, colon);
    if (address.host.front() == '[' && address.host.back() == ']')
      address.host = address.host.substr(1, address.host.size() - 2);
    else
      good = address.host.find(':') == std::string::npos;
    const char* const end = listen.data() + listen.size();
    const auto parsed = std::from_chars(listen.data() + colon + 1, end, address.port);
    good = good && parsed.ec == std::errc() && parsed.ptr == end && !address.host.empty();
  }
  if (good) return address;
  return MakeError(Code::kInvalid, "agent.listen '" + listen +
                                       "' is no address: write host:port, for instance "
                                       "127.0.0.1:8080 or [::1]:8080");
}

Error BindError(const std::string& listen, uint16_t port, const Poco::Exception& error) {
  const std::string start = "cannot listen on " + listen + ": ";
  switch (error.code()) {
    case EADDRINUSE: {
      const std::string owner = FindPortOwner(port);
      return MakeError(Code::kConflict,
                       start + "the port is in use by " +
                           (owner.empty() ? "another process" : owner) + ". Stop " +
                           (owner.empty() ? "it" : owner.substr(0, owner.find(" ("))) +
                           ", or set agent.listen to another address");
    }
    case EACCES:
      return MakeError(
          Code::kDenied,
          start + "ports below 1024 need privileges. Set agent.listen to a higher one");
    case EADDRNOTAVAIL:
      return MakeError(Code::kInvalid,
                       start +
                           "no interface of this machine has that address. Set agent.listen to "
                           "one it has");
    default:
      return MakeError(Code::kUnavailable, start + error.displayText() + ". Check agent.listen");
  }
}

}  // namespace

struct Server::Impl {
  ServerOptions options;
  ListenAddress address;  // with the port taken
  Listener socket;
  std::optional<Access> access;
  std::optional<ConnectionContext> context;
  std::unique_ptr<Poco::ThreadPool> threads;
  std::unique_ptr<Poco::Net::TCPServer> server;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() {
  Stop();
}

Result<std::unique_ptr<Server>> Server::Bind(ServerOptions options) {
  Result<ListenAddress> address = ParseListen(options.listen);
  if (!address) return address.error();
  auto impl = std::make_unique<Impl>();
  try {
    const Poco::Net::SocketAddress where(address->host, address->port);
    impl->access.emplace(AccessOptions{address->host, where.host().isLoopback(), options.token,
                                       options.tokens_file, options.allow_no_token,
                                       options.allowed_hosts, options.tokens_notice});
    if (!where.host().isLoopback() && !options.allow_no_token && !impl->access->HasLiveToken())
      return MakeError(Code::kDenied,
                       "agent.listen " + options.listen +
                           " can be reached from other machines: make a token with `heald token "
                           "create`, set agent.token, or listen on 127.0.0.1");
    // No SO_REUSEPORT: two agents on one port would share its clients at random.
    impl->socket.bind(where, true, false);
    constexpr int kBacklog = 128;
    impl->socket.listen(kBacklog);
    fcntl(impl->socket.impl()->sockfd(), F_SETFD, FD_CLOEXEC);
  } catch (const Poco::Exception& error) {
    return BindError(options.listen, address->port, error);
  }
  impl->options = std::move(options);
  impl->address = {address->host, impl->socket.address().port()};
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Status Server::Serve(Backend& backend) {
  HEALD_CHECK(!impl_->server, "Serve is called once");
  const ServerOptions& options = impl_->options;
  impl_->context.emplace(options.limits, Router(*impl_->access, backend),
                         [this] { return impl_->server->queuedConnections() > 0; });
  try {
    Poco::Net::TCPServerParams::Ptr params = new Poco::Net::TCPServerParams;
    params->setMaxThreads(options.limits.threads);
    params->setMaxQueued(options.limits.waiting);
    // Poco's stop does not wake every idle thread: this bounds how long it waits for them.
    params->setThreadIdleTime(Poco::Timespan(0, 500 * kMillisecond / kMicrosecond));
    impl_->threads = std::make_unique<Poco::ThreadPool>("api", 1, options.limits.threads);
    impl_->server = std::make_unique<Poco::Net::TCPServer>(new ConnectionFactory(*impl_->context),
                                                           *impl_->threads, impl_->socket, params);
    impl_->server->start();
  } catch (const Poco::Exception& error) {
    return MakeError(Code::kUnavailable, "the API's threads do not start: " + error.displayText());
  }
  return {};
}

void Server::Stop() {
  if (!impl_->server || impl_->context->stopping.exchange(true)) return;
  impl_->context->stop_by_ns = SystemClock().MonotonicNs() + kSecond;
  shutdown(impl_->socket.impl()->sockfd(), SHUT_RD);  // wakes the accepting thread
  impl_->server->stop();
  impl_->threads->joinAll();
  impl_->socket.close();
}

void Server::UpdateAccess(const std::string& token, bool allow_no_token) {
  impl_->access->Update(token, allow_no_token);
}

uint16_t Server::port() const {
  return impl_->address.port;
}

std::string Server::url() const {
  const std::string& host = impl_->address.host;
  const bool v6 = host.find(':') != std::string::npos;
  return "http://" + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port());
}

Server::Stats Server::stats() const {
  if (!impl_->server) return {};
  return {impl_->server->currentConnections(), impl_->server->queuedConnections(),
          impl_->server->refusedConnections()};
}

}  // namespace heald::api
