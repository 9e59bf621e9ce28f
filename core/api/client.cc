#include "core/api/client.h"

#include <Poco/Net/NetException.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/Net/StreamSocket.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>

#include "core/api/lower.h"
#include "core/base/clock.h"

namespace heald::api {
namespace {

constexpr size_t kMaxAnswerBytes = 64 << 20;
constexpr std::string_view kAdvice =
    ": is the agent running? --url or the pipeline file says where it listens";

struct Place {
  bool tls = false;
  std::string host;  // without brackets
  uint16_t port = 0;
  std::string host_header;
  std::string path;  // in front of every path; no slash at its end
};

Result<Place> PlaceOf(std::string_view url) {
  const auto invalid = [&] {
    return MakeError(Code::kInvalid, "'" + std::string(url) +
                                         "' is no URL of an agent: write http://127.0.0.1:8080");
  };
  Place place;
  place.tls = url.starts_with("https://");
  if (!place.tls && !url.starts_with("http://")) return invalid();
  std::string_view rest = url.substr(url.find("://") + 3);
  const size_t slash = std::min(rest.find('/'), rest.size());
  place.path = rest.substr(slash);
  while (place.path.ends_with('/')) place.path.pop_back();
  rest = rest.substr(0, slash);
  place.host_header = rest;
  const size_t colon = rest.ends_with(']') ? std::string_view::npos : rest.rfind(':');
  place.port = place.tls ? 443 : 80;
  if (colon != std::string_view::npos) {
    const std::string_view port = rest.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), place.port);
    if (error != std::errc() || end != port.data() + port.size() || place.port == 0)
      return invalid();
    rest = rest.substr(0, colon);
  }
  if (rest.size() > 2 && rest.front() == '[') rest = rest.substr(1, rest.size() - 2);
  place.host = rest;
  if (place.host.empty() || rest.find('@') != std::string_view::npos) return invalid();
  return place;
}

std::string TlsProblem() {
  char text[256] = "";
  if (const unsigned long code = ERR_get_error(); code != 0)
    ERR_error_string_n(code, text, sizeof text);
  return text;
}

// A connection, plain or TLS; throws Poco's exceptions, which Ask turns into errors.
class Wire {
 public:
  Wire(const Place& place, int64_t timeout_ns) {
    const Poco::Timespan timeout(timeout_ns / 1000);
    socket_.connect(Poco::Net::SocketAddress(place.host, place.port), timeout);
    socket_.setReceiveTimeout(timeout);
    socket_.setSendTimeout(timeout);
  }

  Status BeginTls(const Place& place, const std::string& trusted_cert_file) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    const bool pinned = !trusted_cert_file.empty();
    if (pinned) {
      // The certificate itself is the anchor, also where it isn't an authority's.
      X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context_.get()), X509_V_FLAG_PARTIAL_CHAIN);
      if (SSL_CTX_load_verify_locations(context_.get(), trusted_cert_file.c_str(), nullptr) != 1)
        return MakeError(Code::kDenied, "can't read the certificate " + trusted_cert_file);
    } else {
      SSL_CTX_set_default_verify_paths(context_.get());
    }
    ssl_.reset(SSL_new(context_.get()));
    // An address is another entry of a certificate than a name.
    if (!pinned &&
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), place.host.c_str()) != 1)
      SSL_set1_host(ssl_.get(), place.host.c_str());
    SSL_set_tlsext_host_name(ssl_.get(), place.host.c_str());
    SSL_set_fd(ssl_.get(), static_cast<int>(socket_.impl()->sockfd()));
    ERR_clear_error();
    if (SSL_connect(ssl_.get()) == 1) return {};
    const long verified = SSL_get_verify_result(ssl_.get());
    return MakeError(
        Code::kDenied,
        "TLS with " + place.host_header + " failed: " +
            (verified != X509_V_OK ? X509_verify_cert_error_string(verified) : TlsProblem()));
  }

  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const int size = static_cast<int>(std::min<size_t>(bytes.size(), 1 << 20));
      const int sent =
          ssl_ ? SSL_write(ssl_.get(), bytes.data(), size) : socket_.sendBytes(bytes.data(), size);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  // 0: the end.
  int Receive(char* buffer, int size) {
    return ssl_ ? std::max(0, SSL_read(ssl_.get(), buffer, size))
                : socket_.receiveBytes(buffer, size);
  }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  Poco::Net::StreamSocket socket_;
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> ssl_;
};

