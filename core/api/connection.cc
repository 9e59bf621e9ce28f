#include "core/api/connection.h"

#include <Poco/Exception.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/Timespan.h>
#include <sys/socket.h>

#include <algorithm>
#include <sstream>

#include "core/api/problem.h"
#include "core/base/clock.h"
#include "core/base/units.h"

namespace heald::api {
namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";
// How soon a waiting connection sees that the server stops or that others wait for its thread.
constexpr int64_t kSliceNs = 50 * kMillisecond;

int64_t NowNs() {
  return SystemClock().MonotonicNs();
}

Poco::Timespan Slice(int64_t left_ns) {
  return {0, std::max<long>(1, static_cast<long>(std::min(left_ns, kSliceNs) / kMicrosecond))};
}

std::string AddressOf(const Poco::Net::SocketAddress& address) {
  std::string host = address.host().toString();
  constexpr std::string_view kMapped = "::ffff:";  // IPv4 on an IPv6 listener
  if (host.starts_with(kMapped)) host.erase(0, kMapped.size());
  return host;
}

}  // namespace

Connection::Connection(const Poco::Net::StreamSocket& socket, ConnectionContext& context)
    : TCPServerConnection(socket), context_(context) {}

void Connection::run() {
  try {
    while (!context_.stopping && ServeOne()) {
    }
  } catch (const Poco::Exception&) {  // the client is gone
  } catch (const std::exception&) {   // out of memory for this request: it ends, the agent stays
  }
}

Connection::Read Connection::ReadMore(int64_t deadline_ns, Wait wait) {
  const int64_t start_ns = NowNs();
  for (;;) {
    int64_t limit_ns = std::min(deadline_ns, context_.stop_by_ns.load());
    if (context_.stopping && wait != Wait::kRest) limit_ns = start_ns;
    if (context_.crowded())
      limit_ns = std::min(limit_ns,
                          start_ns + (wait == Wait::kNext ? 0 : context_.limits.crowded_read_ns));
    const int64_t left_ns = limit_ns - NowNs();
    if (!socket().poll(Slice(left_ns), Poco::Net::Socket::SELECT_READ)) {
      if (left_ns <= 0) return Read::kTimeout;
      continue;
    }
    char chunk[16 * 1024];
    const int got = socket().receiveBytes(chunk, sizeof chunk);
    if (got <= 0) return Read::kClosed;
    buffer_.append(chunk, static_cast<size_t>(got));
    return Read::kData;
  }
}

Connection::Read Connection::ReadHead(std::string& head) {
  if (buffer_.empty()) {
    // The first request is due at once, later ones within the keep-alive time.
    const bool first = served_ == 0;
    const int64_t wait_ns = first ? context_.limits.head_ns : context_.limits.keep_alive_ns;
    const Read read = ReadMore(NowNs() + wait_ns, first ? Wait::kFirst : Wait::kNext);
    if (read != Read::kData) return Read::kClosed;
  }
  const int64_t deadline_ns = NowNs() + context_.limits.head_ns;
  for (;;) {
    const size_t end = buffer_.find(kHeadEnd);
    if (end != std::string::npos && end <= context_.limits.head_bytes) {
      head = buffer_.substr(0, end + kHeadEnd.size());
      buffer_.erase(0, head.size());
      return Read::kData;
    }
    if (buffer_.size() > context_.limits.head_bytes) return Read::kData;  // an empty head: too long
    if (const Read read = ReadMore(deadline_ns, Wait::kRest); read != Read::kData) return read;
  }
}

bool Connection::ServeOne() {
  std::string text;
  switch (ReadHead(text)) {
    case Read::kClosed:
      return false;
    case Read::kTimeout:
      return Refuse(408, "the request's head did not arrive in time");
    case Read::kData:
      break;
  }
  if (text.empty())
    return Refuse(431, "the request's head is longer than " +
                           std::to_string(context_.limits.head_bytes) + " bytes");
  auto parsed = ParseRequestHead(text);
  if (const auto* error = std::get_if<HeadError>(&parsed))
    return Refuse(error->status, error->detail);
  auto& head = std::get<RequestHead>(parsed);
  if (head.body_bytes > context_.limits.body_bytes)
    return Refuse(
        413, "the body is longer than " + std::to_string(context_.limits.body_bytes) + " bytes");
  if (head.expects_continue && !SendText("HTTP/1.1 100 Continue\r\n\r\n")) return false;
  const int64_t deadline_ns = NowNs() + context_.limits.body_ns;
  while (buffer_.size() < head.body_bytes) {
    const Read read = ReadMore(deadline_ns, Wait::kRest);
    if (read == Read::kClosed) return false;
    if (read == Read::kTimeout) return Refuse(408, "the request's body did not arrive in time");
  }
  head.request.body = buffer_.substr(0, head.body_bytes);
  buffer_.erase(0, head.body_bytes);
  head.request.local_address = AddressOf(socket().address());
  head.request.peer_address = AddressOf(socket().peerAddress());

  const Response response = context_.router.Handle(head.request);
  ++served_;
  const bool keep_alive = head.keep_alive && !context_.stopping && !context_.crowded() &&
                          served_ < context_.limits.requests_per_connection;
  if (!Send(response, keep_alive, head.request.method == "HEAD")) return false;
  if (!keep_alive) Linger();
  return keep_alive;
}

// An answer to what is no request: nothing after it on this connection can be trusted.
bool Connection::Refuse(int status, std::string_view detail) {
  Response response = Problem(status, detail);
  AddSecurityHeaders(response);
  if (Send(response, false, false)) Linger();
  return false;
}

bool Connection::Send(const Response& response, bool keep_alive, bool head_only) {
  Poco::Net::HTTPResponse head(Poco::Net::HTTPMessage::HTTP_1_1,
                               static_cast<Poco::Net::HTTPResponse::HTTPStatus>(response.status),
                               std::string(ReasonPhrase(response.status)));
  head.setDate(Poco::Timestamp());
  head.setContentType(response.content_type);
  head.setContentLength64(static_cast<Poco::Int64>(response.body.size()));
  head.setKeepAlive(keep_alive);
  for (const auto& [name, value] : response.headers) head.set(name, value);
  std::ostringstream out;
  head.write(out);
  if (!head_only) out << response.body;
  return SendText(out.str());
}

bool Connection::SendText(std::string_view text) {
  const int64_t deadline_ns = NowNs() + context_.limits.send_ns;
  while (!text.empty()) {
    const int64_t left_ns = std::min(deadline_ns, context_.stop_by_ns.load()) - NowNs();
    if (left_ns <= 0) return false;
    if (!socket().poll(Slice(left_ns), Poco::Net::Socket::SELECT_WRITE)) continue;
    const int sent =
        socket().sendBytes(text.data(), static_cast<int>(std::min<size_t>(text.size(), 256 * 1024)),
                           MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

// Closing with unread bytes resets the connection and may take the answer with it: read them first,
// within bounds.
void Connection::Linger() {
  socket().shutdownSend();
  const int64_t deadline_ns = NowNs() + context_.limits.linger_ns;
  size_t left = context_.limits.body_bytes * 2;
  while (left > 0) {
    buffer_.clear();
    if (ReadMore(deadline_ns, Wait::kNext) != Read::kData) return;
    left -= std::min(left, buffer_.size());
  }
}

}  // namespace heald::api
