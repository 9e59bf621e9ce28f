#include "plugins/support/http_error.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace heald::support {
namespace {

constexpr size_t kExcerptBytes = 200;

std::string Seconds(int64_t ns) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g s", static_cast<double>(ns) / 1e9);
  return text;
}

std::string_view OriginOf(std::string_view endpoint) {
  const size_t host = endpoint.find("://");
  if (host == std::string_view::npos || endpoint.starts_with("unix://")) return endpoint;
  return endpoint.substr(0, endpoint.find('/', host + 3));
}

HttpError DescribeConnect(const FailedTransfer& failed, const std::string& where, HttpError error) {
  long os_error = 0;
  curl_easy_getinfo(failed.easy, CURLINFO_OS_ERRNO, &os_error);
  const bool socket_file = where.starts_with("unix://");
  error.fault = HttpFault::kConnect;
  if (os_error == ECONNREFUSED || os_error == 0) {
    error.message = "connection refused by " + where;
    error.advice = "is the server running, and is that its address?";
  } else if (socket_file && os_error == ENOENT) {
    error.message = "no socket at " + where;
    error.advice = "is the server running, and is that its path?";
  } else if (socket_file && (os_error == EACCES || os_error == EPERM)) {
    error.message = "not permitted to use the socket " + where;
    error.advice = "add the agent's user to the socket's group";
  } else {
    error.message = "no connection to " + where + ": " + std::strerror(static_cast<int>(os_error));
    error.advice = "check the address and the network in between";
  }
  return error;
}

HttpError DescribeTimeout(const FailedTransfer& failed, const std::string& where, HttpError error) {
  curl_off_t connected_us = 0;
  curl_off_t answered_us = 0;
  curl_easy_getinfo(failed.easy, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
  curl_easy_getinfo(failed.easy, CURLINFO_STARTTRANSFER_TIME_T, &answered_us);
  error.fault = HttpFault::kTimeout;
  if (connected_us == 0) {
    error.message = "no connection to " + where + " within " +
                    Seconds(std::min(failed.connect_timeout_ns, failed.timeout_ns));
    error.advice = "check the address and the network in between, or raise connect_timeout";
  } else {
    error.message = (answered_us == 0 ? "no answer from " : "no complete answer from ") +
                    failed.endpoint + " within " + Seconds(failed.timeout_ns);
    error.advice = "the server is slow or hangs: look there, or raise timeout";
  }
  return error;
}

HttpError DescribeTls(const FailedTransfer& failed, const std::string& where, HttpError error) {
  error.fault = HttpFault::kTls;
  error.message = "TLS with " + where + " failed";
  if (!failed.curl_text.empty()) (error.message += ": ").append(failed.curl_text);
  const auto says = [&](std::string_view part) {
    return failed.curl_text.find(part) != std::string_view::npos;
  };
  if (says("alert"))
    error.advice = "the server refused this client's certificate: check tls.cert_file and key_file";
  else if (failed.code == CURLE_SSL_CERTPROBLEM)
    error.advice = "check tls.cert_file and tls.key_file";
  else if (failed.code == CURLE_SSL_CACERT_BADFILE)
    error.advice = "check tls.ca_file";
  else if (says("subject name"))
    error.advice = "the certificate is for another name: correct the URL or set tls.server_name";
  else if (failed.code == CURLE_PEER_FAILED_VERIFICATION)
    error.advice = "name the authority that signed its certificate in tls.ca_file";
  else
    error.advice = "does the server speak TLS on that port?";
  return error;
}

std::string AdviceFor(int status) {
  switch (status) {
    case 401:
      return "check the credentials in basic_auth, bearer_token or bearer_token_file";
    case 403:
      return "these credentials don't allow it: grant the permission there";
    case 404:
      return "check the path in the URL";
    case 407:
      return "the proxy wants credentials: put them into proxy_url";
    case 429:
      return "the server asks for fewer requests";
    default:
      break;
  }
  return status >= 500 ? "look at the server's own log" : "";
}

// One printable line of what a server said.
std::string Excerpt(std::string_view body) {
  std::string line;
  for (const char c : body.substr(0, kExcerptBytes)) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      if (!line.empty() && line.back() != ' ') line += ' ';
    } else {
      line += c;
    }
  }
  while (!line.empty() &&
         (line.back() == ' ' || (line.size() >= kExcerptBytes - 4 && (line.back() & 0xc0) == 0x80)))
    line.pop_back();
  return line;
}

}  // namespace

