// What travels with a request so that the spans of several services are one trace: W3C Trace
// Context, its headers `traceparent` and `tracestate`. Used by the tracer.
// Thread rule: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace heald::demo {

struct TraceContext {
  std::string trace_id;  // 32 lower-case hex digits
  std::string span_id;   // 16
  bool sampled = true;   // false: whoever began the trace doesn't record it
  std::string state;     // passed on as it came
};

// Nothing where the header isn't as the standard has it: the request then begins a trace.
std::optional<TraceContext> ParseTraceparent(std::string_view traceparent,
                                             std::string_view tracestate);
std::string Traceparent(const TraceContext& context);

}  // namespace heald::demo
