#include "plugins/notifiers/kafka/event.h"

#include "plugins/support/cloud_event.h"

namespace heald::kafka {
namespace {

constexpr size_t kMaxTopicBytes = 249;

// A label's value may hold anything; the broker would refuse the name and the event be lost.
std::string TopicName(std::string topic) {
  for (char& c : topic)
    if (!IsTopicCharacter(c)) c = '_';
  if (topic.size() > kMaxTopicBytes) topic.resize(kMaxTopicBytes);
  return topic;
}

}  // namespace

bool IsTopicCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

Message MessageOf(const heald_notification& notice, const NotifierConfig& filled) {
  const support::RecordJson event = support::CloudEvent(notice, filled.source);
  Message message;
  message.topic = TopicName(filled.topic);
  message.key = filled.key.empty() ? support::CloudEventSubject(notice) : filled.key;
  if (filled.format == Format::kStructured) {
    message.value = support::OneLine(event);
    message.headers.emplace_back("content-type", "application/cloudevents+json");
  } else {
    for (const auto& [name, value] : event.items())
      if (name == "data")
        message.value = support::OneLine(value);
      else
        message.headers.emplace_back(
            name == "datacontenttype" ? std::string("content-type") : "ce_" + name,
            value.get<std::string>());
  }
  for (const auto& header : filled.headers) message.headers.push_back(header);
  return message;
}

}  // namespace heald::kafka
