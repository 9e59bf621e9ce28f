#include "core/api/encoding.h"

#include <zlib.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <optional>
#include <string>

#include "core/api/lower.h"

namespace heald::api {
namespace {

// Below this the head is most of the answer.
constexpr size_t kWorthwhileBytes = 1024;
// Most of the gain for a fraction of the time: the agent shares its machine.
constexpr int kLevel = 3;

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) + 1 - begin);
}

// Calls `see` with each element of a comma-separated list.
template <typename See>
void ForEach(std::string_view list, See see) {
  while (!list.empty()) {
    const std::string_view item = list.substr(0, list.find(','));
    list.remove_prefix(std::min(item.size() + 1, list.size()));
    if (const std::string_view trimmed = Trim(item); !trimmed.empty()) see(trimmed);
  }
}

const std::string* Find(const Response& response, std::string_view lower_case_name) {
  for (const auto& [name, value] : response.headers)
    if (Lower(name) == lower_case_name) return &value;
  return nullptr;
}

bool IsText(const std::string& content_type) {
  const std::string type = Lower(Trim(content_type.substr(0, content_type.find(';'))));
  return type.starts_with("text/") || type.ends_with("json") || type.ends_with("xml") ||
         type.ends_with("yaml") || type == "application/javascript";
}

std::optional<std::string> Gzip(const std::string& text) {
  z_stream stream{};
  constexpr int kGzipWindow = 15 + 16;
  constexpr int kMemory = 8;
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, kGzipWindow, kMemory, Z_DEFAULT_STRATEGY) != Z_OK)
    return std::nullopt;
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (!done) return std::nullopt;
  return out;
}

// Compared without regard to whether they are weak, as for GET they are.
bool Matches(std::string_view if_none_match, std::string_view etag) {
  const auto opaque = [](std::string_view tag) {
    return tag.starts_with("W/") ? tag.substr(2) : tag;
  };
  bool matches = false;
  ForEach(if_none_match,
          [&](std::string_view item) { matches |= item == "*" || opaque(item) == opaque(etag); });
  return matches;
}

}  // namespace

bool TakesGzip(const Request& request) {
  std::optional<bool> named;
  bool any = false;
  ForEach(Lower(request.Header("accept-encoding")), [&](std::string_view item) {
    const size_t semicolon = item.find(';');
    const std::string_view coding = Trim(item.substr(0, semicolon));
    bool wanted = true;
    if (semicolon != std::string_view::npos)
      if (const size_t q = item.find("q=", semicolon); q != std::string_view::npos)
        wanted = std::strtod(std::string(item.substr(q + 2)).c_str(), nullptr) > 0;
    if (coding == "gzip") named = wanted;
    if (coding == "*") any = wanted;
  });
  return named.value_or(any);
}

void Encode(const Request& request, Response& response) {
  constexpr int kOk = 200;
  constexpr int kNotModified = 304;
  const std::string* const etag = Find(response, "etag");
  const bool safe = request.method == "GET" || request.method == "HEAD";
  if (etag != nullptr && safe && response.status == kOk &&
      Matches(request.Header("if-none-match"), *etag)) {
    response.status = kNotModified;
    response.body.clear();
    response.content_type.clear();
    return;
  }
  constexpr size_t kTooLong = 1U << 31U;
  if (response.body.size() < kWorthwhileBytes || response.body.size() >= kTooLong ||
      !IsText(response.content_type) || Find(response, "content-encoding") != nullptr)
    return;
  const bool wanted = TakesGzip(request);
  if (Find(response, "vary") == nullptr) response.headers.emplace_back("Vary", "Accept-Encoding");
  if (!wanted) return;
  std::optional<std::string> packed = Gzip(response.body);
  if (!packed) return;
  response.body = *std::move(packed);
  response.headers.emplace_back("Content-Encoding", "gzip");
  // The same text in other bytes: a strong tag would promise the same bytes.
  for (auto& [name, value] : response.headers)
    if (Lower(name) == "etag" && !value.starts_with("W/")) value.insert(0, "W/");
}

}  // namespace heald::api
