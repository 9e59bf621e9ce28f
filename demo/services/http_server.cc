#include "demo/services/http_server.h"

#include <Poco/Exception.h>
#include <Poco/Net/HTTPRequestHandler.h>
#include <Poco/Net/HTTPRequestHandlerFactory.h>
#include <Poco/Net/HTTPServer.h>
#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/HTTPServerRequestImpl.h>
#include <Poco/Net/HTTPServerResponse.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/ThreadPool.h>
#include <Poco/URI.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

namespace heald::demo {
namespace {

using Poco::Net::HTTPServerRequest;
using Poco::Net::HTTPServerResponse;

constexpr size_t kMaxBodyBytes = 65'536;
// Poco serves a connection with a thread; above HttpApp::kMaxInFlight there is room for /health.
constexpr int kMaxThreads = HttpApp::kMaxInFlight + 64;
constexpr int kBacklog = 256;
constexpr int kReadTimeout_s = 5;
constexpr int kKeepAlive_s = 15;

bool ClientGone(HTTPServerRequest& request) {
  auto& socket = static_cast<Poco::Net::HTTPServerRequestImpl&>(request).socket();
  try {
    if (!socket.poll(Poco::Timespan(), Poco::Net::Socket::SELECT_READ)) return false;
    char byte = 0;
    return socket.receiveBytes(&byte, 1, MSG_PEEK) == 0;
  } catch (const Poco::Exception&) {
    return true;
  }
}

// False when the body is too large.
bool ReadBody(HTTPServerRequest& request, std::string* body) {
  if (request.hasContentLength() && request.getContentLength64() > int64_t{kMaxBodyBytes})
    return false;
  char buffer[4096];
  std::istream& in = request.stream();
  while (in.read(buffer, sizeof buffer), in.gcount() > 0) {
    body->append(buffer, static_cast<size_t>(in.gcount()));
    if (body->size() > kMaxBodyBytes) return false;
  }
  return true;
}

void Send(HTTPServerResponse& out, const Response& response, bool close) {
  out.setStatusAndReason(static_cast<Poco::Net::HTTPResponse::HTTPStatus>(response.status),
                         ReasonPhrase(response.status));
  out.setContentType(response.content_type);
  out.set("Cache-Control", "no-store");
  for (const auto& [name, value] : response.headers) out.set(name, value);
  if (close) out.setKeepAlive(false);
  out.setContentLength64(static_cast<Poco::Int64>(response.body.size()));
  std::ostream& stream = out.send();
  stream.write(response.body.data(), static_cast<std::streamsize>(response.body.size()));
  stream.flush();  // Poco would do it after the handler; Stop and after_send count on it here
}

class Handler : public Poco::Net::HTTPRequestHandler {
 public:
  Handler(HttpApp* app, StopSignal* stop, std::atomic<int>* in_flight)
      : app_(*app), stop_(*stop), in_flight_(*in_flight) {
    ++in_flight_;
  }
  ~Handler() override { --in_flight_; }

  void handleRequest(HTTPServerRequest& in, HTTPServerResponse& out) override {
    Request request;
    request.method = in.getMethod();
    request.content_type = in.getContentType();
    request.host = in.get("Host", "");
    request.traceparent = in.get("traceparent", "");
    request.tracestate = in.get("tracestate", "");
    request.client_gone = [&in] { return ClientGone(in); };
    try {
      const Poco::URI uri(in.getURI());
      request.path = uri.getPath();
      for (auto& [name, value] : uri.getQueryParameters()) request.query[name] = value;
    } catch (const Poco::Exception&) {
      Send(out, Problem(400, "the request's target is not a URI"), true);
      return;
    }
    if (!ReadBody(in, &request.body)) {
      Send(out, Problem(413, "the body is larger than 64 KiB"), true);
      return;
    }
    const Response response = app_.Handle(std::move(request));
    Send(out, response, stop_.stopped());
    if (response.after_send) response.after_send();
  }

 private:
  HttpApp& app_;
  StopSignal& stop_;
  std::atomic<int>& in_flight_;
};

class Factory : public Poco::Net::HTTPRequestHandlerFactory {
 public:
  Factory(HttpApp* app, StopSignal* stop, std::atomic<int>* in_flight)
      : app_(app), stop_(stop), in_flight_(in_flight) {}
  Poco::Net::HTTPRequestHandler* createRequestHandler(const HTTPServerRequest&) override {
    return new Handler(app_, stop_, in_flight_);  // Poco owns it
  }

 private:
  HttpApp* app_;
  StopSignal* stop_;
  std::atomic<int>* in_flight_;
};

}  // namespace

struct HttpServer::Parts {
  StopSignal* stop;
  std::atomic<int> in_flight{0};  // handlers alive: from the request until its answer is sent
  Poco::ThreadPool threads{2, kMaxThreads};
  std::unique_ptr<Poco::Net::HTTPServer> server;
};

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& host, uint16_t port,
                                                      HttpApp* app, StopSignal* stop) {
  auto parts = std::make_unique<Parts>();
  parts->stop = stop;
  try {
    Poco::Net::ServerSocket socket;
    // Reuse of the port as well would let two services share it silently.
    socket.bind(Poco::Net::SocketAddress(host, port), /*reuseAddress=*/true, /*reusePort=*/false);
    socket.listen(kBacklog);
    Poco::Net::HTTPServerParams::Ptr params = new Poco::Net::HTTPServerParams;
    params->setMaxThreads(kMaxThreads);
    params->setMaxQueued(kBacklog);
    params->setTimeout(Poco::Timespan(kReadTimeout_s, 0));
    params->setKeepAliveTimeout(Poco::Timespan(kKeepAlive_s, 0));
    parts->server = std::make_unique<Poco::Net::HTTPServer>(
        new Factory(app, stop, &parts->in_flight), parts->threads, socket, params);
    parts->server->start();
  } catch (const Poco::Exception& error) {
    return MakeError(Code::kUnavailable, "cannot listen on " + host + ":" + std::to_string(port) +
                                             ": " + error.message() +
                                             ". Stop the program that listens there, or choose "
                                             "another address with --host and --port");
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(parts)));
}

HttpServer::HttpServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
HttpServer::~HttpServer() {
  Stop(0);
}

uint16_t HttpServer::port() const {
  return parts_->server->port();
}

void HttpServer::Stop(int64_t drain_ns) {
  if (!parts_->server) return;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::nanoseconds(drain_ns);
  parts_->stop->Stop();
  parts_->server->stop();
  while (parts_->in_flight > 0 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  parts_->server->stopAll(/*abortCurrent=*/true);
  parts_->threads.joinAll();
  parts_->server.reset();
}

}  // namespace heald::demo
