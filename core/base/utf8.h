// UTF-8 hygiene for what leaves the process: logs, the metrics page and databases must stay valid
// text whatever a label or a message from outside holds. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace heald {

// Bytes of the well-formed character at `at` (1 to 4), or 0 when there is none.
size_t Utf8Length(std::string_view text, size_t at);
// The text with each bad byte replaced by U+FFFD.
std::string ValidUtf8(std::string_view text);

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

}  // namespace heald
