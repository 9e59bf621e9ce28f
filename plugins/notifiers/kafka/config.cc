#include "plugins/notifiers/kafka/config.h"

#include <algorithm>

#include "plugins/notifiers/kafka/event.h"

namespace heald::kafka {

const Settings& ProducerSettings() {
  static const Settings settings = {
      RD_KAFKA_PRODUCER,
      {{"enable.idempotence", "true"},
       {"acks", "all"},
       {"request.required.acks", "all"},
       // Nothing is given up by librdkafka: what it was handed is either written or the agent ends.
       // So an event that is handed over again is never written twice by one agent.
       {"message.timeout.ms", "0"},
       {"message.send.max.retries", "2147483647"},
       // As many as idempotence allows.
       {"max.in.flight.requests.per.connection", "5"},
       // The partition of a key is the same as with Kafka's own clients.
       {"partitioner", "murmur2_random"}},
      {}};
  return settings;
}

std::vector<Problem> CheckNotifierConfig(const NotifierConfig& config) {
  std::vector<Problem> problems = CheckKafkaConfig(config, ProducerSettings());
  if (config.librdkafka.contains("transactional.id"))
    problems.push_back({"/librdkafka/transactional.id",
                        "heald writes without transactions, and nothing would ever be delivered: "
                        "leave it out"});
  std::string fixed;  // what stands outside placeholders
  bool placeholder = false;
  for (size_t i = 0; i < config.topic.size(); ++i) {
    if (config.topic.compare(i, 2, "${") == 0) placeholder = true;
    if (!placeholder) fixed += config.topic[i];
    if (config.topic[i] == '}') placeholder = false;
  }
  if (!std::all_of(fixed.begin(), fixed.end(), IsTopicCharacter))
    problems.push_back({"/topic", "a topic's name has letters, digits, '.', '_' and '-' only"});
  else if (std::all_of(fixed.begin(), fixed.end(), [](char c) { return c == '.'; }))
    problems.push_back({"/topic",
                        "write a fixed part, such as heald.${target.team}: an event without that "
                        "label would have no topic"});
  if (config.source.empty())
    problems.push_back({"/source", "a CloudEvent needs a source, for instance //prod-eu/heald"});
  for (const auto& [name, value] : config.headers)
    if (name.empty() || name == "content-type" || name.starts_with("ce_"))
      problems.push_back({"/headers", name.empty() ? "a header needs a name"
                                                   : "'" + name + "' is the CloudEvent's own"});
  return problems;
}

}  // namespace heald::kafka
