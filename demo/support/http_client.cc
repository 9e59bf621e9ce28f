#include "demo/support/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <system_error>

#include "core/base/units.h"

namespace heald::demo {
namespace {

constexpr size_t kMaxIdle = 32;

size_t Append(char* data, size_t size, size_t count, void* out) {
  static_cast<std::string*>(out)->append(data, size * count);
  return size * count;
}

std::string Reason(CURL* easy, CURLcode code, const char* detail) {
  long number = 0;
  curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
  if (code == CURLE_COULDNT_CONNECT && number != 0)
    return std::generic_category().message(static_cast<int>(number));
  return *detail != '\0' ? detail : curl_easy_strerror(code);
}

}  // namespace

struct HttpClient::Handle {
  ~Handle() { curl_easy_cleanup(easy); }
  CURL* easy = curl_easy_init();
};

HttpClient::HttpClient() {
  static const CURLcode kReady = curl_global_init(CURL_GLOBAL_DEFAULT);
  HEALD_CHECK(kReady == CURLE_OK, "libcurl initialises");
}

HttpClient::~HttpClient() = default;

std::unique_ptr<HttpClient::Handle> HttpClient::Take() {
  std::lock_guard lock(mutex_);
  if (idle_.empty()) return std::make_unique<Handle>();
  auto handle = std::move(idle_.back());
  idle_.pop_back();
  return handle;
}

void HttpClient::Give(std::unique_ptr<Handle> handle) {
  std::lock_guard lock(mutex_);
  if (idle_.size() < kMaxIdle) idle_.push_back(std::move(handle));
}

Result<HttpReply> HttpClient::Send(const std::string& method, const std::string& url,
                                   const std::string& body, int64_t timeout_ns,
                                   const char* content_type, const std::vector<std::string>& more) {
  auto handle = Take();
  CURL* easy = handle->easy;
  if (easy == nullptr) return MakeError(Code::kInternal, "libcurl is out of memory");
  HttpReply reply;
  char error[CURL_ERROR_SIZE] = "";
  curl_easy_reset(easy);  // keeps the connection
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method.c_str());
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                   static_cast<long>(std::max<int64_t>(1, timeout_ns / 1'000'000)));
  // Nor is a look-up waited for that takes longer: the name of a container that is gone may.
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Append);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &reply.body);
  curl_slist* headers = nullptr;
  for (const std::string& line : more) headers = curl_slist_append(headers, line.c_str());
  if (!body.empty()) {
    headers = curl_slist_append(headers, (std::string("Content-Type: ") + content_type).c_str());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.c_str());
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  const CURLcode code = curl_easy_perform(easy);
  curl_slist_free_all(headers);
  if (code != CURLE_OK) {
    Error failure =
        MakeError(code == CURLE_OPERATION_TIMEDOUT ? Code::kDeadline : Code::kUnavailable,
                  Reason(easy, code, error));
    failure.retryable = true;
    return failure;
  }
  long status = 0;
  char* type = nullptr;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
  curl_off_t retry_after_s = 0;
  curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after_s);
  reply.status = static_cast<int>(status);
  reply.retry_after_ns = retry_after_s * kSecond;
  if (type != nullptr) reply.content_type = type;
  Give(std::move(handle));
  return reply;
}

}  // namespace heald::demo
