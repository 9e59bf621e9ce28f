// A span: what one part of a trace did, from when to when, in OpenTelemetry's words. Made by the
// agent of its incidents and by the demo services of their requests; sent by SpanExporter.
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace heald::tracing {

using AttributeValue = std::variant<std::string, int64_t, double, bool>;
using Attributes = std::vector<std::pair<std::string, AttributeValue>>;

// Numbered as in the protocol.
enum class SpanKind : uint8_t { kInternal = 1, kServer = 2, kClient = 3 };
enum class SpanStatus : uint8_t { kUnset = 0, kOk = 1, kError = 2 };

struct SpanEvent {
  int64_t ts_ns = 0;
  std::string name;
  Attributes attributes;
};

struct Span {
  std::string trace_id;   // 32 lower-case hex digits
  std::string span_id;    // 16
  std::string parent_id;  // 16; empty: a root
  std::string trace_state;
  bool parent_is_remote = false;
  std::string name;
  SpanKind kind = SpanKind::kInternal;
  int64_t start_ns = 0;  // since the epoch
  int64_t end_ns = 0;
  Attributes attributes;
  std::vector<SpanEvent> events;
  SpanStatus status = SpanStatus::kUnset;
  std::string status_message;  // of an error
};

}  // namespace heald::tracing
