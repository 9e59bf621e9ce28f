// Records in words for people, as notifiers write them into messages. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "heald/abi/plugin.h"

namespace heald::support {

// The last `width` values as "▁▂▃▄▅▆▇█", lowest to highest; a value that isn't known is a blank.
// Empty when fewer than two are known.
std::string Sparkline(std::span<const double> values, size_t width);

// "0.04 s to 0.09 s", "at most 0.09 s", "at least 3"; empty when nothing is expected.
std::string ExpectedText(const heald_finding& finding);

// Its service, pod, container…, else all its labels; "-" when it has none.
std::string TargetName(heald_labels target);

// "2026-11-21 21:02:30 UTC".
std::string UtcText(int64_t ns);

// The first `most` characters of UTF-8 text, the last of them "…" where it is longer.
std::string Shortened(std::string_view text, size_t most);

}  // namespace heald::support
