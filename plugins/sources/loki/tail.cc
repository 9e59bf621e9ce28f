#include "plugins/sources/loki/tail.h"

#include <Poco/Base64Encoder.h>
#include <Poco/Buffer.h>
#include <Poco/Net/Context.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/Net/HTTPSClientSession.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/NetSSL.h>
#include <Poco/Net/WebSocket.h>
#include <Poco/URI.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>
#include <sstream>

#include "plugins/sources/loki/requests.h"
#include "plugins/support/http.h"
#include "plugins/support/retry.h"

namespace heald::loki {
namespace {

namespace net = Poco::Net;

constexpr int kMaxFrameBytes = 64 << 20;
constexpr int64_t kFirstPauseNs = 500'000'000;
constexpr int64_t kMostToConnectNs = 2'000'000'000;  // a stop waits for it
const Poco::Timespan kLook(0, 100'000);              // how often a stop is noticed
const Poco::Timespan kWholeFrame(5, 0);  // a frame that has begun comes within this time
constexpr auto kSilence = std::chrono::seconds(15);  // Loki pings about once a second

// How a connection ended, for people.
struct Ended {
  std::string why;
};

std::string Authorization(const support::HttpConfig& config) {
  if (!config.basic_auth.username.empty()) {
    std::ostringstream text;
    Poco::Base64Encoder encoder(text);
    encoder.rdbuf()->setLineLength(0);
    encoder << config.basic_auth.username << ':' << config.basic_auth.password;
    encoder.close();
    return "Basic " + text.str();
  }
  std::string token = config.bearer_token;
  if (!config.bearer_token_file.empty()) {
    std::ifstream file(config.bearer_token_file);
    if (!std::getline(file, token))
      throw Ended{"cannot read the token in " + config.bearer_token_file};
  }
  return token.empty() ? "" : "Bearer " + token;
}

std::string Decoded(const std::string& text) {
  std::string decoded;
  Poco::URI::decode(text, decoded);
  return decoded;
}

// Poco's own tunnel would go on as if it spoke to the proxy: whole URLs, and its login for Loki.
class PlainSession : public net::HTTPClientSession {
 public:
  using net::HTTPClientSession::HTTPClientSession;
  void Tunnel() {
    proxyTunnel();
    setProxyConfig({});
  }
};

std::unique_ptr<net::HTTPClientSession> SessionFor(const support::HttpConfig& config,
                                                   const Poco::URI& url) {
  std::unique_ptr<net::HTTPClientSession> session;
  if (url.getScheme() == "https") {
    // Kept for good: the last user's leaving would take OpenSSL's set-up from everybody else.
    static const bool ready = (net::initializeSSL(), true);
    static_cast<void>(ready);
    net::Context::Params params;
    params.caLocation = config.tls.ca_file;
    params.certificateFile = config.tls.cert_file;
    params.privateKeyFile = config.tls.key_file;
    params.loadDefaultCAs = config.tls.ca_file.empty();
    params.verificationMode =
        config.tls.insecure_skip_verify ? net::Context::VERIFY_NONE : net::Context::VERIFY_STRICT;
    net::Context::Ptr context(new net::Context(net::Context::TLS_CLIENT_USE, params));
    context->requireMinimumProtocol(net::Context::PROTO_TLSV1_2);
    auto secure = std::make_unique<net::HTTPSClientSession>(url.getHost(), url.getPort(), context);
    session = std::move(secure);
  } else {
    session = std::make_unique<PlainSession>(url.getHost(), url.getPort());
  }
  if (!config.proxy_url.empty()) {
    const Poco::URI proxy(config.proxy_url);
    session->setProxy(proxy.getHost(), proxy.getPort());
    const std::string& login = proxy.getUserInfo();
    const size_t colon = std::min(login.find(':'), login.size());
    session->setProxyCredentials(Decoded(login.substr(0, colon)),
                                 Decoded(login.substr(std::min(colon + 1, login.size()))));
  }
  const auto within = [](int64_t ns) {
    return Poco::Timespan(std::min(ns, kMostToConnectNs) / 1000);
  };
  session->setTimeout(within(config.connect_timeout.ns), within(config.timeout.ns),
                      within(config.timeout.ns));
  return session;
}

net::WebSocket Connect(const support::HttpConfig& config, const std::string& path) {
  const Poco::URI url(config.url);
  std::string base = url.getPath();
  while (!base.empty() && base.back() == '/') base.pop_back();
  const std::unique_ptr<net::HTTPClientSession> session = SessionFor(config, url);
  net::HTTPRequest request(net::HTTPRequest::HTTP_GET, base + path, net::HTTPMessage::HTTP_1_1);
  for (const auto& [name, value] : config.headers) request.set(name, value);
  request.set(kCategoriesHeader, kCategories);
  if (const std::string authorization = Authorization(config); !authorization.empty())
    request.set("Authorization", authorization);
  net::HTTPResponse response;
  if (auto* plain = dynamic_cast<PlainSession*>(session.get()); plain && !config.proxy_url.empty())
    plain->Tunnel();
  try {
    net::WebSocket socket(*session, request, response);
    socket.setMaxPayloadSize(kMaxFrameBytes);
    socket.setReceiveTimeout(kWholeFrame);
    return socket;
  } catch (const net::WebSocketException&) {
    throw Ended{"it answered " + std::to_string(response.getStatus()) + " " + response.getReason() +
                " to the websocket"};
  }
}

}  // namespace

Tail::Tail(support::HttpConfig http, std::function<std::string()> path, int64_t pause_ns,
           Callbacks callbacks)
    : http_(std::move(http)),
      path_(std::move(path)),
      pause_ns_(pause_ns),
      callbacks_(std::move(callbacks)) {}

Tail::~Tail() {
  Stop();
}

void Tail::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Tail::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool Tail::Stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void Tail::Run() {
  support::Backoff backoff({.base_ns = kFirstPauseNs, .cap_ns = pause_ns_});
  while (!Stopping()) {
    const auto began = std::chrono::steady_clock::now();
    std::string why = "closed by the server";
    try {
      RunOnce();
    } catch (const Ended& ended) {
      why = ended.why;
    } catch (const Poco::Exception& thrown) {
      why = thrown.displayText();
    } catch (const std::exception& thrown) {
      why = thrown.what();
    }
    if (Stopping()) return;
    callbacks_.down(why);
    if (std::chrono::steady_clock::now() - began > std::chrono::nanoseconds(pause_ns_))
      backoff.Reset();
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::nanoseconds(backoff.NextNs()),
                      [this] { return stopping_; });
  }
}

void Tail::RunOnce() {
  net::WebSocket socket = Connect(http_, path_());
  callbacks_.up();
  auto heard = std::chrono::steady_clock::now();
  std::string message;  // of several frames
  Poco::Buffer<char> buffer(0);
  while (!Stopping()) {
    if (socket.available() == 0 && !socket.poll(kLook, net::Socket::SELECT_READ)) {
      if (std::chrono::steady_clock::now() - heard > kSilence)
        throw Ended{"nothing came for 15 s, not even a ping"};
      continue;
    }
    int flags = 0;
    buffer.resize(0, false);
    const int got = socket.receiveFrame(buffer, flags);
    if (got <= 0 && flags == 0) throw Ended{"closed by the server"};
    heard = std::chrono::steady_clock::now();
    const int kind = flags & net::WebSocket::FRAME_OP_BITMASK;
    if (kind == net::WebSocket::FRAME_OP_CLOSE) {
      // Two bytes of code, then words.
      std::string words(buffer.begin(), buffer.end());
      words.erase(0, 2);
      throw Ended{words.empty() ? "closed by the server" : "closed by the server: " + words};
    }
    if (kind == net::WebSocket::FRAME_OP_PING) {
      socket.sendFrame(buffer.begin(), static_cast<int>(buffer.size()),
                       int{net::WebSocket::FRAME_FLAG_FIN} | int{net::WebSocket::FRAME_OP_PONG});
      callbacks_.alive();
    } else if (kind == net::WebSocket::FRAME_OP_PONG) {
      callbacks_.alive();
    } else {
      message.append(buffer.begin(), buffer.size());
      if (message.size() > size_t{kMaxFrameBytes}) throw Ended{"a message is larger than 64 MiB"};
      if ((flags & net::WebSocket::FRAME_FLAG_FIN) == 0) continue;
      callbacks_.frame(std::exchange(message, {}));
      callbacks_.alive();
    }
  }
  socket.shutdown();
}

}  // namespace heald::loki
