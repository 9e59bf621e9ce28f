// Header names and hosts, for comparing.
// Thread rule: a pure function.
#pragma once

#include <cctype>
#include <string>
#include <string_view>

namespace heald::api {

inline std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace heald::api
