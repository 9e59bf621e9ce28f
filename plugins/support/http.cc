#include "plugins/support/http.h"

#include <curl/curl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <fstream>
#include <sstream>

#include "heald/calls.h"
#include "plugins/support/http_error.h"
#include "plugins/support/http_metrics.h"

namespace heald::support {
namespace {

constexpr int64_t kMillisecond = 1'000'000;
constexpr int kPollMs = 50;  // how late a cancelled() is noticed
constexpr long kIdleConnections = 256;
constexpr std::string_view kUnixScheme = "unix://";

int64_t SteadyNs() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

int64_t WallNs() {
  return std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

long ToMs(int64_t ns) {
  return static_cast<long>(std::clamp<int64_t>((ns + kMillisecond - 1) / kMillisecond, 1,
                                               std::numeric_limits<int32_t>::max()));
}

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
  return out;
}

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return c < 0x20 && c != '\t'; });
}

bool IsLoopback(std::string_view host) {
  return host == "localhost" || host.ends_with(".localhost") || host == "[::1]" ||
         host.starts_with("127.");
}

std::string UrlPart(const std::string& url, CURLUPart part, unsigned flags = 0) {
  CURLU* parsed = curl_url();
  char* text = nullptr;
  std::string out;
  if (curl_url_set(parsed, CURLUPART_URL, url.c_str(), 0) == CURLUE_OK &&
      curl_url_get(parsed, part, &text, flags) == CURLUE_OK)
    out = text;
  curl_free(text);
  curl_url_cleanup(parsed);
  return out;
}

bool Harmless(const HttpRequest& request) {
  return request.repeatable || request.method == "GET" || request.method == "HEAD" ||
         request.method == "OPTIONS" || request.method == "PUT" || request.method == "DELETE";
}

// A token file, read again when the file behind the name is another or has changed: mounted secrets
// are replaced by renaming.
class TokenFile {
 public:
  // Empty error: *token is current.
  std::string Read(const std::string& path, std::string* token) {
    struct stat now {};
    if (stat(path.c_str(), &now) != 0)
      return "cannot read bearer_token_file '" + path + "': " + std::strerror(errno);
    if (now.st_ino != seen_.st_ino || now.st_dev != seen_.st_dev || now.st_size != seen_.st_size ||
        now.st_mtim.tv_sec != seen_.st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != seen_.st_mtim.tv_nsec) {
      std::ifstream file(path, std::ios::binary);
      std::ostringstream text;
      text << file.rdbuf();
      if (!file) return "cannot read bearer_token_file '" + path + "'";
      token_ = Trim(text.str());
      seen_ = now;
    }
    *token = token_;
    return {};
  }

 private:
  struct stat seen_ {};
  std::string token_;
};

// pem: a file's name or, as a kubeconfig holds it, the text itself, which lives as long as the
// client. Settings never hold the text: CheckHttpConfig wants a file.
void SetPem(CURL* easy, const std::string& pem, CURLoption file, CURLoption text) {
  if (pem.empty()) return;
  if (!pem.starts_with("-----BEGIN ")) {
    curl_easy_setopt(easy, file, pem.c_str());
    return;
  }
  curl_blob blob{const_cast<char*>(pem.data()), pem.size(), CURL_BLOB_NOCOPY};
  curl_easy_setopt(easy, text, &blob);
}

struct Transfer {
  const HttpRequest* request = nullptr;
  size_t index = 0;
  int64_t timeout_ns = 0;
  int64_t begun_ns = 0;  // 0: never sent
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  curl_slist* connect_to = nullptr;
  std::string endpoint;
  std::string proxy_url;
  HttpResult result;
  bool too_large = false;
  bool ended_by_reader = false;
  char curl_text[CURL_ERROR_SIZE] = {};
};

size_t OnHeader(char* data, size_t, size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view line = Trim({data, size});
  if (line.starts_with("HTTP/")) {
    transfer.result.response.headers.clear();
  } else if (const size_t colon = line.find(':'); colon != std::string_view::npos) {
    transfer.result.response.headers.emplace_back(Lower(line.substr(0, colon)),
                                                  std::string(Trim(line.substr(colon + 1))));
  }
  return size;
}

