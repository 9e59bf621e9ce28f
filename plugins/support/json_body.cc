#include "plugins/support/json_body.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "heald/marked.h"

namespace heald::support {
namespace {

using Json = nlohmann::json;

std::string Quoted(std::string_view value) {
  return Json(std::string(value)).dump(-1, ' ', false, Json::error_handler_t::replace);
}

// As it stands between the quotes of a JSON text.
std::string Escaped(std::string_view value) {
  const std::string quoted = Quoted(value);
  return quoted.substr(1, quoted.size() - 2);
}

std::string Bare(std::string_view value) {
  const Json json = Json::parse(value, nullptr, false);
  // The parser passes over a mark of the byte order, which JSON doesn't know.
  const bool plain = !value.starts_with("\xef\xbb\xbf") &&
                     (json.is_number() || json.is_boolean() || json.is_null());
  return plain ? std::string(value) : Quoted(value);
}

std::string WithValues(std::string_view text, std::string_view each) {
  return sdk::FillMarked(text, [each](std::string_view) { return each; });
}

// Whether what comes next stands between the quotes of a JSON text.
class Quotes {
 public:
  void Pass(std::string_view json) {
    for (size_t i = 0; i < json.size(); ++i) {
      if (json[i] == '"') open_ = !open_;
      if (json[i] == '\\') ++i;
    }
  }
  bool open() const { return open_; }

 private:
  bool open_ = false;
};

}  // namespace

bool IsJson(std::string_view content_type) {
  std::string type;  // RFC 9110: in any case, with blanks around it
  for (const char c : content_type.substr(0, content_type.find(';')))
    if (c != ' ' && c != '\t') type += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return type.ends_with("/json") || type.ends_with("+json");
}

std::string CheckContentType(std::string_view content_type) {
  const bool fits = std::none_of(content_type.begin(), content_type.end(), [](unsigned char c) {
    return (c < ' ' && c != '\t') || c == 0x7f;
  });
  return fits ? "" : "holds a line break or a control character, which no header can carry";
}

std::string CheckJsonBody(std::string_view written) {
  // A text takes a quoted quote, anything else in JSON doesn't.
  if (Json::accept(WithValues(written, "\\\""))) return {};
  try {
    const Json json = Json::parse(WithValues(written, "0"));
    return "has a placeholder outside of quotes: write \"${finding.value}\", because a value that "
           "isn't known would leave a gap";
  } catch (const Json::parse_error& e) {
    return "is not JSON from character " + std::to_string(e.byte) +
           " on, counted without placeholders: write another content_type where it isn't meant to "
           "be";
  }
}

std::string BodyOf(std::string_view content_type, std::string_view filled) {
  if (!IsJson(content_type))
    return sdk::FillMarked(filled, [](std::string_view value) { return value; });
  Quotes quotes;
  return sdk::FillMarked(
      filled, [&](std::string_view value) { return quotes.open() ? Escaped(value) : Bare(value); },
      [&](std::string_view written) { quotes.Pass(written); });
}

}  // namespace heald::support
