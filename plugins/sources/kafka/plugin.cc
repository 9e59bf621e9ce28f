#include "heald/plugin.h"

#include <algorithm>

#include "plugins/sources/kafka/consumer.h"
#include "plugins/sources/kafka/settings.h"

namespace heald::kafka {
namespace {

constexpr int64_t kLookNs = 2'000'000'000;  // a broker that takes longer isn't well

class KafkaSource : public sdk::Source<KafkaSource> {
 public:
  static constexpr sdk::Info kInfo{.name = "kafka",
                                   .doc = "Metrics or events from Kafka topics",
                                   .flags = HEALD_BLOCKING | HEALD_OPEN_OUTPUTS,
                                   .outputs = HEALD_RECORD_SAMPLES | HEALD_RECORD_FINDINGS};
  using Config = SourceConfig;

  static void Validate(const Config& config, sdk::Problems& problems) {
    for (const Problem& problem : CheckSourceConfig(config))
      problems.Add(problem.pointer, problem.message);
  }

  KafkaSource(sdk::Host host, const Config& config)
      : host_(host), config_(config), consumer_(host, config) {}

  sdk::Duration Interval() const { return config_.interval; }

  void Start(sdk::Sink sink) {
    if (config_.sasl && config_.sasl->mechanism == Mechanism::kPlain && !config_.tls.enabled)
      host_.Log(sdk::Level::kWarning,
                "the password goes over the network in the clear: add tls: {enabled: true}, or use "
                "SCRAM-SHA-512");
    consumer_.Start(sink);
  }
  void Stop() { consumer_.Stop(); }

  // The messages come by themselves; this is for the node's state.
  void Poll(sdk::Sink&, int64_t deadline_ns) {
    const int64_t left_ns = std::max<int64_t>(deadline_ns - host_.MonotonicNs(), 0);
    if (const std::string trouble = consumer_.Look(std::min(kLookNs, left_ns)); !trouble.empty())
      throw sdk::Failure(HEALD_UNAVAILABLE, trouble).Retryable(config_.interval.ns);
  }

 private:
  const sdk::Host host_;
  const Config config_;
  Consumer consumer_;
};

}  // namespace
}  // namespace heald::kafka

HEALD_PLUGIN("kafka", "0.1.0", "The heald authors", "MIT", heald::kafka::KafkaSource);
