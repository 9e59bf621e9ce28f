// What librdkafka says, in words that tell what to do.
// Thread rule: pure functions.
#pragma once

#include <librdkafka/rdkafka.h>

#include <string>
#include <string_view>

#include "plugins/support/kafka/config.h"

namespace heald::kafka {

// "127.0.0.1:9092: Connection refused" out of "127.0.0.1:9092/bootstrap: Connect to
// ipv4#127.0.0.1:9092 failed: Connection refused (after 0ms in state CONNECT)".
std::string CleanReason(std::string_view reason);

// Why the brokers can't be worked with. `reason`: as librdkafka gave it with the code. `worked`: they
// have answered with these settings, so that a lost connection says nothing about the settings.
std::string Explain(rd_kafka_resp_err_t code, std::string_view reason, const KafkaConfig& config,
                    bool worked = false);

// The same of one topic: it doesn't exist, isn't open to this user, refuses the message…
std::string ExplainTopic(rd_kafka_resp_err_t code, const std::string& topic,
                         const KafkaConfig& config);

// No other try of the same message can go better.
bool IsPermanent(rd_kafka_resp_err_t code);

}  // namespace heald::kafka
