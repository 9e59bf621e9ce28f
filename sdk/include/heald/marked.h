// Texts whose field says `.runtime = true, .marked = true`: what the host filled in for a
// placeholder stands between two marks, which are in no value. So a plugin can escape the values,
// and nothing but the values, as the place needs it: whatever a label holds, it stays where it was
// put.
//
//   request.body = FillMarked(params.body, [](std::string_view value) { return Escaped(value); });
//
// Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace heald::sdk {

inline constexpr char kValueBegins = '\x02';
inline constexpr char kValueEnds = '\x03';

// The text without its marks: each value is what `escape` makes of it, and what its author wrote
// goes as it stands to `written`, should it have to know where a value comes.
template <typename Escape, typename Written>
std::string FillMarked(std::string_view text, Escape escape, Written written) {
  std::string out;
  while (!text.empty()) {
    const size_t begin = text.find(kValueBegins);
    const size_t end = begin == text.npos ? begin : text.find(kValueEnds, begin);
    const std::string_view before = text.substr(0, end == text.npos ? text.size() : begin);
    written(before);
    out += before;
    if (end == text.npos) break;
    out += escape(text.substr(begin + 1, end - begin - 1));
    text.remove_prefix(end + 1);
  }
  return out;
}

template <typename Escape>
std::string FillMarked(std::string_view text, Escape escape) {
  return FillMarked(text, escape, [](std::string_view) {});
}

}  // namespace heald::sdk