std::string HttpError::Brief() const {
  switch (fault) {
    case HttpFault::kDns:
    case HttpFault::kConnect:
    case HttpFault::kTimeout:
    case HttpFault::kBroken:
      return message;
    default:
      return Sentence();
  }
}

HttpError DescribeFailure(const FailedTransfer& failed) {
  HttpError error;
  long request_bytes = 0;
  curl_easy_getinfo(failed.easy, CURLINFO_REQUEST_SIZE, &request_bytes);
  error.sent = request_bytes > 0;
  std::string where(OriginOf(failed.endpoint));
  if (!failed.proxy_url.empty()) where += " (by proxy " + ShownUrl(failed.proxy_url) + ")";

  switch (failed.code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      error.fault = HttpFault::kDns;
      error.message = "the host name of " + where + " is not known";
      error.advice = "check its spelling and the DNS server";
      return error;
    case CURLE_COULDNT_CONNECT:
      return DescribeConnect(failed, where, std::move(error));
    case CURLE_OPERATION_TIMEDOUT:
      return DescribeTimeout(failed, where, std::move(error));
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return DescribeTls(failed, where, std::move(error));
    case CURLE_FILESIZE_EXCEEDED:
      error.fault = HttpFault::kTooLarge;
      error.message = "the answer of " + failed.endpoint + " is larger than " +
                      std::to_string(failed.body_limit_bytes >> 20) + " MiB";
      error.advice = "ask for less";
      return error;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      if (error.sent) break;  // libcurl's word for an answer that isn't HTTP
      error.fault = HttpFault::kRequest;
      error.message = "'" + failed.endpoint + "' is not a usable URL";
      error.advice = "write http://host:port/path or https://host:port/path";
      return error;
    default:
      break;
  }
  // A server that refuses a client's certificate says so after the handshake (TLS 1.3).
  if (failed.curl_text.find("alert") != std::string_view::npos && where.starts_with("https://"))
    return DescribeTls(failed, where, std::move(error));
  error.fault = HttpFault::kBroken;
  switch (failed.code) {
    case CURLE_GOT_NOTHING:
      error.message = where + " closed the connection without an answer";
      break;
    case CURLE_PARTIAL_FILE:
      // libcurl's own words would only add how many bytes were missing this time.
      error.message = "the answer of " + failed.endpoint + " broke off in the middle";
      error.advice = "look at the server's own log";
      return error;
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      error.message = "the connection to " + where + " broke";
      break;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
      error.message = "what " + failed.endpoint + " answered is not valid HTTP";
      break;
    default:
      error.message = "the request to " + failed.endpoint + " failed";
      break;
  }
  if (!failed.curl_text.empty()) ((error.message += " (").append(failed.curl_text)) += ')';
  error.advice = "look at the server's own log";
  return error;
}

HttpError DescribeStatus(std::string_view method, const std::string& endpoint,
                         const HttpResponse& response, int64_t now_ns) {
  HttpError error;
  error.fault = HttpFault::kStatus;
  error.sent = true;
  error.message = std::string(method) + " " + endpoint + " was answered with status " +
                  std::to_string(response.status);
  if (response.status >= 300 && response.status < 400) {
    const std::string_view location = response.Header("location");
    if (!location.empty())
      error.advice = "it redirects to " + ShownUrl(location) + ": put that into the URL";
    return error;
  }
  if (const std::string excerpt = Excerpt(response.body); !excerpt.empty())
    error.message += " (" + excerpt + ")";
  error.advice = AdviceFor(response.status);
  if (const std::string_view wish = response.Header("retry-after"); !wish.empty())
    error.retry_after_ns = ParseRetryAfter(wish, now_ns).value_or(0);
  if (error.retry_after_ns > 0)
    error.advice += (error.advice.empty() ? "it asks to wait " : "; it asks to wait ") +
                    Seconds(error.retry_after_ns);
  return error;
}

}  // namespace heald::support
