// URLs for people's eyes. Used where a URL may hold a password. Thread rule: pure functions.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace heald {

// "scheme://user:secret@host/x?password=secret" with its secrets as "***". Rather hides too much
// than too little where the URL is malformed.
inline std::string WithoutPassword(std::string_view url) {
  constexpr std::string_view kHidden = "***";
  std::string out(url);
  const size_t scheme = out.find("://");
  const size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
  const size_t colon = out.find(':', begin);
  size_t at = out.substr(0, out.find_first_of("/?#", begin)).rfind('@');
  if (at == std::string::npos || at < begin) at = out.rfind('@');
  if (at != std::string::npos && colon != std::string::npos && colon < at)
    out.replace(colon + 1, at - colon - 1, kHidden);
  for (size_t found = out.find("password="); found != std::string::npos;
       found = out.find("password=", found)) {
    found += std::string_view("password=").size();
    const size_t end = out.find('&', found);
    out.replace(found, end == std::string::npos ? end : end - found, kHidden);
  }
  return out;
}

// The same for all URLs in a piece of text, each character as a '*', so that columns stay.
inline void HidePasswords(std::string* text) {
  for (size_t at = text->find("://"); at != std::string::npos; at = text->find("://", at)) {
    at += 3;
    const size_t end = std::min(text->find_first_of("/?# \t\"',}]", at), text->size());
    const size_t host = text->rfind('@', end);
    const size_t colon = text->find(':', at);
    if (host == std::string::npos || host < at || colon >= host) continue;
    std::fill(text->begin() + static_cast<ptrdiff_t>(colon) + 1,
              text->begin() + static_cast<ptrdiff_t>(host), '*');
  }
}

}  // namespace heald
