#include "plugins/sources/kafka/event_reader.h"

#include <string>
#include <utility>

#include "plugins/support/severity_words.h"
#include "plugins/support/utf8.h"

namespace heald::kafka {
namespace {

using sdk::Finding;
using sdk::FindingState;
using sdk::LabelSet;
using sdk::Severity;

// Names, labels and summaries stand in log lines, events and mails.
constexpr size_t kMostTextBytes = 1000;
constexpr int64_t kOldestNs = int64_t{366} * 24 * 3600 * 1'000'000'000;

// FNV-1a: the same in every process, as what opens and what clears may come to different ones.
uint64_t Hash(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;
  }
  return hash;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return lower;
}

FindingState StateOf(std::string_view word) {
  const std::string lower = Lower(word);
  if (lower.empty() || lower == "open" || lower == "firing" || lower == "alerting")
    return FindingState::kOpen;
  if (lower == "update") return FindingState::kUpdate;
  if (lower == "clear" || lower == "resolved" || lower == "ok") return FindingState::kClear;
  throw BadMessage{"its state '" + std::string(word) + "' is none of open, update, clear"};
}

LabelSet LabelsOf(const dom::object& object, const char* what) {
  LabelSet labels;
  for (const auto member : object) {
    std::string text;
    if (member.value.is_null()) continue;
    if (!ReadText(member.value, &text))
      throw BadMessage{"its " + std::string(what) + " '" + std::string(member.key) +
                       "' is no text"};
    if (!text.empty()) labels.Set(member.key, support::CutTo(text, kMostTextBytes));
  }
  return labels;
}

LabelSet LabelsIn(const dom::object& object, std::initializer_list<std::string_view> names,
                  const char* what) {
  dom::element found;
  dom::object map;
  if (!FindIn(object, names, &found)) return {};
  if (found.get_object().get(map) != simdjson::SUCCESS)
    throw BadMessage{"its " + std::string(what) + "s are no object"};
  return LabelsOf(map, what);
}

void TakeNumber(const dom::object& object, std::string_view name, double* number) {
  dom::element found;
  if (FindIn(object, {name}, &found) && !ReadNumber(found, number))
    throw BadMessage{"its " + std::string(name) + " is no number"};
}

// What senders write who don't know the time: nothing, Go's year 1, zero, a time before 1970.
bool IsNoTime(dom::element element) {
  double number = 0;
  std::string_view text;
  if (element.get_double().get(number) == simdjson::SUCCESS) return number <= 0;
  return element.get_string().get(text) == simdjson::SUCCESS &&
         (text.empty() || text.starts_with("0001-"));
}

int64_t TimeIn(const dom::object& object, std::initializer_list<std::string_view> names,
               int64_t otherwise_ns) {
  dom::element found;
  int64_t ns = 0;
  if (!FindIn(object, names, &found) || IsNoTime(found)) return otherwise_ns;
  if (!ReadTime(found, &ns))
    throw BadMessage{"its time is neither RFC 3339 nor a number since 1970"};
  return ns > 0 ? ns : otherwise_ns;
}

uint64_t IdOf(const dom::object& object, const Finding& finding) {
  dom::element found;
  std::string id;
  if (FindIn(object, {"id", "fingerprint"}, &found) && ReadText(found, &id)) return Hash(id);
  std::string key = finding.metric;
  for (const auto& [name, value] : finding.target.items()) key += '\0' + name + '\0' + value;
  return Hash(key);
}

// {"state": "open", "severity": "warning", "name": …, "target": {…}, "summary": …, "time": …}, or
// {"status": "firing", "labels": {"alertname": …, "severity": …, …}, "annotations": {…}}.
Finding EventOf(const dom::object& object, int64_t ts_ns) {
  Finding finding;
  // A change, which may explain what is wrong elsewhere; without the word something is wrong.
  if (TextIn(object, "kind") == "event") finding.kind = sdk::FindingKind::kEvent;
  finding.confidence = 1;
  finding.target = LabelsIn(object, {"target", "labels"}, "label");
  finding.annotations = LabelsIn(object, {"annotations"}, "annotation");
  std::string_view state = TextIn(object, "state");
  if (state.empty()) state = TextIn(object, "status");
  finding.state = StateOf(state);
  finding.metric = support::CutTo(TextIn(object, "name"), kMostTextBytes);
  if (finding.metric.empty())
    finding.metric = support::CutTo(TextIn(object, "metric"), kMostTextBytes);
  if (finding.metric.empty()) finding.metric = finding.target.Get("alertname");
  if (finding.metric.empty()) throw BadMessage{"has no name"};
  std::string_view severity = TextIn(object, "severity");
  if (severity.empty()) severity = finding.target.Get("severity");
  // What fires is never lost for a word that nobody knows.
  finding.severity = support::SeverityByWord(severity).value_or(Severity::kWarning);
  if (finding.state == FindingState::kClear) finding.severity = Severity::kNormal;
  finding.target.Remove("alertname");
  finding.target.Remove("severity");
  finding.summary = support::CutTo(TextIn(object, "summary"), kMostTextBytes);
  if (finding.summary.empty()) finding.summary = finding.annotations.Get("summary");
  finding.unit = TextIn(object, "unit");
  TakeNumber(object, "value", &finding.value);
  TakeNumber(object, "expected_low", &finding.expected_low);
  TakeNumber(object, "expected_high", &finding.expected_high);
  finding.began_ns = TimeIn(object, {"began", "startsAt"}, 0);
  finding.ts_ns = TimeIn(object, {"time", "timestamp"}, ts_ns);
  // A clock that was never set: not when it began.
  if (finding.ts_ns - finding.began_ns > kOldestNs) finding.began_ns = finding.ts_ns;
  finding.id = IdOf(object, finding);
  return finding;
}

}  // namespace

void EventReader::Read(std::string_view message, int64_t ts_ns, std::vector<Finding>* findings) {
  const size_t before = findings->size();
  try {
    ForEachObject(parser_, message, [&](const dom::object& whole) {
      dom::element found;
      dom::object object = whole;
      int64_t at_ns = ts_ns;
      std::string sender;
      if (FindIn(whole, {"specversion"}, &found)) {
        if (whole.at_key("data").get_object().get(object) != simdjson::SUCCESS)
          throw BadMessage{"is a CloudEvent without an object in data"};
        at_ns = TimeIn(whole, {"time"}, ts_ns);
        sender = TextIn(whole, "source");
      }
      // Another heald's: {"event_id": …, "kind": "finding", "node": …, "finding": {…}}.
      if (object.at_key("event_id").error() == simdjson::SUCCESS) {
        const std::string node(TextIn(object, "node"));
        if (object.at_key("finding").get_object().get(object) != simdjson::SUCCESS) return;
        Finding finding = EventOf(object, at_ns);
        // Its findings are numbered by detector.
        dom::element id;
        std::string number;
        if (FindIn(object, {"id"}, &id) && ReadText(id, &number))
          finding.id = Hash(sender + '\0' + node + '\0' + number);
        findings->push_back(std::move(finding));
        return;
      }
      findings->push_back(EventOf(object, at_ns));
    });
  } catch (const BadMessage&) {
    findings->resize(before);
    throw;
  }
}

}  // namespace heald::kafka
