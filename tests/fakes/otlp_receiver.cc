#include "tests/fakes/otlp_receiver.h"

#include <algorithm>
#include <functional>
#include <thread>

namespace heald::fakes {
namespace {

using nlohmann::json;

// Reads one request, and notes what the protocol doesn't allow.
class Reader {
 public:
  Reader(std::vector<ReceivedSpan>* spans, std::vector<std::string>* problems)
      : spans_(*spans), problems_(*problems) {}

  void Request(const json& request) {
    Object("request", request, {"resourceSpans"});
    for (const json& item : List(request, "resourceSpans")) ResourceSpans(item);
  }

 private:
  void Problem(const std::string& text) { problems_.push_back(text); }
  void Check(bool good, const std::string& text) {
    if (!good) Problem(text);
  }

  // The fields that trace.proto, resource.proto and common.proto have; no others.
  void Object(const std::string& what, const json& value, const std::vector<std::string>& fields) {
    if (!value.is_object()) return Problem(what + " is no object: " + value.dump());
    for (const auto& [name, unused] : value.items())
      Check(std::find(fields.begin(), fields.end(), name) != fields.end(),
            what + " has no field '" + name + "'");
  }
  const json& List(const json& object, const char* name) {
    static const json kNone = json::array();
    const auto at = object.is_object() ? object.find(name) : object.end();
    if (at == object.end()) return kNone;
    if (at->is_array()) return *at;
    Problem(std::string(name) + " is no list");
    return kNone;
  }
  std::string Text(const json& object, const char* name) {
    const auto at = object.find(name);
    if (at == object.end()) return "";
    if (at->is_string()) return at->get<std::string>();
    Problem(std::string(name) + " is no text: " + at->dump());
    return "";
  }
  std::string Id(const json& object, const char* name, size_t digits) {
    const std::string id = Text(object, name);
    Check(id.size() == digits && id.find_first_not_of("0123456789abcdef") == std::string::npos &&
              id.find_first_not_of('0') != std::string::npos,
          std::string(name) + " is no id of " + std::to_string(digits) + " hex digits: " + id);
    return id;
  }
  // A 64-bit number, which JSON carries as a text.
  int64_t Whole(const json& object, const char* name) {
    const std::string text = Text(object, name);
    const size_t sign = text.starts_with('-') ? 1 : 0;
    if (text.size() == sign || text.find_first_not_of("0123456789", sign) != std::string::npos) {
      Problem(std::string(name) + " is no text of digits: '" + text + "'");
      return 0;
    }
    return std::stoll(text);
  }
  int64_t Time(const json& object, const char* name) {
    const int64_t ns = Whole(object, name);
    // Between 2001 and 2128: seconds or milliseconds would be far off.
    Check(ns > 1'000'000'000'000'000'000 && ns < 5'000'000'000'000'000'000,
          std::string(name) + " is no time in nanoseconds since 1970: " + std::to_string(ns));
    return ns;
  }
  int Number(const json& object, const char* name, int most) {
    const auto at = object.find(name);
    if (at == object.end()) return 0;
    if (at->is_number_unsigned() && at->get<int>() <= most) return at->get<int>();
    Problem(std::string(name) + " is no number from 0 to " + std::to_string(most) + ": " +
            at->dump());
    return 0;
  }

  json AnyValue(const json& value) {
    Object("value", value, {"stringValue", "boolValue", "intValue", "doubleValue"});
    Check(value.size() == 1, "a value has one of its kinds: " + value.dump());
    if (value.contains("intValue")) return Whole(value, "intValue");
    if (value.contains("stringValue")) return Text(value, "stringValue");
    for (const auto& [kind, plain] : value.items()) {
      Check(kind == "boolValue" ? plain.is_boolean()
                                : plain.is_number() || plain == "NaN" || plain == "Infinity" ||
                                      plain == "-Infinity",
            kind + " can't be " + plain.dump());
      return plain;
    }
    return nullptr;
  }
  std::map<std::string, json> Attributes(const json& object) {
    std::map<std::string, json> out;
    for (const json& item : List(object, "attributes")) {
      Object("attribute", item, {"key", "value"});
      const std::string key = Text(item, "key");
      Check(!key.empty(), "an attribute has no key");
      Check(out.emplace(key, AnyValue(item.value("value", json()))).second,
            "attribute " + key + " stands twice");
    }
    return out;
  }

