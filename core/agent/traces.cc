#include "core/agent/traces.h"

#include <algorithm>
#include <utility>

#include "core/agent/self_name.h"
#include "core/agent/version.h"
#include "core/api/client.h"
#include "core/telemetry/log.h"
#include "core/telemetry/names.h"

namespace heald::agent {
namespace {

constexpr int64_t kLongestPostNs = 5 * kSecond;

tracing::ExporterOptions OptionsOf(const AgentSpec& agent) {
  const TracesSpec& spec = agent.traces;
  tracing::ExporterOptions options;
  // A stop may have to wait for the one that is on its way.
  options.timeout_ns = std::min(kLongestPostNs, agent.drain_ns / 2);
  options.origin = {
      tracing::ResourceOf(spec.service_name.empty() ? std::string(kSelf) : spec.service_name,
                          kVersion, spec.resource),
      std::string(kSelf), std::string(kVersion)};
  options.say = [](bool bad, const std::string& text) {
    Log(bad ? LogLevel::kWarning : LogLevel::kInfo, "traces", text);
  };
  api::Client client;
  client.url = spec.url;
  client.headers = spec.headers;
  options.post = [client = std::move(client)](const std::string& body,
                                              int64_t timeout_ns) -> Result<tracing::PostAnswer> {
    api::Client now = client;
    now.timeout_ns = timeout_ns;
    Result<api::ClientAnswer> answer = api::Exchange(now, "POST", "", body);
    if (!answer) return answer.error();
    return tracing::PostAnswer{answer->status, std::move(answer->body), answer->retry_after_ns};
  };
  return options;
}

}  // namespace

Traces::Traces(const AgentSpec& agent, const Clock& clock)
    : feed_({agent.store, agent.state_dir, agent.store_full_sync}, clock),
      exporter_(OptionsOf(agent), &feed_) {}

void Traces::Collect(Metrics* metrics) {
  const tracing::ExportStats now = exporter_.stats();
  const uint64_t skipped = feed_.skipped_total();
  const std::lock_guard lock(mutex_);
  const auto add = [&](const MetricDef& def, const Labels& labels, uint64_t count,
                       uint64_t before) {
    metrics->Get(def, labels).Add(static_cast<double>(count - before));
  };
  add(names::kTraceSpans, {{"result", "sent"}}, now.sent, counted_.sent);
  add(names::kTraceSpans, {{"result", "refused"}}, now.refused, counted_.refused);
  add(names::kTraceSkipped, {}, skipped, skipped_counted_);
  add(names::kTraceFailures, {}, now.failed_posts, counted_.failed_posts);
  counted_ = now;
  skipped_counted_ = skipped;
}

}  // namespace heald::agent
