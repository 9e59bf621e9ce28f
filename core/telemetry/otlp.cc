#include "core/telemetry/otlp.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace heald::tracing {
namespace {

using Json = nlohmann::ordered_json;

// Flags of a span, beside those of the trace context in the lowest byte (1: sampled).
constexpr uint32_t kSampled = 0x01;
constexpr uint32_t kKnowsRemote = 0x100;
constexpr uint32_t kIsRemote = 0x200;

// ProtoJSON: whole numbers of 64 bits are texts, and so is what JSON has no number for.
Json ValueToJson(const AttributeValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return {{"stringValue", *text}};
  if (const auto* flag = std::get_if<bool>(&value)) return {{"boolValue", *flag}};
  if (const auto* whole = std::get_if<int64_t>(&value))
    return {{"intValue", std::to_string(*whole)}};
  const double real = std::get<double>(value);
  if (std::isnan(real)) return {{"doubleValue", "NaN"}};
  if (std::isinf(real)) return {{"doubleValue", real > 0 ? "Infinity" : "-Infinity"}};
  return {{"doubleValue", real}};
}

Json AttributesToJson(const Attributes& attributes) {
  Json list = Json::array();
  for (const auto& [key, value] : attributes)
    list.push_back({{"key", key}, {"value", ValueToJson(value)}});
  return list;
}

Json SpanToJson(const Span& span) {
  uint32_t flags = kSampled | kKnowsRemote;
  if (span.parent_is_remote) flags |= kIsRemote;
  Json json = {{"traceId", span.trace_id}, {"spanId", span.span_id}};
  if (!span.trace_state.empty()) json["traceState"] = span.trace_state;
  if (!span.parent_id.empty()) json["parentSpanId"] = span.parent_id;
  json["flags"] = flags;
  json["name"] = span.name;
  json["kind"] = static_cast<int>(span.kind);
  json["startTimeUnixNano"] = std::to_string(span.start_ns);
  json["endTimeUnixNano"] = std::to_string(std::max(span.start_ns, span.end_ns));
  json["attributes"] = AttributesToJson(span.attributes);
  for (const SpanEvent& event : span.events)
    json["events"].push_back({{"timeUnixNano", std::to_string(event.ts_ns)},
                              {"name", event.name},
                              {"attributes", AttributesToJson(event.attributes)}});
  Json status = Json::object();
  if (span.status != SpanStatus::kUnset) status["code"] = static_cast<int>(span.status);
  if (!span.status_message.empty()) status["message"] = span.status_message;
  json["status"] = std::move(status);
  return json;
}

}  // namespace

Attributes ResourceOf(std::string_view service, std::string_view version,
                      const std::vector<std::pair<std::string, std::string>>& more) {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  Attributes out = {{"service.name", std::string(service)},
                    {"service.version", std::string(version)},
                    {"host.name", std::string(host)},
                    {"process.pid", int64_t{getpid()}},
                    {"telemetry.sdk.name", "heald"},
                    {"telemetry.sdk.language", "cpp"},
                    {"telemetry.sdk.version", std::string(version)}};
  for (const auto& [name, value] : more) {
    const auto known = std::find_if(out.begin(), out.end(),
                                    [&](const auto& attribute) { return attribute.first == name; });
    if (known == out.end())
      out.emplace_back(name, value);
    else
      known->second = value;
  }
  return out;
}

std::string ToOtlpJson(const Origin& origin, std::span<const Span> spans) {
  Json list = Json::array();
  for (const Span& span : spans) list.push_back(SpanToJson(span));
  const Json scope = {{"name", origin.scope}, {"version", origin.scope_version}};
  const Json request = {
      {"resourceSpans",
       Json::array({{{"resource", {{"attributes", AttributesToJson(origin.resource)}}},
                     {"scopeSpans", Json::array({{{"scope", scope}, {"spans", list}}})}}})}};
  return request.dump(-1, ' ', false, Json::error_handler_t::replace);
}

PartialSuccess ReadPartialSuccess(std::string_view body) {
  PartialSuccess out;
  const Json answer = Json::parse(body, nullptr, false);
  if (!answer.is_object()) return out;
  const auto partial = answer.find("partialSuccess");
  if (partial == answer.end() || !partial->is_object()) return out;
  if (const auto rejected = partial->find("rejectedSpans"); rejected != partial->end()) {
    if (rejected->is_number_unsigned()) out.rejected = rejected->get<uint64_t>();
    if (const auto* text = rejected->get_ptr<const std::string*>(); text != nullptr)
      std::from_chars(text->data(), text->data() + text->size(), out.rejected);
  }
  if (const auto message = partial->find("errorMessage");
      message != partial->end() && message->is_string())
    out.message = message->get<std::string>();
  return out;
}

}  // namespace heald::tracing
