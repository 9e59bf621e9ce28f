#include "demo/services/trace_context.h"

namespace heald::demo {
namespace {

constexpr size_t kFlagsAt = 53;  // "00-" + 32 + "-" + 16 + "-"
constexpr size_t kLength = kFlagsAt + 2;
constexpr size_t kLongestState = 512;

bool IsHex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool IsId(std::string_view text) {
  return IsHex(text) && text.find_first_not_of('0') != std::string_view::npos;
}

}  // namespace

std::optional<TraceContext> ParseTraceparent(std::string_view traceparent,
                                             std::string_view tracestate) {
  if (traceparent.size() < kLength) return std::nullopt;
  const std::string_view version = traceparent.substr(0, 2);
  // A later version may have more behind a dash; ff is none.
  const bool longer = traceparent.size() > kLength;
  if (!IsHex(version) || version == "ff" || (longer && version == "00") ||
      (longer && traceparent[kLength] != '-'))
    return std::nullopt;
  const std::string_view trace = traceparent.substr(3, 32);
  const std::string_view span = traceparent.substr(36, 16);
  const std::string_view flags = traceparent.substr(kFlagsAt, 2);
  if (traceparent[2] != '-' || traceparent[35] != '-' || traceparent[52] != '-' || !IsId(trace) ||
      !IsId(span) || !IsHex(flags))
    return std::nullopt;
  const char low = flags[1];
  const int digit = low <= '9' ? low - '0' : low - 'a' + 10;
  TraceContext context{std::string(trace), std::string(span), (digit & 1) != 0, ""};
  if (tracestate.size() <= kLongestState) context.state = tracestate;
  return context;
}

std::string Traceparent(const TraceContext& context) {
  return "00-" + context.trace_id + "-" + context.span_id + (context.sampled ? "-01" : "-00");
}

}  // namespace heald::demo