size_t OnBody(char* data, size_t, size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  std::string& body = transfer.result.response.body;
  if (transfer.request->on_data) {
    long status = 0;
    curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    if (status / 100 == 2) {
      if (transfer.request->on_data({data, size})) return size;
      transfer.ended_by_reader = true;
      return 0;
    }
  }
  if (body.size() + size > transfer.request->body_limit_bytes) {
    transfer.too_large = true;
    return 0;
  }
  body.append(data, size);
  return size;
}

}  // namespace

std::string_view HttpResponse::Header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return {};
}

bool MayRetry(const HttpRequest& request, const HttpResult& result) {
  switch (result.error.fault) {
    case HttpFault::kDns:
    case HttpFault::kConnect:
      return true;
    case HttpFault::kTimeout:
    case HttpFault::kBroken:
      return !result.error.sent || Harmless(request);
    case HttpFault::kStatus: {
      const int status = result.response.status;
      return status == 429 ||
             ((status == 502 || status == 503 || status == 504) && Harmless(request));
    }
    default:
      return false;
  }
}

std::string UrlEncode(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  for (const char c : text) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
        c == '_' || c == '.' || c == '~') {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      ((out += '%') += kHex[byte >> 4]) += kHex[byte & 15];
    }
  }
  return out;
}

class HttpClient::Impl {
 public:
  Impl(HttpConfig config, std::function<bool()> cancelled, std::shared_ptr<HttpMetrics> metrics)
      : config_(std::move(config)), cancelled_(std::move(cancelled)), metrics_(std::move(metrics)) {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    (void)ready;
    multi_ = curl_multi_init();
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kIdleConnections);
  }
  ~Impl() {
    for (CURL* easy : idle_) curl_easy_cleanup(easy);
    curl_multi_cleanup(multi_);
  }

  void PerformAll(std::span<const HttpRequest> requests, size_t max_concurrent,
                  const std::function<void(size_t, HttpResult)>& on_done);
  bool Sleep(int64_t ns);
  void Cancel() {
    cancel_ = true;
    curl_multi_wakeup(multi_);
  }
  bool Cancelled() const { return cancel_ || (cancelled_ && cancelled_()); }
  const HttpConfig& config() const { return config_; }
  HttpMetrics* metrics() const { return metrics_.get(); }

 private:
  // Empty: the transfer is under way; else why this request can't be sent.
  std::string Begin(Transfer& transfer, int64_t timeout_ns);
  std::string SetHeaders(Transfer& transfer, const std::string& host_header);
  std::string SetTarget(Transfer& transfer, std::string* host_header);
  void SetTls(CURL* easy);
  void SetMethod(CURL* easy, const HttpRequest& request);
  void CountConnections(CURL* easy);
  HttpResult End(Transfer& transfer, CURLcode code);

  const HttpConfig config_;
  const std::function<bool()> cancelled_;
  const std::shared_ptr<HttpMetrics> metrics_;
  std::atomic<bool> cancel_ = false;
  CURLM* multi_ = nullptr;
  std::vector<CURL*> idle_;
  TokenFile token_file_;
};

std::string HttpClient::Impl::SetTarget(Transfer& transfer, std::string* host_header) {
  CURL* easy = transfer.easy;
  const std::string& asked = transfer.request->url;
  std::string url = asked;
  std::string proxy = config_.proxy_url;
  const bool below_base = asked.empty() || asked[0] == '/';
  if (below_base && config_.url.starts_with(kUnixScheme)) {
    transfer.endpoint = config_.url;
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, config_.url.c_str() + kUnixScheme.size());
    url = "http://localhost" + asked;
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
  } else {
    if (below_base) {
      url = config_.url;
      if (!asked.empty() && url.ends_with('/')) url.pop_back();
      url += asked;
    }
    transfer.endpoint = ShownUrl(url);
    const std::string host = UrlPart(url, CURLUPART_HOST);
    if (host.empty()) return "'" + transfer.endpoint + "' is not a usable URL";
    if (!proxy.empty()) {
      curl_easy_setopt(easy, CURLOPT_PROXY, proxy.c_str());
      transfer.proxy_url = proxy;
    } else if (IsLoopback(host)) {
      // A proxy from the environment is meant for the network, not for this machine.
      curl_easy_setopt(easy, CURLOPT_PROXY, "");
    }
    if (const std::string& name = config_.tls.server_name;
        !name.empty() && url.starts_with("https://") && name != host) {
      // libcurl takes the name to ask for and to check from the URL: so the name goes there, and
      // the connection to where the URL pointed.
      const std::string port = UrlPart(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
      const size_t at = url.find(host, std::strlen("https://"));
      url.replace(at, host.size(), name);
      transfer.connect_to =
          curl_slist_append(nullptr, (name + ":" + port + ":" + host + ":" + port).c_str());
      curl_easy_setopt(easy, CURLOPT_CONNECT_TO, transfer.connect_to);
      *host_header = host + (port == "443" ? "" : ":" + port);
    }
  }
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  return {};
}

