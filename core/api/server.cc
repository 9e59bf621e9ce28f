#include "core/api/server.h"

#include <Poco/Exception.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/Net/ServerSocketImpl.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <optional>

#include "core/api/connection.h"
#include "core/api/poller.h"
#include "core/api/port_owner.h"

namespace heald::api {
namespace {

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

// What other machines can reach needs tokens and TLS, or an operator who says otherwise by name.
Status CheckReach(const ServerOptions& options, const Access& access) {
  const std::string start =
      "agent.listen " + options.listen + " can be reached from other machines";
  if (!options.allow_no_token && !access.HasLiveToken())
    return MakeError(Code::kDenied, start +
                                        ": make a token with `heald token create`, set "
                                        "agent.token, or listen on 127.0.0.1");
  if (!options.allow_no_tls && options.tls.empty())
    return MakeError(Code::kDenied,
                     start +
                         ", and tokens would travel in the clear: set agent.tls with cert_file "
                         "and key_file, or listen on 127.0.0.1");
  return {};
}

// Live clients stay for as long as what they came in with holds.
LiveStream::Allowed WhileHolds(const Access& access, const Request& request) {
  const auto who = access.Authenticate(request);
  const auto* identity = std::get_if<Identity>(&who);
  if (identity == nullptr) return [] { return false; };
  return [access, identity = *identity] { return access.Holds(identity); };
}

}  // namespace

struct Server::Impl {
  explicit Impl(ServerOptions o)
      : options(std::move(o)), live(options.limits.live, options.version) {}

  ServerOptions options;
  ListenAddress address;  // with the port taken
  Poco::Net::ServerSocket socket;
  std::optional<Access> access;
  std::unique_ptr<Tls> tls;
  LiveStream live;
  std::optional<ConnectionContext> context;
  std::unique_ptr<Poller> poller;
  std::atomic<bool> serving{false};
  std::atomic<bool> stopped{false};
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() {
  Stop();
}

Result<std::unique_ptr<Server>> Server::Bind(ServerOptions options) {
  Result<ListenAddress> address = ParseListen(options.listen);
  if (!address) return address.error();
  auto impl = std::make_unique<Impl>(std::move(options));
  const ServerOptions& given = impl->options;
  try {
    const Poco::Net::SocketAddress where(address->host, address->port);
    const bool loopback = where.host().isLoopback();
    impl->access.emplace(AccessOptions{address->host, loopback, given.token, given.tokens_file,
                                       given.allow_no_token, given.allowed_hosts,
                                       given.tokens_notice});
    if (!loopback)
      if (const Status s = CheckReach(given, *impl->access); !s) return s.error();
    if (!given.tls.empty()) {
      Result<std::unique_ptr<Tls>> tls = Tls::Load(given.tls, given.tls_notice);
      if (!tls) return tls.error();
      impl->tls = std::move(*tls);
    }
    // No SO_REUSEPORT: two agents on one port would share its clients at random.
    impl->socket.bind(where, true, false);
    constexpr int kBacklog = 128;
    impl->socket.listen(kBacklog);
    impl->socket.setBlocking(false);
    fcntl(impl->socket.impl()->sockfd(), F_SETFD, FD_CLOEXEC);
  } catch (const Poco::Exception& error) {
    return BindError(given.listen, address->port, error);
  }
  impl->address = {address->host, impl->socket.address().port()};
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Status Server::Serve(Backend& backend) {
  HEALD_CHECK(!impl_->context, "Serve is called once");
  const ServerOptions& options = impl_->options;
  impl_->context.emplace(
      options.limits, Router(*impl_->access, backend), impl_->live,
      [access = *impl_->access](const Request& request) { return WhileHolds(access, request); });
  if (Status s = impl_->live.Start(); !s) return s;
  Tls* const tls = impl_->tls.get();
  const auto open = [tls](int fd) {
    return Channel(fd, tls == nullptr ? nullptr : tls->context());
  };
  Poller::Chore chore;
  if (tls != nullptr) chore = {options.limits.tls_check_ns, [tls] { tls->Refresh(); }};
  impl_->poller = std::make_unique<Poller>(impl_->socket.impl()->sockfd(), *impl_->context, open,
                                           std::move(chore));
  if (Status s = impl_->poller->Start(); !s) return s;
  impl_->serving = true;
  return {};
}

void Server::Stop() {
  if (!impl_->context || impl_->stopped.exchange(true)) return;
  impl_->live.Stop();
  if (impl_->poller) impl_->poller->Stop();
  impl_->socket.close();
}

void Server::UpdateAccess(const std::string& token, bool allow_no_token) {
  impl_->access->Update(token, allow_no_token);
}

std::vector<TokenUse> Server::Tokens() const {
  return impl_->access->Tokens();
}

void Server::Publish(std::string_view event, std::string_view data, Keep keep) {
  impl_->live.Publish(event, data, keep);
}

uint16_t Server::port() const {
  return impl_->address.port;
}

std::string Server::url() const {
  const std::string& host = impl_->address.host;
  const bool v6 = host.find(':') != std::string::npos;
  return (impl_->tls ? "https://" : "http://") + (v6 ? "[" + host + "]" : host) + ":" +
         std::to_string(port());
}

Server::Stats Server::stats() const {
  Stats stats;
  stats.live = impl_->live.stats();
  if (!impl_->serving) return stats;
  const PollerStats poller = impl_->poller->stats();
  stats.connections = poller.connections;
  stats.idle = poller.idle;
  stats.working = poller.working;
  stats.waiting = poller.waiting;
  stats.refused_total = poller.refused_total;
  stats.tls_failures_total = impl_->context->tls_failures;
  return stats;
}

}  // namespace heald::api
