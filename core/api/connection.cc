#include "core/api/connection.h"

#include <Poco/Net/HTTPResponse.h>
#include <Poco/Timestamp.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "core/api/encoding.h"
#include "core/api/problem.h"
#include "core/base/clock.h"
#include "core/base/steady.h"

namespace heald::api {
namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr size_t kChunkBytes = size_t{16} * 1024;

std::string HeadText(const Response& response) {
  Poco::Net::HTTPResponse head(Poco::Net::HTTPMessage::HTTP_1_1,
                               static_cast<Poco::Net::HTTPResponse::HTTPStatus>(response.status),
                               std::string(ReasonPhrase(response.status)));
  head.setDate(Poco::Timestamp());
  if (!response.content_type.empty()) head.setContentType(response.content_type);
  for (const auto& [name, value] : response.headers) head.add(name, value);
  std::ostringstream out;
  head.write(out);
  return out.str();
}

// Browsers send the header when they come back by themselves; a page that opens a new stream can
// only write it into the address.
std::string LastEventId(const Request& request) {
  std::string id(request.Header("last-event-id"));
  for (const auto& [name, value] : request.query)
    if (id.empty() && name == "last_event_id") id = value;
  return id;
}

}  // namespace

Connection::Connection(Channel channel, ConnectionContext& context)
    : context_(context), channel_(std::move(channel)) {
  Enter(Phase::kHead, context_.limits.head_ns);
}

Connection::~Connection() {
  Expect(0);
}

int64_t Connection::deadline_ns() const {
  return std::min(deadline_ns_, context_.stop_by_ns.load());
}

void Connection::Enter(Phase phase, int64_t limit_ns) {
  phase_ = phase;
  deadline_ns_ = SteadyNs() + limit_ns;
}

void Connection::Expect(uint64_t body_bytes) {
  context_.bodies_bytes += body_bytes;
  context_.bodies_bytes -= body_bytes_;
  body_bytes_ = body_bytes;
}

Pause Connection::Advance(bool late) {
  try {
    if (late) {
      const bool reading = phase_ == Phase::kHead || phase_ == Phase::kBody;
      if (!reading || idle() || !out_.empty()) return {};
      Refuse(408, phase_ == Phase::kHead ? "the request's head did not arrive in time"
                                         : "the request's body did not arrive in time");
    }
    for (;;)
      if (const std::optional<Pause> pause = out_.empty() ? Step() : Flush()) return *pause;
  } catch (const std::exception&) {  // out of memory for this request: it ends, the agent stays
    return {};
  }
}

std::optional<Pause> Connection::Step() {
  switch (phase_) {
    case Phase::kHead:
      if (in_.find(kHeadEnd) != std::string::npos || in_.size() > context_.limits.head_bytes)
        return TakeHead();
      return Fill();
    case Phase::kBody:
      if (!TakeBody()) return out_.empty() ? Fill() : std::nullopt;
      return Answer();
    case Phase::kAnswer:
      if (!keep_alive_ || context_.stopping) {
        channel_.ShutdownSend();
        linger_bytes_ = context_.limits.body_bytes * 2;
        Enter(Phase::kLinger, context_.limits.linger_ns);
        return std::nullopt;
      }
      begun_ = !in_.empty();
      Enter(Phase::kHead, begun_ ? context_.limits.head_ns : context_.limits.keep_alive_ns);
      if (begun_) return Pause{Pause::For::kTurn, deadline_ns()};
      in_.shrink_to_fit();
      return std::nullopt;
    case Phase::kLinger:
      return Linger();
  }
  return Pause{};
}

std::optional<Pause> Connection::Flush() {
  const Channel::Io io = channel_.Write(std::string_view(out_).substr(out_at_));
  switch (io.state) {
    case Channel::State::kDone:
      out_at_ += io.bytes;
      if (out_at_ == out_.size()) {
        out_.clear();
        out_at_ = 0;
        out_.shrink_to_fit();
      }
      return std::nullopt;
    case Channel::State::kNeedsRead:
      return Pause{Pause::For::kRead, deadline_ns()};
    case Channel::State::kNeedsWrite:
      return Pause{Pause::For::kWrite, deadline_ns()};
    default:
      return Pause{};
  }
}

std::optional<Pause> Connection::Fill() {
  const size_t before = in_.size();
  in_.resize(before + kChunkBytes);
  const Channel::Io io = channel_.Read(in_.data() + before, kChunkBytes);
  in_.resize(before + io.bytes);
  switch (io.state) {
    case Channel::State::kDone:
      if (idle()) Enter(Phase::kHead, context_.limits.head_ns);
      begun_ = true;
      return std::nullopt;
    case Channel::State::kNeedsRead:
      return Pause{Pause::For::kRead, deadline_ns()};
    case Channel::State::kNeedsWrite:
      return Pause{Pause::For::kWrite, deadline_ns()};
    case Channel::State::kPlain: {
      Response response{400,
                        "text/plain; charset=utf-8",
                        "This port speaks TLS: use https:// instead of http://.\n",
                        {}};
      AddSecurityHeaders(response);
      Send(response, false, false);
      return std::nullopt;
    }
    default:
      if (!channel_.tls_error().empty()) ++context_.tls_failures;
      return Pause{};
  }
}

// Closing with unread bytes resets the connection and may take the answer with it: read them first,
// within bounds.
std::optional<Pause> Connection::Linger() {
  if (context_.stopping || linger_bytes_ == 0) return Pause{};
  char ignored[kChunkBytes];
  const Channel::Io io = channel_.Read(ignored, sizeof ignored);
  if (io.state == Channel::State::kNeedsRead) return Pause{Pause::For::kRead, deadline_ns()};
  if (io.state != Channel::State::kDone) return Pause{};
  linger_bytes_ -= std::min(linger_bytes_, io.bytes);
  return std::nullopt;
}

