// Traces of a demo service: spans of its requests, of the calls it makes meanwhile and of its
// store, sent over OTLP where the environment says where to (OTEL_EXPORTER_OTLP_ENDPOINT).
// Thread rule: Tracer from any thread; a SpanScope belongs to the thread that made it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/base/otlp_environment.h"
#include "core/base/result.h"
#include "core/telemetry/span_exporter.h"
#include "demo/services/trace_context.h"
#include "demo/support/http_client.h"

namespace heald::demo {

class Tracer {
 public:
  // Without an endpoint ids are made all the same, for the log. Complaints go to `say`.
  using Say = std::function<void(bool bad, const std::string& text)>;
  static Result<std::unique_ptr<Tracer>> Create(const std::string& service,
                                                const std::string& version,
                                                const OtlpEnvironment& environment, Say say);
  ~Tracer();
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  void Take(tracing::Span span);
  // Sends what is left.
  void Stop(int64_t patience_ns);
  // "sent 812, lost 0 spans"; empty where nothing is sent anywhere.
  std::string Summary() const;

 private:
  Tracer() = default;

  HttpClient client_;
  std::optional<tracing::SpanQueue> queue_;
  std::optional<tracing::SpanExporter> exporter_;
};

// A span that begins and ends with this object; meanwhile it is its thread's current one.
class SpanScope {
 public:
  // Of a request: continues the caller's trace, or begins one. `tracer` may be null: no span.
  SpanScope(Tracer* tracer, std::string name, const std::optional<TraceContext>& caller);
  // Within the thread's current span; nothing where there is none.
  SpanScope(tracing::SpanKind kind, std::string name);
  ~SpanScope();
  SpanScope(const SpanScope&) = delete;
  SpanScope& operator=(const SpanScope&) = delete;

  static const SpanScope* Current();

  void Rename(std::string name) { span_.name = std::move(name); }
  void Set(std::string key, tracing::AttributeValue value);
  // `type` is a status code or the name of an error.
  void Fail(const std::string& type, std::string message = "");
  // What a request that is made within the span carries; empty without a span.
  std::optional<TraceContext> context() const;

 private:
  void Begin(tracing::SpanKind kind, std::string name);

  Tracer* tracer_ = nullptr;
  bool sampled_ = true;
  const SpanScope* const outer_;
  tracing::Span span_;
};

}  // namespace heald::demo
