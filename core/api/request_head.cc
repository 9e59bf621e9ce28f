#include "core/api/request_head.h"

#include <Poco/Exception.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/URI.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <sstream>

namespace heald::api {
namespace {

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

// No control characters, no bare CR or LF, no folded lines.
bool HasCleanLines(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '\r') {
      if (i + 1 == text.size() || text[i + 1] != '\n') return false;
      ++i;
      if (i + 1 < text.size() && (text[i + 1] == ' ' || text[i + 1] == '\t')) return false;
    } else if ((c < 0x20 && c != '\t') || c == 0x7f) {
      return false;
    }
  }
  return true;
}

std::string Decode(std::string_view text) {
  std::string out;
  Poco::URI::decode(std::string(text), out);
  return out;
}

std::string DecodeParameter(std::string_view text) {
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  return Decode(spaced);
}

void AddFields(std::string_view query, std::vector<NameValue>* fields) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    fields->emplace_back(
        DecodeParameter(pair.substr(0, equals)),
        equals == std::string_view::npos ? "" : DecodeParameter(pair.substr(equals + 1)));
  }
}

void ParseTarget(std::string_view target, Request& request) {
  target = target.substr(0, target.find('#'));
  const size_t mark = target.find('?');
  request.path = Decode(target.substr(0, mark));
  if (mark != std::string_view::npos) AddFields(target.substr(mark + 1), &request.query);
}

size_t CountOf(const Request& request, std::string_view name) {
  return static_cast<size_t>(std::count_if(request.headers.begin(), request.headers.end(),
                                           [&](const NameValue& h) { return h.first == name; }));
}

std::string LowerCase(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

HeadError CheckFraming(RequestHead& head) {
  const Request& request = head.request;
  if (CountOf(request, "host") > 1) return {400, "more than one Host header"};
  const size_t lengths = CountOf(request, "content-length");
  if (CountOf(request, "transfer-encoding") > 0) {
    if (!request.IsPush()) return {411, "send the body with a Content-Length, not in chunks"};
    if (lengths > 0 || CountOf(request, "transfer-encoding") > 1 ||
        LowerCase(request.Header("transfer-encoding")) != "chunked")
      return {400, "the only transfer encoding known is chunked, without a Content-Length"};
    head.chunked = true;
  }
  if (lengths > 1) return {400, "more than one Content-Length header"};
  if (lengths == 1) {
    const std::string_view text = request.Header("content-length");
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), head.body_bytes);
    if (error != std::errc() || end != text.data() + text.size() || text.empty())
      return {400, "Content-Length is not a number of bytes"};
  }
  const std::string expect = LowerCase(request.Header("expect"));
  if (!expect.empty() && expect != "100-continue")
    return {417, "the only expectation known is 100-continue"};
  head.expects_continue = !expect.empty() && (head.body_bytes > 0 || head.chunked);
  return {0, ""};
}

}  // namespace

std::variant<RequestHead, HeadError> ParseRequestHead(std::string_view text) {
  if (!HasCleanLines(text))
    return HeadError{400,
                     "the request's head holds a control character, a bare line break or a "
                     "folded line"};
  RequestHead head;
  Request& request = head.request;
  try {
    Poco::Net::HTTPRequest parsed;
    std::istringstream stream{std::string(text)};
    parsed.read(stream);
    if (parsed.getVersion() != "HTTP/1.1" && parsed.getVersion() != "HTTP/1.0")
      return HeadError{505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
    request.method = parsed.getMethod();
    for (const auto& [name, value] : parsed) {
      if (!IsToken(name)) return HeadError{400, "a header's name is not a token"};
      request.headers.emplace_back(LowerCase(name), value);
    }
    if (!IsToken(request.method) || !parsed.getURI().starts_with('/'))
      return HeadError{400, "the request line must be METHOD /path HTTP/1.1"};
    ParseTarget(parsed.getURI(), request);
    const bool http11 = parsed.getVersion() == "HTTP/1.1";
    if (http11 && CountOf(request, "host") == 0)
      return HeadError{400, "the Host header is missing"};
    head.keep_alive =
        http11 && LowerCase(request.Header("connection")).find("close") == std::string::npos;
  } catch (const Poco::Exception& error) {
    return HeadError{400, "the request's head cannot be read: " + error.displayText()};
  }
  if (HeadError error = CheckFraming(head); error.status != 0) return error;
  return head;
}

Result<std::vector<NameValue>> ParseForm(std::string_view text) {
  std::vector<NameValue> fields;
  try {
    AddFields(text, &fields);
  } catch (const Poco::Exception& error) {
    return MakeError(Code::kInvalid, "the form can't be read: " + error.displayText());
  }
  return fields;
}

}  // namespace heald::api
