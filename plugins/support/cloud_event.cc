#include "plugins/support/cloud_event.h"

#include <array>

#include "plugins/support/abi_text.h"

namespace heald::support {
namespace {

constexpr std::array<std::string_view, 3> kFindings = {"opened", "updated", "cleared"};
constexpr std::array<std::string_view, 5> kIncidents = {"opened", "acting", "verifying", "resolved",
                                                        "escalated"};
constexpr std::array<std::string_view, 4> kDecisions = {"would_act", "act", "refused",
                                                        "awaits_approval"};
constexpr std::array<std::string_view, 6> kOutcomes = {"issued", "observed", "verified",
                                                       "failed", "undone",   "dry_run"};

}  // namespace

std::string CloudEventType(const heald_notification& notice) {
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

std::string CloudEventSubject(const heald_notification& notice) {
  const heald_labels target =
      notice.incident != nullptr ? notice.incident->target : TargetOf(notice);
  std::string subject;
  for (uint64_t i = 0; i < target.count; ++i) {
    if (i != 0) subject += ',';
    subject += Text(target.items[i].name) + "=" + Text(target.items[i].value);
  }
  return subject;
}

RecordJson CloudEvent(const heald_notification& notice, std::string_view source) {
  RecordJson event{{"specversion", "1.0"},
                   {"id", Text(notice.event_id)},
                   {"source", source},
                   {"type", CloudEventType(notice)}};
  if (std::string subject = CloudEventSubject(notice); !subject.empty())
    event["subject"] = std::move(subject);
  if (notice.ts_ns != 0) event["time"] = TimeJson(notice.ts_ns);
  event["datacontenttype"] = "application/json";
  event["data"] = NotificationJson(notice);
  return event;
}

}  // namespace heald::support