  void ResourceSpans(const json& item) {
    Object("resourceSpans", item, {"resource", "scopeSpans", "schemaUrl"});
    const json resource = item.value("resource", json());
    Object("resource", resource, {"attributes", "droppedAttributesCount"});
    const auto attributes = Attributes(resource);
    const auto service = attributes.find("service.name");
    Check(service != attributes.end() && service->second.is_string() && service->second != "",
          "the resource has no service.name");
    for (const json& scoped : List(item, "scopeSpans")) {
      Object("scopeSpans", scoped, {"scope", "spans", "schemaUrl"});
      const json scope = scoped.value("scope", json());
      Object("scope", scope, {"name", "version", "attributes", "droppedAttributesCount"});
      Check(!Text(scope, "name").empty(), "the scope has no name");
      for (const json& span : List(scoped, "spans")) {
        ReceivedSpan out;
        if (service != attributes.end()) out.service = service->second.get<std::string>();
        out.scope = Text(scope, "name");
        Span(span, &out);
        spans_.push_back(std::move(out));
      }
    }
  }

  void Span(const json& span, ReceivedSpan* out) {
    Object("span", span,
           {"traceId", "spanId", "traceState", "parentSpanId", "flags", "name", "kind",
            "startTimeUnixNano", "endTimeUnixNano", "attributes", "droppedAttributesCount",
            "events", "droppedEventsCount", "links", "droppedLinksCount", "status"});
    out->trace_id = Id(span, "traceId", 32);
    out->span_id = Id(span, "spanId", 16);
    if (span.contains("parentSpanId")) out->parent_id = Id(span, "parentSpanId", 16);
    Text(span, "traceState");
    Number(span, "flags", 0x3ff);
    out->name = Text(span, "name");
    Check(!out->name.empty(), "a span has no name");
    out->kind = Number(span, "kind", 5);
    Check(out->kind != 0, "a span has no kind");
    out->start_ns = Time(span, "startTimeUnixNano");
    out->end_ns = Time(span, "endTimeUnixNano");
    Check(out->start_ns <= out->end_ns, out->name + " ends before it starts");
    out->attributes = Attributes(span);
    for (const json& event : List(span, "events")) {
      Object("event", event, {"timeUnixNano", "name", "attributes", "droppedAttributesCount"});
      Attributes(event);
      out->events.emplace_back(Text(event, "name"), Time(event, "timeUnixNano"));
    }
    const json status = span.value("status", json::object());
    Object("status", status, {"code", "message"});
    Text(status, "message");
    out->status = Number(status, "code", 2);
  }

  std::vector<ReceivedSpan>& spans_;
  std::vector<std::string>& problems_;
};

}  // namespace

OtlpReceiver::OtlpReceiver(FakeTls tls)
    : server_([this](const FakeRequest& request) { return Answer(request); }, std::move(tls)) {}

FakeReply OtlpReceiver::Answer(const FakeRequest& request) {
  const std::lock_guard lock(mutex_);
  if (refusals_ != 0) {
    --refusals_;
    return refusal_;
  }
  if (request.method != "POST" || request.path != "/v1/traces" ||
      request.Header("content-type") != "application/json")
    problems_.push_back("no request for traces: " + request.method + " " + request.path + ", " +
                        std::string(request.Header("content-type")));
  const json body = json::parse(request.body, nullptr, false);
  if (body.is_discarded())
    problems_.push_back("no JSON: " + request.body.substr(0, 200));
  else
    Reader(&spans_, &problems_).Request(body);
  return {.headers = {{"Content-Type", "application/json"}}, .body = "{\"partialSuccess\":{}}"};
}

void OtlpReceiver::Refuse(size_t requests, FakeReply reply) {
  const std::lock_guard lock(mutex_);
  refusals_ = requests;
  refusal_ = std::move(reply);
}

std::vector<ReceivedSpan> OtlpReceiver::spans() const {
  const std::lock_guard lock(mutex_);
  return spans_;
}

std::vector<ReceivedSpan> OtlpReceiver::Named(const std::string& name,
                                              const std::string& service) const {
  std::vector<ReceivedSpan> out = spans();
  std::erase_if(out, [&](const ReceivedSpan& span) {
    return span.name != name || (!service.empty() && span.service != service);
  });
  return out;
}

std::vector<std::string> OtlpReceiver::problems() const {
  const std::lock_guard lock(mutex_);
  return problems_;
}

bool OtlpReceiver::WaitForSpans(size_t count, std::chrono::milliseconds within) const {
  const auto until = std::chrono::steady_clock::now() + within;
  while (spans().size() < count) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace heald::fakes
