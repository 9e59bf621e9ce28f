#include "plugins/sources/kafka/settings.h"

#include <regex.h>

#include <algorithm>
#include <set>

namespace heald::kafka {
namespace {

bool IsTopicName(const std::string& name) {
  return name.size() <= 249 && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

// As librdkafka compiles it.
bool IsExpression(const std::string& text) {
  regex_t compiled;
  if (regcomp(&compiled, text.c_str(), REG_EXTENDED | REG_NOSUB) != 0) return false;
  regfree(&compiled);
  return true;
}

}  // namespace

std::vector<Problem> CheckSourceConfig(const SourceConfig& config) {
  std::vector<Problem> problems = CheckKafkaConfig(config, ConsumerSettings(config, "node"));
  std::set<std::string> seen;
  for (size_t i = 0; i < config.topics.size(); ++i) {
    const std::string& topic = config.topics[i];
    const std::string pointer = "/topics/" + std::to_string(i);
    if (topic.empty())
      problems.push_back({pointer, "is empty: name a topic"});
    else if (topic[0] != '^' && !IsTopicName(topic))
      problems.push_back({pointer, "'" + topic +
                                       "' is no topic's name: it has letters, digits, '.', '_' and "
                                       "'-'; a regular expression begins with ^"});
    else if (topic[0] == '^' && !IsExpression(topic))
      problems.push_back({pointer, "'" + topic + "' is no regular expression (POSIX extended)"});
    else if (!seen.insert(topic).second)
      problems.push_back({pointer, "'" + topic + "' is named twice"});
  }
  return problems;
}

Settings ConsumerSettings(const SourceConfig& config, std::string_view node) {
  return {RD_KAFKA_CONSUMER,
          {{"group.id", config.group.empty() ? "heald-" + std::string(node) : config.group},
           {"auto.offset.reset", config.start == Begin::kLatest ? "latest" : "earliest"},
           // What was handed on is marked, and what is marked is committed every second.
           {"enable.auto.commit", "true"},
           {"enable.auto.offset.store", "false"},
           {"partition.assignment.strategy", "range,roundrobin"},
           {"enable.partition.eof", "false"}},
          {{"auto.commit.interval.ms", "1000"},
           // After a kill the partitions are read again so much later, and a few seconds.
           {"session.timeout.ms", "10000"},
           {"queued.max.messages.kbytes", "16384"}}};
}

}  // namespace heald::kafka