std::string RequestText(const Client& client, const Place& place, std::string_view method,
                        std::string_view path, std::string_view body) {
  std::string text = std::string(method) + " " + place.path + std::string(path) +
                     " HTTP/1.1\r\nHost: " + place.host_header +
                     "\r\nConnection: close\r\nAccept: application/json\r\n";
  if (!client.token.empty()) text += "Authorization: Bearer " + client.token + "\r\n";
  for (const auto& [name, value] : client.headers) text += name + ": " + value + "\r\n";
  if (!body.empty())
    text +=
        "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  return text + "\r\n" + std::string(body);
}

// A header's whole number; `name` in lower case.
std::optional<uint32_t> NumberOf(std::string_view head, const std::string& name) {
  const std::string lower = Lower(head);
  const std::string line = "\r\n" + name + ":";
  size_t at = lower.find(line);
  if (at == std::string::npos) return std::nullopt;
  at = std::min(lower.find_first_not_of(' ', at + line.size()), lower.size());
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(lower.data() + at, lower.data() + lower.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

// Where the answer doesn't say how long it is, it ends with the connection.
bool IsWhole(std::string_view text) {
  const size_t head = text.find("\r\n\r\n");
  if (head == std::string_view::npos) return false;
  const std::optional<uint32_t> length = NumberOf(text.substr(0, head), "content-length");
  return length && text.size() >= head + 4 + *length;
}

Result<ClientAnswer> Parse(const std::string& text) {
  const size_t head = text.find("\r\n\r\n");
  ClientAnswer answer;
  if (!text.starts_with("HTTP/1.") || head == std::string::npos || text.size() < 12)
    return MakeError(Code::kCorrupt, "what answered speaks no HTTP");
  std::from_chars(text.data() + 9, text.data() + 12, answer.status);
  answer.retry_after_ns =
      NumberOf(std::string_view(text).substr(0, head), "retry-after").value_or(0) * kSecond;
  answer.body = text.substr(head + 4);
  return answer;
}

}  // namespace

Result<ClientAnswer> Exchange(const Client& client, std::string_view method, std::string_view path,
                              std::string_view body) {
  const Result<Place> place = PlaceOf(client.url);
  if (!place) return place.error();
  // A token with a line break would be another header.
  if (client.token.find_first_of("\r\n") != std::string::npos)
    return MakeError(Code::kInvalid, "the token has a line break in it");
  try {
    Wire wire(*place, client.timeout_ns);
    if (place->tls)
      if (Status status = wire.BeginTls(*place, client.trusted_cert_file); !status)
        return status.error();
    std::string text;
    char buffer[16384];
    const int64_t until_ns = SystemClock().MonotonicNs() + client.timeout_ns;
    if (wire.Send(RequestText(client, *place, method, path, body)))
      while (const int got = wire.Receive(buffer, sizeof buffer)) {
        text.append(buffer, static_cast<size_t>(got));
        if (text.size() > kMaxAnswerBytes || IsWhole(text)) break;
        if (SystemClock().MonotonicNs() > until_ns) throw Poco::TimeoutException();
      }
    return Parse(text);
  } catch (const Poco::TimeoutException&) {
    return MakeError(Code::kUnavailable, client.url + " doesn't answer");
  } catch (const Poco::Exception& error) {
    return MakeError(Code::kUnavailable,
                     "nothing answers at " + client.url + " (" + error.displayText() + ")");
  }
}

Result<ClientAnswer> Ask(const Client& client, std::string_view method, std::string_view path,
                         std::string_view body) {
  Result<ClientAnswer> answer = Exchange(client, method, path, body);
  if (!answer && answer.error().code == Code::kUnavailable) answer.error().message += kAdvice;
  if (!answer && answer.error().code == Code::kCorrupt)
    return MakeError(Code::kUnavailable, "what answered is no heald agent");
  return answer;
}

}  // namespace heald::api
