// An event of the agent as a CloudEvent 1.0 in a Kafka message, by the CloudEvents Kafka binding.
// Thread rule: pure functions.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "heald/abi/plugin.h"
#include "plugins/notifiers/kafka/config.h"

namespace heald::kafka {

struct Message {
  std::string topic;
  std::string key;
  std::string value;
  std::vector<std::pair<std::string, std::string>> headers;
};

// `filled`: the config with its placeholders filled in for this event.
Message MessageOf(const heald_notification& notice, const NotifierConfig& filled);

bool IsTopicCharacter(char c);

}  // namespace heald::kafka
