#include "plugins/sources/loki/requests.h"

#include <charconv>

#include "plugins/support/utf8.h"

namespace heald::loki {
namespace {

constexpr size_t kMaxMessageBytes = 300;

support::HttpRequest Ask(const std::string& form, int64_t timeout_ns,
                         const std::string& path = "query_range") {
  support::HttpRequest request;
  request.timeout_ns = timeout_ns;
  request.repeatable = true;
  request.url = "/loki/api/v1/" + path + "?" + form;
  return request;
}

std::string Within(int64_t from_ns, int64_t to_ns) {
  return "start=" + std::to_string(from_ns) + "&end=" + std::to_string(to_ns);
}

}  // namespace

support::HttpRequest ReadLines(const std::string& logql, int64_t from_ns, int64_t to_ns,
                               int64_t limit, int64_t timeout_ns) {
  support::HttpRequest request =
      Ask("query=" + support::UrlEncode(logql) + "&start=" + std::to_string(from_ns) + "&end=" +
              std::to_string(to_ns) + "&limit=" + std::to_string(limit) + "&direction=forward",
          timeout_ns);
  request.headers = {{kCategoriesHeader, kCategories}};
  return request;
}

support::HttpRequest ReadValues(const std::string& logql, int64_t from_ns, int64_t to_ns,
                                int64_t step_ns, int64_t timeout_ns) {
  // Loki takes steps in whole milliseconds.
  return Ask("query=" + support::UrlEncode(logql) + "&start=" + std::to_string(from_ns) + "&end=" +
                 std::to_string(to_ns) + "&step=" + std::to_string(step_ns / 1'000'000) + "ms",
             timeout_ns);
}

std::string SelectorOf(std::string_view logql) {
  char quote = 0;
  for (size_t i = 0; i < logql.size(); ++i) {
    const char c = logql[i];
    if (quote == 0 && c == '}') return std::string(logql.substr(0, i + 1));
    if (quote == 0 && (c == '"' || c == '`'))
      quote = c;
    else if (quote == '"' && c == '\\')
      ++i;
    else if (c == quote)
      quote = 0;
  }
  return std::string(logql);
}

support::HttpRequest ReadSeries(const std::string& selector, int64_t from_ns, int64_t to_ns,
                                int64_t timeout_ns) {
  return Ask("match[]=" + support::UrlEncode(selector) + "&" + Within(from_ns, to_ns), timeout_ns,
             "series");
}

support::HttpRequest ReadLabels(int64_t from_ns, int64_t to_ns, int64_t timeout_ns) {
  return Ask(Within(from_ns, to_ns), timeout_ns, "labels");
}

std::string TailPath(const std::string& logql, int64_t from_ns) {
  return "/loki/api/v1/tail?query=" + support::UrlEncode(logql) +
         "&start=" + std::to_string(from_ns) + "&limit=5000";
}

Refusal Explain(const support::HttpResult& result) {
  Refusal refusal;
  refusal.message = result.error.Brief();
  refusal.too_much = result.error.fault == support::HttpFault::kTimeout && result.error.sent;
  if (result.error.fault != support::HttpFault::kStatus) return refusal;
  std::string_view body = result.response.body;
  while (!body.empty() && (body.back() == '\n' || body.back() == '\r')) body.remove_suffix(1);
  const bool prose = !body.empty() && body.front() != '<' && body.front() != '{' &&
                     body.find('\n') == std::string_view::npos;
  // What is short is in the message already.
  if (prose && refusal.message.find(body) == std::string::npos)
    refusal.message += ": " + support::ValidUtf8(body.substr(0, kMaxMessageBytes));
  if (body.find("no org id") != std::string_view::npos) refusal.message += ": set tenant";
  // "max entries limit per query exceeded, limit > max_entries_limit (100000 > 5000)"
  constexpr std::string_view kMark = "max_entries_limit";
  if (const size_t at = body.find(kMark); at != std::string_view::npos)
    if (const size_t greater = body.find("> ", at); greater != std::string_view::npos)
      std::from_chars(body.data() + greater + 2, body.data() + body.size(), refusal.max_limit);
  // Loki's own patience, and its limits of a query's bytes and time.
  for (const std::string_view words : {"would read too many bytes", "time range exceeds the limit",
                                       "context deadline exceeded", "request timed out"})
    refusal.too_much |= body.find(words) != std::string_view::npos;
  refusal.too_much |= result.response.status == 504;
  return refusal;
}

}  // namespace heald::loki
