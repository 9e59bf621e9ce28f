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

// "dev.heald.incident.opened".
std::string TypeOf(const heald_notification& notice);

// "namespace=shop,service=orders": the incident's target where there is one, so that all that is
// told of it has one key; empty where an event is about nothing.
std::string SubjectOf(const heald_notification& notice);

bool IsTopicCharacter(char c);

}  // namespace heald::kafka