void HttpClient::Impl::SetTls(CURL* easy) {
  const TlsConfig& tls = config_.tls;
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  SetPem(easy, tls.ca_file, CURLOPT_CAINFO, CURLOPT_CAINFO_BLOB);
  SetPem(easy, tls.cert_file, CURLOPT_SSLCERT, CURLOPT_SSLCERT_BLOB);
  SetPem(easy, tls.key_file, CURLOPT_SSLKEY, CURLOPT_SSLKEY_BLOB);
  if (tls.insecure_skip_verify) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
#if LIBCURL_VERSION_NUM >= 0x075700
  // A replaced ca_file counts within a minute, instead of a day.
  curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 60L);
#endif
}

void HttpClient::Impl::SetMethod(CURL* easy, const HttpRequest& request) {
  if (request.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (request.method != "GET" || !request.body.empty()) {
    if (request.method == "POST" || !request.body.empty()) {
      curl_easy_setopt(easy, CURLOPT_POST, 1L);
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(request.body.size()));
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
    }
    if (request.method != "POST")
      curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  // On a kept connection that turns out dead libcurl sends a request again by itself; one that must
  // not be done twice gets a connection of its own.
  if (!Harmless(request)) curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
}

// A kept connection outlives its request: it is counted when it is opened and closed.
void HttpClient::Impl::CountConnections(CURL* easy) {
  if (metrics_ == nullptr) return;
  curl_easy_setopt(
      easy, CURLOPT_OPENSOCKETFUNCTION,
      +[](void* user, curlsocktype, struct curl_sockaddr* address) -> curl_socket_t {
        const int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
        if (fd >= 0) static_cast<HttpMetrics*>(user)->Connections(1);
        return fd < 0 ? CURL_SOCKET_BAD : fd;
      });
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, metrics_.get());
  curl_easy_setopt(
      easy, CURLOPT_CLOSESOCKETFUNCTION, +[](void* user, curl_socket_t fd) -> int {
        static_cast<HttpMetrics*>(user)->Connections(-1);
        return close(fd);
      });
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, metrics_.get());
}

std::string HttpClient::Impl::SetHeaders(Transfer& transfer, const std::string& host_header) {
  std::string problem;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (HasControl(name) || HasControl(value)) {
      problem = "header '" + std::string(name.substr(0, name.find_first_of("\r\n"))) +
                "' contains a line break or another control character";
      return;
    }
    // "Name;" is libcurl's way to write a header without a value.
    const std::string line = std::string(name) + (value.empty() ? ";" : ": " + std::string(value));
    if (curl_slist* longer = curl_slist_append(transfer.headers, line.c_str()))
      transfer.headers = longer;
  };
  transfer.headers = curl_slist_append(nullptr, "Expect:");
  if (!host_header.empty()) add("Host", host_header);
  for (const auto& [name, value] : config_.headers) add(name, value);
  for (const auto& [name, value] : transfer.request->headers) add(name, value);

  std::string token = config_.bearer_token;
  if (!config_.bearer_token_file.empty()) {
    if (std::string error = token_file_.Read(config_.bearer_token_file, &token); !error.empty())
      return error;
    if (token.empty())
      return "bearer_token_file '" + config_.bearer_token_file + "' holds no token";
  }
  if (!token.empty()) add("Authorization", "Bearer " + token);
  if (!config_.basic_auth.username.empty()) {
    curl_easy_setopt(transfer.easy, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    curl_easy_setopt(transfer.easy, CURLOPT_USERNAME, config_.basic_auth.username.c_str());
    curl_easy_setopt(transfer.easy, CURLOPT_PASSWORD, config_.basic_auth.password.c_str());
  }
  curl_easy_setopt(transfer.easy, CURLOPT_HTTPHEADER, transfer.headers);
  return problem;
}

