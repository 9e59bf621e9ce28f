#include "core/config/text.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace heald {
namespace {

// Length of the character at `at`, 0 when it isn't well-formed UTF-8.
size_t CharacterLength(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + length > text.size()) return 0;
  uint32_t code = first & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return 0;
    code = code << 6 | (byte(at + i) & 0x3fu);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  return overlong || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : length;
}

}  // namespace

std::string WhyNotText(std::string_view text) {
  if (text.substr(0, 2) == "\xff\xfe" || text.substr(0, 2) == "\xfe\xff")
    return "this is UTF-16: save it as UTF-8";
  for (size_t at = 0; at < text.size();) {
    const auto c = static_cast<unsigned char>(text[at]);
    const size_t length = CharacterLength(text, at);
    const bool line_end = c == '\r' && at + 1 < text.size() && text[at + 1] == '\n';
    const bool control = (c < 0x20 && c != '\t' && c != '\n' && !line_end) || c == 0x7f;
    if (length != 0 && !control) {
      at += length;
      continue;
    }
    const auto line = std::count(text.begin(), text.begin() + static_cast<long>(at), '\n') + 1;
    if (c == '\r')
      return "line " + std::to_string(line) +
             " holds a carriage return that ends no line: save the file with Unix line ends";
    char byte[8];
    std::snprintf(byte, sizeof byte, "0x%02x", c);
    return "this is not a text file: byte " + std::string(byte) + " on line " +
           std::to_string(line) + (control ? "" : " is not UTF-8");
  }
  return "";
}

}  // namespace heald
