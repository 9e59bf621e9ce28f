// What stays the same of a trouble that is told again: without numbers (bytes, seconds left) and
// ids (of a request, as servers put them into their errors). The status of an answer is kept. The
// key by which the agent says a node's trouble once in a while. Thread rule: pure function.
#pragma once

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

namespace heald::agent {

inline std::string TroubleKey(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789";
  constexpr std::string_view kOfIds = "0123456789abcdefABCDEF-";
  constexpr size_t kShortestId = 8;
  std::string key;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find_first_not_of(kOfIds, at), text.size());
    const std::string_view run = text.substr(at, end - at);
    const bool status = key.ends_with("status ");
    const bool id = run.size() >= kShortestId && run.find_first_of(kDigits) != run.npos;
    if (!id)
      std::copy_if(run.begin(), run.end(), std::back_inserter(key),
                   [&](char c) { return status || kDigits.find(c) == kDigits.npos; });
    key += text.substr(end, 1);
    at = end + 1;
  }
  return key;
}

}  // namespace heald::agent
