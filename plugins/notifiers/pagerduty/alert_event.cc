#include "plugins/notifiers/pagerduty/alert_event.h"

#include "plugins/support/words.h"

namespace heald::pagerduty {
namespace {

using support::Event;
using support::RecordJson;

// PagerDuty's limits: characters of a summary and of a key, bytes of a whole event (512 KiB).
constexpr size_t kSummary = 1024;
constexpr size_t kKeyBytes = 255;
constexpr size_t kDetail = 4000;
constexpr size_t kDetails = 50;

std::string Text(heald_str text) {
  return text.len == 0 ? std::string() : std::string(text.ptr, text.len);
}

std::string LabelOf(heald_labels labels, std::string_view name) {
  for (uint64_t i = 0; i < labels.count; ++i)
    if (Text(labels.items[i].name) == name) return Text(labels.items[i].value);
  return {};
}

std::string SeverityOf(const heald_notification& notice, const SeverityConfig& map) {
  const uint32_t severity = support::SeverityOf(notice);
  const Severity word = severity >= HEALD_SEVERITY_CRITICAL  ? map.critical
                        : severity == HEALD_SEVERITY_WARNING ? map.warning
                                                             : map.info;
  return std::string(kSeverityWords[static_cast<size_t>(word)]);
}

RecordJson DetailsOf(const heald_notification& notice, const Config& filled) {
  RecordJson details = RecordJson::object();
  const auto add = [&](const std::string& name, const std::string& value) {
    if (!support::Blank(value) && details.size() < kDetails)
      details[support::Shortened(name, 100)] = support::Shortened(value, kDetail);
  };
  add("What", Text(notice.text));
  if (const heald_finding* finding = support::FindingOf(notice); finding != nullptr) {
    add("Finding", Text(finding->summary));
    for (const support::Fact& fact : support::FactsOf(notice)) add(fact.name, fact.value);
    if (const support::Spark spark = support::SparkOf(*finding); !spark.bars.empty())
      add("Recent", spark.bars + "  " + spark.caption);
  }
  add("Others", support::OthersOf(notice));
  add("Done", support::StepOf(notice));
  if (notice.decision != nullptr) add("Policy", Text(notice.decision->policy));
  if (notice.incident != nullptr) {
    add("Incident", "#" + std::to_string(notice.incident->id));
    add("Trace", Text(notice.incident->trace_id));
  }
  add("Event", Text(notice.event_id));
  for (const auto& [name, value] : filled.details) add(name, value);
  return details;
}

}  // namespace

Do ActionOf(const heald_notification& notice, const Config& config) {
  const Event event = support::EventOf(notice);
  if (event == Event::kResolved) return Do::kResolve;
  // A finding of no incident ends by itself.
  if (event == Event::kCleared && notice.incident == nullptr) return Do::kResolve;
  if (notice.kind == HEALD_NOTICE_DECISION && notice.decision != nullptr &&
      notice.decision->verdict != HEALD_DECISION_AWAITS_APPROVAL &&
      support::IsOfPerson(*notice.decision))
    return Do::kAcknowledge;
  const bool calls = config.trigger_on.empty()
                         ? event == Event::kAwaitingApproval || event == Event::kEscalated
                         : support::IsAmong(event, config.trigger_on);
  return calls ? Do::kTrigger : Do::kNothing;
}

std::string DedupKey(const heald_notification& notice, unsigned call) {
  const std::string number = call == 1 ? "" : "-" + std::to_string(call);
  std::string key = "heald-";
  if (notice.incident != nullptr)
    key += support::KeyOf(notice);
  else if (notice.finding != nullptr)
    key += support::FindingId(*notice.finding);
  else
    key += Text(notice.event_id);
  return key.substr(0, kKeyBytes - number.size()) + number;
}

RecordJson AlertEvent(const heald_notification& notice, Do action, const std::string& dedup_key,
                      const Config& filled) {
  RecordJson event{{"routing_key", filled.routing_key}};
  event["event_action"] = action == Do::kTrigger       ? "trigger"
                          : action == Do::kAcknowledge ? "acknowledge"
                                                       : "resolve";
  event["dedup_key"] = dedup_key;
  if (action != Do::kTrigger) return event;
  const heald_labels target = support::TargetOf(notice);
  const std::string summary =
      support::Blank(filled.summary)
          ? support::TitleOf(notice, support::EventOf(notice) == Event::kAwaitingApproval)
          : filled.summary;
  RecordJson& payload = event["payload"] = RecordJson::object();
  payload["summary"] = support::Shortened(summary, kSummary);
  payload["source"] = support::Shortened(support::TargetName(target), 500);
  payload["severity"] = SeverityOf(notice, filled.severity);
  if (notice.ts_ns != 0) payload["timestamp"] = support::TimeJson(notice.ts_ns);
  if (const std::string component = LabelOf(target, "service"); !component.empty())
    payload["component"] = component;
  if (const std::string group = LabelOf(target, "namespace"); !group.empty())
    payload["group"] = group;
  if (const heald_finding* finding = support::FindingOf(notice);
      finding != nullptr && finding->metric.len != 0)
    payload["class"] = Text(finding->metric);
  payload["custom_details"] = DetailsOf(notice, filled);
  event["client"] = "heald";
  if (!support::Blank(filled.link)) {
    event["client_url"] = filled.link;
    event["links"] = RecordJson::array({{{"href", filled.link}, {"text", "Open in heald"}}});
  }
  return event;
}

}  // namespace heald::pagerduty
