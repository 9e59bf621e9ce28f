#include "demo/services/tracer.h"

#include "core/base/clock.h"
#include "core/base/sha256.h"
#include "core/base/units.h"

namespace heald::demo {
namespace {

constexpr size_t kQueuedSpans = 4096;
constexpr size_t kWakeAtSpans = kQueuedSpans / 4;
constexpr int64_t kPostTimeout_ns = kSecond;  // a stop may have to wait for it
constexpr size_t kTraceIdBytes = 16;
constexpr size_t kSpanIdBytes = 8;

thread_local const SpanScope* current = nullptr;

int64_t Now() {
  return SystemClock().NowNs();
}

}  // namespace

Result<std::unique_ptr<Tracer>> Tracer::Create(const std::string& service,
                                               const std::string& version,
                                               const OtlpEnvironment& environment, Say say) {
  std::unique_ptr<Tracer> tracer(new Tracer);
  if (environment.endpoint.empty()) return tracer;
  const std::string url =
      environment.is_whole ? environment.endpoint : TracesUrl(environment.endpoint);
  if (!url.starts_with("http://"))
    return MakeError(Code::kInvalid, "the environment variable " + environment.named_by +
                                         " is no http:// URL: write http://127.0.0.1:4318");
  std::vector<std::string> headers;
  for (const auto& [name, value] : environment.headers) headers.push_back(name + ": " + value);
  tracing::ExporterOptions options;
  options.origin = {
      tracing::ResourceOf(environment.service_name.empty() ? service : environment.service_name,
                          version, environment.resource),
      "heald-demo-service", version};
  options.say = std::move(say);
  options.timeout_ns = kPostTimeout_ns;
  options.post = [client = &tracer->client_, url, headers](
                     const std::string& body, int64_t timeout_ns) -> Result<tracing::PostAnswer> {
    const Result<HttpReply> reply =
        client->Send("POST", url, body, timeout_ns, "application/json", headers);
    if (!reply) return MakeError(reply.error().code, url + ": " + reply.error().message);
    return tracing::PostAnswer{reply->status, reply->body, reply->retry_after_ns};
  };
  tracer->queue_.emplace(kQueuedSpans);
  tracer->exporter_.emplace(std::move(options), &*tracer->queue_);
  return tracer;
}

Tracer::~Tracer() {
  Stop(0);
}

void Tracer::Take(tracing::Span span) {
  if (queue_ && queue_->Push(std::move(span)) == kWakeAtSpans) exporter_->Wake();
}

void Tracer::Stop(int64_t patience_ns) {
  if (exporter_) exporter_->Stop(patience_ns);
}

std::string Tracer::Summary() const {
  if (!exporter_) return "";
  const tracing::ExportStats stats = exporter_->stats();
  return "sent " + std::to_string(stats.sent) + ", lost " +
         std::to_string(stats.refused + queue_->dropped() + queue_->size()) + " spans";
}

SpanScope::SpanScope(Tracer* tracer, std::string name, const std::optional<TraceContext>& caller)
    : tracer_(tracer), outer_(current) {
  if (tracer_ == nullptr) return;
  span_.trace_id = caller ? caller->trace_id : RandomHex(kTraceIdBytes);
  if (caller) {
    span_.parent_id = caller->span_id;
    span_.trace_state = caller->state;
    span_.parent_is_remote = true;
    sampled_ = caller->sampled;
  }
  Begin(tracing::SpanKind::kServer, std::move(name));
}

SpanScope::SpanScope(tracing::SpanKind kind, std::string name) : outer_(current) {
  if (outer_ == nullptr) return;
  tracer_ = outer_->tracer_;
  sampled_ = outer_->sampled_;
  span_.trace_id = outer_->span_.trace_id;
  span_.trace_state = outer_->span_.trace_state;
  span_.parent_id = outer_->span_.span_id;
  Begin(kind, std::move(name));
}

void SpanScope::Begin(tracing::SpanKind kind, std::string name) {
  span_.span_id = RandomHex(kSpanIdBytes);
  span_.name = std::move(name);
  span_.kind = kind;
  span_.start_ns = Now();
  current = this;
}

SpanScope::~SpanScope() {
  if (tracer_ == nullptr) return;
  current = outer_;
  if (!sampled_) return;
  span_.end_ns = Now();
  tracer_->Take(std::move(span_));
}

const SpanScope* SpanScope::Current() {
  return current;
}

void SpanScope::Set(std::string key, tracing::AttributeValue value) {
  if (tracer_ != nullptr) span_.attributes.emplace_back(std::move(key), std::move(value));
}

void SpanScope::Fail(const std::string& type, std::string message) {
  Set("error.type", type);
  span_.status = tracing::SpanStatus::kError;
  span_.status_message = std::move(message);
}

std::optional<TraceContext> SpanScope::context() const {
  if (tracer_ == nullptr) return std::nullopt;
  return TraceContext{span_.trace_id, span_.span_id, sampled_, span_.trace_state};
}

}  // namespace heald::demo
