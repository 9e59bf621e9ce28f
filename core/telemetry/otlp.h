// Spans as an OTLP/HTTP request in JSON (opentelemetry-proto 1.x, ExportTraceServiceRequest), and
// what its answer says. Used by SpanExporter. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/telemetry/span.h"

namespace heald::tracing {

// Whose spans they are.
struct Origin {
  Attributes resource;  // service.name and the like
  std::string scope;    // what made them
  std::string scope_version;
};

// Attributes of heald's own processes; those of `more` stand where they name the same.
Attributes ResourceOf(std::string_view service, std::string_view version,
                      const std::vector<std::pair<std::string, std::string>>& more);

// Bytes that are no UTF-8 become U+FFFD.
std::string ToOtlpJson(const Origin& origin, std::span<const Span> spans);

// Of an answer to a request that was taken: how many spans of it weren't after all, and why.
struct PartialSuccess {
  uint64_t rejected = 0;
  std::string message;
};
PartialSuccess ReadPartialSuccess(std::string_view body);

}  // namespace heald::tracing
