#include "plugins/notifiers/kafka/event.h"

#include <array>
#include <string_view>

#include "plugins/support/record_json.h"

namespace heald::kafka {
namespace {

using support::RecordJson;

constexpr size_t kMaxTopicBytes = 249;

template <size_t kCount>
std::string Word(const std::array<std::string_view, kCount>& words, uint32_t value) {
  return value < kCount ? std::string(words[value]) : "unknown_" + std::to_string(value);
}

constexpr std::array<std::string_view, 3> kFindings = {"opened", "updated", "cleared"};
constexpr std::array<std::string_view, 5> kIncidents = {"opened", "acting", "verifying", "resolved",
                                                        "escalated"};
constexpr std::array<std::string_view, 4> kDecisions = {"would_act", "act", "refused",
                                                        "awaits_approval"};
constexpr std::array<std::string_view, 6> kOutcomes = {"issued", "observed", "verified",
                                                       "failed", "undone",   "dry_run"};

std::string Text(heald_str text) {
  return text.len == 0 ? std::string() : std::string(text.ptr, text.len);
}

heald_labels AboutWhat(const heald_notification& notice) {
  return notice.incident != nullptr ? notice.incident->target : support::TargetOf(notice);
}

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

std::string TypeOf(const heald_notification& notice) {
  if (notice.kind == HEALD_NOTICE_FINDING && notice.finding != nullptr)
    return "dev.heald.finding." + Word(kFindings, notice.finding->state);
  if (notice.kind == HEALD_NOTICE_DECISION && notice.decision != nullptr)
    return "dev.heald.decision." + Word(kDecisions, notice.decision->verdict);
  if (notice.kind == HEALD_NOTICE_OUTCOME && notice.outcome != nullptr)
    return "dev.heald.outcome." + Word(kOutcomes, notice.outcome->state);
  if (notice.incident != nullptr)
    return "dev.heald.incident." + Word(kIncidents, notice.incident->state);
  return "dev.heald.event";
}

std::string SubjectOf(const heald_notification& notice) {
  const heald_labels target = AboutWhat(notice);
  std::string subject;
  for (uint64_t i = 0; i < target.count; ++i)
    subject += (i == 0 ? "" : ",") + Text(target.items[i].name) + "=" + Text(target.items[i].value);
  return subject;
}

Message MessageOf(const heald_notification& notice, const NotifierConfig& filled) {
  const std::string subject = SubjectOf(notice);
  const bool structured = filled.format == Format::kStructured;
  RecordJson attributes{{"specversion", "1.0"},
                        {"id", Text(notice.event_id)},
                        {"source", filled.source},
                        {"type", TypeOf(notice)}};
  if (!subject.empty()) attributes["subject"] = subject;
  if (notice.ts_ns != 0) attributes["time"] = support::TimeJson(notice.ts_ns);
  RecordJson data = support::NotificationJson(notice);

  Message message;
  message.topic = TopicName(filled.topic);
  message.key = filled.key.empty() ? subject : filled.key;
  if (structured) {
    attributes["datacontenttype"] = "application/json";
    attributes["data"] = std::move(data);
    message.value = support::OneLine(attributes);
    message.headers.emplace_back("content-type", "application/cloudevents+json");
  } else {
    for (const auto& [name, value] : attributes.items())
      message.headers.emplace_back("ce_" + name, value.get<std::string>());
    message.headers.emplace_back("content-type", "application/json");
    message.value = support::OneLine(data);
  }
  for (const auto& header : filled.headers) message.headers.push_back(header);
  return message;
}

}  // namespace heald::kafka
