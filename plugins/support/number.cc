#include "plugins/support/number.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace heald::support {

bool ParseNumber(std::string_view text, double* value) {
  // Counts are the usual case, and quicker by hand.
  if (!text.empty() && text.size() <= 15) {
    int64_t whole = 0;
    size_t i = 0;
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i)
      whole = whole * 10 + (text[i] - '0');
    if (i == text.size()) {
      *value = static_cast<double>(whole);
      return true;
    }
  }
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-') || text.starts_with('+')) return false;
  }
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, *value);
  if (text.empty() || stop != end || text.back() == ')') return false;
  if (error == std::errc::result_out_of_range) {
    *value = std::strtod(std::string(text).c_str(), nullptr);
    return std::isfinite(*value);
  }
  return error == std::errc();
}

}  // namespace heald::support
