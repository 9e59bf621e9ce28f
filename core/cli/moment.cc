#include "core/cli/moment.h"

#include "core/base/units.h"

namespace heald::cli {

Result<int64_t> ParseMoment(const std::string& text, int64_t now_ns) {
  if (text == "now") return now_ns;
  if (text.starts_with('-')) {
    const Result<int64_t> ago_ns = ParseDuration(text.substr(1));
    if (!ago_ns) return ago_ns.error();
    return now_ns - *ago_ns;
  }
  Result<int64_t> at_ns = ParseTime(text);
  if (!at_ns) at_ns.error().message += ", or -24h, or now";
  return at_ns;
}

}  // namespace heald::cli
