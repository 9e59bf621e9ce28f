// The configuration of a kafka notifier.
// Thread rule: plain values and pure functions.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "plugins/support/kafka/config.h"

namespace heald::kafka {

enum class Format { kStructured, kBinary };
inline constexpr std::string_view kFormats[] = {"structured", "binary"};

struct NotifierConfig : KafkaConfig {
  std::string topic = "heald.events";
  std::string key;
  std::string source = "/heald";
  Format format = Format::kStructured;
  std::map<std::string, std::string> headers;
  sdk::Duration timeout = sdk::Seconds(10);

  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple_cat(
        KafkaConfig::Fields(),
        std::tuple(
            Field("topic", &NotifierConfig::topic,
                  "Topic; may have placeholders beside at least one fixed letter",
                  {.runtime = true}),
            Field("key", &NotifierConfig::key,
                  "Key of the messages, which decides their partition and so their order; by "
                  "default the target's labels",
                  {.runtime = true}),
            Field("source", &NotifierConfig::source,
                  "The events' source attribute, a URI reference: tells agents apart",
                  {.runtime = true}),
            Field("format", &NotifierConfig::format,
                  "structured: the whole CloudEvent is the value; binary: its attributes are "
                  "headers, the record is the value",
                  {.one_of = kFormats}),
            Field("headers", &NotifierConfig::headers, "Headers added to every message",
                  {.runtime = true}),
            Field("timeout", &NotifierConfig::timeout,
                  "After so long without a broker's word the node says what is wrong; the events "
                  "go on waiting",
                  {.min = 1e8, .max = 25e9})));
  }
};

std::vector<Problem> CheckNotifierConfig(const NotifierConfig& config);

// Settings of librdkafka that delivery rests upon.
const Settings& ProducerSettings();

}  // namespace heald::kafka
