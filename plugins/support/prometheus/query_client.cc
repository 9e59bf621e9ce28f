#include "plugins/support/prometheus/query_client.h"

#include <cstdio>

#include "plugins/support/prometheus/answer.h"

namespace heald::prometheus {
namespace {

// Longer ones go into a body: servers and proxies limit the length of a URL.
constexpr size_t kMaxQueryInUrlBytes = 1500;

std::string Seconds(int64_t ns) {
  char text[40];
  std::snprintf(text, sizeof text, "%lld.%03lld", static_cast<long long>(ns / 1'000'000'000),
                static_cast<long long>(ns / 1'000'000 % 1000));
  return text;
}

support::HttpRequest Ask(const std::string& path, std::string form, int64_t timeout_ns) {
  support::HttpRequest request;
  request.timeout_ns = timeout_ns;
  request.repeatable = true;
  form += "&timeout=" + std::to_string((timeout_ns + 999'999) / 1'000'000) + "ms";
  if (form.size() <= kMaxQueryInUrlBytes) {
    request.url = path + "?" + form;
  } else {
    request.method = "POST";
    request.url = path;
    request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
    request.body = std::move(form);
  }
  return request;
}

}  // namespace

support::HttpRequest InstantQuery(const std::string& promql, int64_t timeout_ns) {
  return Ask("/api/v1/query", "query=" + support::UrlEncode(promql), timeout_ns);
}

support::HttpRequest RangeQuery(const std::string& promql, int64_t from_ns, int64_t to_ns,
                                int64_t step_ns, int64_t timeout_ns) {
  return Ask("/api/v1/query_range",
             "query=" + support::UrlEncode(promql) + "&start=" + Seconds(from_ns) +
                 "&end=" + Seconds(to_ns) + "&step=" + Seconds(step_ns),
             timeout_ns);
}

Refusal Explain(support::HttpResult& result) {
  Refusal refusal;
  refusal.too_much = result.error.fault == support::HttpFault::kTooLarge;
  if (result.error.fault == support::HttpFault::kStatus) {
    SeriesCache none([](const sdk::LabelSet&) { return SeriesCache::kNoHandle; });
    Columns ignored;
    const Answer answer = AnswerParser().ParseInstant(result.response.body, none, &ignored);
    if (!answer.error_type.empty()) {
      constexpr std::string_view kPrefix = "invalid parameter \"query\": ";
      std::string_view text = answer.error;
      if (text.starts_with(kPrefix)) text.remove_prefix(kPrefix.size());
      refusal.message = answer.error_type + ": " + std::string(text);
      refusal.too_much = text.find("maximum resolution") != text.npos ||
                         text.find("too many samples") != text.npos;
      return refusal;
    }
  }
  refusal.message = result.error.Brief();
  refusal.transport = !refusal.too_much;
  return refusal;
}

}  // namespace heald::prometheus