std::string HttpClient::Impl::Begin(Transfer& transfer, int64_t timeout_ns) {
  if (idle_.empty()) {
    transfer.easy = curl_easy_init();
  } else {
    transfer.easy = idle_.back();
    idle_.pop_back();
  }
  CURL* easy = transfer.easy;
  transfer.timeout_ns = timeout_ns;
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
  // A name look-up that hangs must not hold up the end of this request.
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "heald");
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, ToMs(config_.connect_timeout.ns));
  if (timeout_ns != kNoTimeout) curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, ToMs(timeout_ns));
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer.curl_text);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &OnHeader);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &OnBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
  std::string host_header;
  if (std::string problem = SetTarget(transfer, &host_header); !problem.empty()) return problem;
  SetTls(easy);
  CountConnections(easy);
  SetMethod(easy, *transfer.request);
  if (std::string problem = SetHeaders(transfer, host_header); !problem.empty()) return problem;
  transfer.begun_ns = SteadyNs();
  curl_multi_add_handle(multi_, easy);
  return {};
}

HttpResult HttpClient::Impl::End(Transfer& transfer, CURLcode code) {
  HttpResult& result = transfer.result;
  if (transfer.too_large) code = CURLE_FILESIZE_EXCEEDED;
  if (transfer.ended_by_reader) code = CURLE_OK;
  long status = 0;
  curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
  result.response.status = static_cast<int>(status);
  if (code != CURLE_OK)
    result.error = DescribeFailure(
        {transfer.easy, code, transfer.curl_text, transfer.endpoint, transfer.proxy_url,
         transfer.timeout_ns, config_.connect_timeout.ns, transfer.request->body_limit_bytes});
  else if (status / 100 != 2)
    result.error =
        DescribeStatus(transfer.request->method, transfer.endpoint, result.response, WallNs());
  if (metrics_ != nullptr && transfer.begun_ns != 0)
    metrics_->Ended(result.response.status,
                    static_cast<double>(SteadyNs() - transfer.begun_ns) / 1e9);
  curl_multi_remove_handle(multi_, transfer.easy);
  curl_easy_reset(transfer.easy);
  idle_.push_back(transfer.easy);
  transfer.easy = nullptr;
  curl_slist_free_all(transfer.headers);
  curl_slist_free_all(transfer.connect_to);
  transfer.headers = transfer.connect_to = nullptr;
  return std::move(result);
}

