// The configuration of a kafka source.
// Thread rule: plain values and pure functions.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "plugins/support/kafka/config.h"

namespace heald::kafka {

enum class Reads { kMetrics, kEvents };
inline constexpr std::string_view kReads[] = {"metrics", "events"};
enum class Begin { kLatest, kEarliest };
inline constexpr std::string_view kBegins[] = {"latest", "earliest"};
enum class OnBadMessage { kSkip, kStop };
inline constexpr std::string_view kOnBadMessages[] = {"skip", "stop"};

struct SourceConfig : KafkaConfig {
  std::vector<std::string> topics;
  std::string group;
  Reads reads = Reads::kMetrics;
  Begin start = Begin::kLatest;
  OnBadMessage on_bad_message = OnBadMessage::kSkip;
  sdk::Duration interval = sdk::Seconds(5);

  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple_cat(
        KafkaConfig::Fields(),
        std::tuple(
            Field("topics", &SourceConfig::topics,
                  "Topics to read; one that begins with ^ is a regular expression",
                  {.required = true, .min_items = 1}),
            Field("group", &SourceConfig::group,
                  "Consumer group, whose members share the partitions and whose offsets survive; "
                  "by default heald-<name of the node>"),
            Field("reads", &SourceConfig::reads,
                  "metrics: messages become samples; events: they become findings",
                  {.one_of = kReads}),
            Field("start", &SourceConfig::start,
                  "Where a group begins that has never read: behind the latest message, or with "
                  "the earliest",
                  {.one_of = kBegins}),
            Field("on_bad_message", &SourceConfig::on_bad_message,
                  "A message that isn't understood is counted and skipped, or its partition stops "
                  "there",
                  {.one_of = kOnBadMessages}),
            Field("interval", &SourceConfig::interval,
                  "Time between two looks at the brokers' health and at the lag", {.min = 1e9})));
  }
};

std::vector<Problem> CheckSourceConfig(const SourceConfig& config);

// Settings of librdkafka that reading rests upon.
Settings ConsumerSettings(const SourceConfig& config, std::string_view node);

}  // namespace heald::kafka