// ---- requests ----

std::optional<Pause> Connection::TakeHead() {
  const Limits& limits = context_.limits;
  const size_t end = in_.find(kHeadEnd);
  if (end == std::string::npos || end > limits.head_bytes) {
    Refuse(431,
           "the request's head is longer than " + std::to_string(limits.head_bytes) + " bytes");
    return std::nullopt;
  }
  const size_t size = end + kHeadEnd.size();
  auto parsed = ParseRequestHead(std::string_view(in_).substr(0, size));
  in_.erase(0, size);
  if (const auto* error = std::get_if<HeadError>(&parsed)) {
    Refuse(error->status, error->detail);
    return std::nullopt;
  }
  head_ = std::move(std::get<RequestHead>(parsed));
  head_.request.local_address = channel_.LocalAddress();
  head_.request.peer_address = channel_.PeerAddress();
  body_limit_ = limits.body_bytes;
  if (head_.request.IsPush()) {
    auto admitted = context_.router.Admit(head_.request);
    if (const auto* refusal = std::get_if<Response>(&admitted)) {
      Refuse(*refusal);
      return std::nullopt;
    }
    body_limit_ = std::get<uint64_t>(admitted);
  }
  chunks_.reset();
  if (head_.chunked) chunks_.emplace();
  if (head_.body_bytes > body_limit_) {
    RefuseBody();
    return std::nullopt;
  }
  Expect(head_.body_bytes);
  if (head_.body_bytes > 0 && context_.bodies_bytes > limits.bodies_bytes) {
    Refuse(503, "too many requests with bodies at once: try again in a second");
    return std::nullopt;
  }
  Enter(Phase::kBody, limits.body_ns);
  if (head_.expects_continue) out_ = "HTTP/1.1 100 Continue\r\n\r\n";
  return std::nullopt;
}

bool Connection::TakeBody() {
  if (chunks_) return TakeChunks();
  if (in_.size() < head_.body_bytes) return false;
  head_.request.body = in_.substr(0, head_.body_bytes);
  in_.erase(0, head_.body_bytes);
  return true;
}

bool Connection::TakeChunks() {
  std::string& body = head_.request.body;
  const ChunkDecoder::State state = chunks_->Take(&in_, &body, body_limit_);
  Expect(body.size());
  if (state == ChunkDecoder::State::kBad)
    Refuse(400, "the body's chunks cannot be read");
  else if (state == ChunkDecoder::State::kTooLong)
    RefuseBody();
  else if (context_.bodies_bytes > context_.limits.bodies_bytes)
    Refuse(503, "too many requests with bodies at once: try again in a second");
  return state == ChunkDecoder::State::kDone && out_.empty();
}

std::optional<Pause> Connection::Answer() {
  Request& request = head_.request;
  Response response = context_.router.Handle(request);
  Expect(0);
  const bool head_only = request.method == "HEAD";
  if (response.live && !head_only) return GoLive(std::move(response));
  Encode(request, response);
  const bool keep_alive =
      head_.keep_alive && !context_.stopping && ++served_ < context_.limits.requests_per_connection;
  Send(response, keep_alive, head_only);
  head_ = RequestHead();
  return std::nullopt;
}

// The stream ends with the connection, so its head tells no length. The socket stays known to the
// poller's epoll set until the stream closes it, but disarmed: it never fires there again.
std::optional<Pause> Connection::GoLive(Response response) {
  if (!context_.live.Reserve()) {
    Response full = Problem(503, "as many clients as allowed listen already: try again later");
    full.headers.emplace_back("Retry-After", "10");
    AddSecurityHeaders(full);
    Send(full, false, false);
    return std::nullopt;
  }
  response.headers.emplace_back("Connection", "Close");
  response.headers.emplace_back("X-Accel-Buffering", "no");  // for a proxy on the way
  context_.live.Adopt(std::move(channel_), HeadText(response), LastEventId(head_.request),
                      context_.allowed(head_.request));
  return Pause{};
}

// An answer to what is no request: nothing after it on this connection can be trusted.
void Connection::Refuse(int status, std::string_view detail) {
  Response response = Problem(status, detail);
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  AddSecurityHeaders(response);
  Refuse(response);
}

void Connection::RefuseBody() {
  if (head_.request.IsPush()) context_.router.NoteTooLarge(head_.request, body_limit_);
  Refuse(413, "the body is longer than " + std::to_string(body_limit_) + " bytes");
}

void Connection::Refuse(const Response& response) {
  Expect(0);
  Send(response, false, false);
}

void Connection::Send(const Response& response, bool keep_alive, bool head_only) {
  Response framed;
  framed.status = response.status;
  framed.content_type = response.content_type;
  framed.headers = response.headers;
  constexpr int kNoContent = 204;
  constexpr int kNotModified = 304;
  if (response.status != kNotModified && response.status != kNoContent)
    framed.headers.emplace_back("Content-Length", std::to_string(response.body.size()));
  framed.headers.emplace_back("Connection", keep_alive ? "Keep-Alive" : "Close");
  out_ = HeadText(framed);
  if (!head_only) out_ += response.body;
  out_at_ = 0;
  keep_alive_ = keep_alive;
  Enter(Phase::kAnswer, context_.limits.send_ns);
}

}  // namespace heald::api