void HttpClient::Impl::PerformAll(std::span<const HttpRequest> requests, size_t max_concurrent,
                                  const std::function<void(size_t, HttpResult)>& on_done) {
  const int64_t begun_ns = SteadyNs();
  std::vector<std::unique_ptr<Transfer>> running;
  size_t next = 0;
  const auto fail = [&](Transfer& transfer, HttpFault fault, std::string message) {
    HttpResult result = End(transfer, CURLE_OK);
    result.error = {fault, std::move(message), {}, false, 0};
    on_done(transfer.index, std::move(result));
  };
  const auto start = [&] {
    while (next < requests.size() && running.size() < std::max<size_t>(max_concurrent, 1)) {
      auto transfer = std::make_unique<Transfer>();
      transfer->request = &requests[next];
      transfer->index = next++;
      int64_t timeout_ns = transfer->request->timeout_ns;
      if (timeout_ns == 0) timeout_ns = config_.timeout.ns;
      if (timeout_ns != kNoTimeout)
        timeout_ns = std::max<int64_t>(begun_ns + timeout_ns - SteadyNs(), kMillisecond);
      if (std::string problem = Begin(*transfer, timeout_ns); !problem.empty())
        fail(*transfer, HttpFault::kRequest, std::move(problem));
      else
        running.push_back(std::move(transfer));
    }
  };
  const auto take = [&](Transfer* transfer) {
    const auto at = std::find_if(running.begin(), running.end(),
                                 [&](const auto& each) { return each.get() == transfer; });
    std::unique_ptr<Transfer> taken = std::move(*at);
    running.erase(at);
    return taken;
  };

  while (next < requests.size() || !running.empty()) {
    if (Cancelled()) {
      for (auto& transfer : running)
        fail(*transfer, HttpFault::kCancelled, "cancelled: " + transfer->endpoint);
      for (; next < requests.size(); ++next)
        on_done(next, {{}, {HttpFault::kCancelled, "cancelled before it was sent", {}, false, 0}});
      return;
    }
    start();
    int active = 0;
    curl_multi_perform(multi_, &active);
    int queued = 0;
    bool finished = false;
    while (CURLMsg* message = curl_multi_info_read(multi_, &queued)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      Transfer* ended = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &ended);
      const std::unique_ptr<Transfer> transfer = take(ended);
      on_done(transfer->index, End(*transfer, code));
      finished = true;
    }
    if (!finished && !running.empty()) curl_multi_poll(multi_, nullptr, 0, kPollMs, nullptr);
  }
}

bool HttpClient::Impl::Sleep(int64_t ns) {
  const int64_t until_ns = SteadyNs() + ns;
  while (!Cancelled()) {
    const int64_t left_ns = until_ns - SteadyNs();
    if (left_ns <= 0) return true;
    curl_multi_poll(multi_, nullptr, 0, static_cast<int>(std::min<int64_t>(kPollMs, ToMs(left_ns))),
                    nullptr);
  }
  return false;
}

HttpClient::HttpClient(HttpConfig config, std::function<bool()> cancelled,
                       std::shared_ptr<HttpMetrics> metrics)
    : impl_(std::make_unique<Impl>(std::move(config), std::move(cancelled), std::move(metrics))) {}
HttpClient::~HttpClient() = default;

void HttpClient::PerformAll(std::span<const HttpRequest> requests, size_t max_concurrent,
                            const std::function<void(size_t, HttpResult)>& on_done) {
  impl_->PerformAll(requests, max_concurrent, on_done);
}

HttpResult HttpClient::Perform(const HttpRequest& request) {
  HttpResult out;
  const sdk::CallTimer timer;
  impl_->PerformAll({&request, 1}, 1, [&](size_t, HttpResult result) { out = std::move(result); });
  if (timer.wanted())
    timer.Done(ShownCall(config(), request), out.response.status != 0
                                                 ? std::to_string(out.response.status)
                                                 : "no answer: " + out.error.message);
  return out;
}

HttpResult HttpClient::PerformRetrying(const HttpRequest& request, const RetryPolicy& policy) {
  const int64_t given_ns = request.timeout_ns == 0 ? config().timeout.ns : request.timeout_ns;
  const int64_t until_ns = given_ns == kNoTimeout ? kNoTimeout : SteadyNs() + given_ns;
  Backoff backoff(policy);
  HttpRequest attempt = request;
  for (int attempts = 1;; ++attempts) {
    if (until_ns != kNoTimeout)
      attempt.timeout_ns = std::max<int64_t>(until_ns - SteadyNs(), kMillisecond);
    HttpResult result = Perform(attempt);
    if (result.ok() || attempts >= policy.attempts || !MayRetry(request, result)) return result;
    const int64_t pause_ns = backoff.NextNs(result.error.retry_after_ns);
    if (until_ns != kNoTimeout && SteadyNs() + pause_ns >= until_ns) return result;
    if (!Sleep(pause_ns)) {
      result.error.fault = HttpFault::kCancelled;
      return result;
    }
    if (impl_->metrics() != nullptr) impl_->metrics()->Retried();
  }
}

bool HttpClient::Sleep(int64_t ns) {
  return impl_->Sleep(ns);
}
void HttpClient::Cancel() {
  impl_->Cancel();
}
const HttpConfig& HttpClient::config() const {
  return impl_->config();
}

}  // namespace heald::support
