#include "core/store/json.h"

#include <cmath>

namespace heald {
namespace {

Json Number(double value) {
  if (std::isnan(value)) return nullptr;
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

double AsNumber(const Json& json) {
  if (json.is_number()) return json.get<double>();
  if (json.is_string()) return json.get_ref<const std::string&>() == "-inf" ? -HUGE_VAL : HUGE_VAL;
  return kUnknown;
}

// Readers take what is there: a member that an older heald didn't write keeps its default.
template <typename T>
void Read(const Json& json, const char* key, T* out) {
  if (const auto at = json.find(key); at != json.end() && !at->is_null()) at->get_to(*out);
}
void Read(const Json& json, const char* key, double* out) {
  if (const auto at = json.find(key); at != json.end()) *out = AsNumber(*at);
}
template <typename Enum>
void ReadEnum(const Json& json, const char* key, Enum last, Enum* out) {
  const auto at = json.find(key);
  if (at == json.end()) return;
  const std::string& name = at->get_ref<const std::string&>();
  for (uint8_t i = 0; i <= static_cast<uint8_t>(last); ++i) {
    *out = static_cast<Enum>(i);
    if (ToString(*out) == name) return;
  }
  throw std::runtime_error("unknown " + std::string(key) + " '" + name + "'");
}

Labels ReadLabels(const Json& json) {
  Labels labels;
  for (const auto& [name, value] : json.items()) labels.Set(name, value.get<std::string>());
  return labels;
}
void ReadLabels(const Json& json, const char* key, Labels* out) {
  if (const auto at = json.find(key); at != json.end()) *out = ReadLabels(*at);
}

Finding ReadFinding(const Json& json) {
  Finding f;
  Read(json, "node", &f.node);
  Read(json, "id", &f.id);
  ReadEnum(json, "kind", FindingKind::kEvent, &f.kind);
  ReadEnum(json, "state", FindingState::kClear, &f.state);
  ReadEnum(json, "severity", Severity::kCritical, &f.severity);
  ReadLabels(json, "target", &f.target);
  Read(json, "metric", &f.metric);
  Read(json, "unit", &f.unit);
  Read(json, "summary", &f.summary);
  Read(json, "value", &f.value);
  Read(json, "expected_low", &f.expected_low);
  Read(json, "expected_high", &f.expected_high);
  Read(json, "score", &f.score);
  Read(json, "confidence", &f.confidence);
  Read(json, "began_ns", &f.began_ns);
  Read(json, "ts_ns", &f.ts_ns);
  for (const Json& item : json.value("contributors", Json::array())) {
    Contributor& c = f.contributors.emplace_back();
    Read(item, "name", &c.name);
    Read(item, "share", &c.share);
    Read(item, "value", &c.value);
    Read(item, "expected", &c.expected);
  }
  Read(json, "probability", &f.probability);
  Read(json, "eta_ns", &f.eta_ns);
  Read(json, "eta_low_ns", &f.eta_low_ns);
  Read(json, "eta_high_ns", &f.eta_high_ns);
  Read(json, "component", &f.component);
  Read(json, "recommended_action", &f.recommended_action);
  for (const Json& value : json.value("recent", Json::array())) f.recent.push_back(AsNumber(value));
  Read(json, "recent_step_ns", &f.recent_step_ns);
  Read(json, "count", &f.count);
  ReadLabels(json, "annotations", &f.annotations);
  return f;
}

Decision ReadDecision(const Json& json) {
  Decision d;
  Read(json, "id", &d.id);
  Read(json, "incident", &d.incident);
  Read(json, "trace_id", &d.trace_id);
  ReadEnum(json, "verdict", DecisionVerdict::kAwaitsApproval, &d.verdict);
  ReadEnum(json, "mode", Mode::kEnforce, &d.mode);
  Read(json, "dry_run", &d.dry_run);
  Read(json, "policy", &d.policy);
  Read(json, "action", &d.action);
  Read(json, "actor", &d.actor);
  ReadLabels(json, "target", &d.target);
  Read(json, "finding", &d.finding);
  if (const auto at = json.find("plan"); at != json.end()) {
    Read(*at, "summary", &d.plan.summary);
    Read(*at, "reversible", &d.plan.reversible);
    Read(*at, "target_uid", &d.plan.target_uid);
    Read(*at, "before", &d.plan.before);
    Read(*at, "effect_within_ns", &d.plan.effect_within_ns);
    Read(*at, "can_canary", &d.plan.can_canary);
  }
  Read(json, "plan_hash", &d.plan_hash);
  for (const Json& item : json.value("guards", Json::array())) {
    GuardVerdict& guard = d.guards.emplace_back();
    Read(item, "guard", &guard.guard);
    Read(item, "allowed", &guard.allowed);
    Read(item, "reason", &guard.reason);
  }
  Read(json, "why", &d.why);
  Read(json, "ts_ns", &d.ts_ns);
  Read(json, "attempt", &d.attempt);
  Read(json, "step", &d.step);
  Read(json, "steps", &d.steps);
  Read(json, "next_step", &d.next_step);
  Read(json, "expires_ns", &d.expires_ns);
  Read(json, "via", &d.via);
  return d;
}

IncidentLabel ReadLabel(const Json& json) {
  IncidentLabel label;
  Read(json, "value", &label.value);
  Read(json, "comment", &label.comment);
  Read(json, "actor", &label.actor);
  Read(json, "ts_ns", &label.ts_ns);
  return label;
}

Forecast ReadForecast(const Json& json) {
  Forecast f;
  Read(json, "finding", &f.finding);
  Read(json, "incident", &f.incident);
  Read(json, "trace_id", &f.trace_id);
  Read(json, "detector", &f.detector);
  Read(json, "metric", &f.metric);
  Read(json, "unit", &f.unit);
  Read(json, "component", &f.component);
  ReadLabels(json, "target", &f.target);
  Read(json, "target_key", &f.target_key);
  Read(json, "probability", &f.probability);
  Read(json, "made_ns", &f.made_ns);
  Read(json, "eta_low_ns", &f.eta_low_ns);
  Read(json, "eta_ns", &f.eta_ns);
  Read(json, "eta_high_ns", &f.eta_high_ns);
  Read(json, "until_ns", &f.until_ns);
  Read(json, "threshold", &f.threshold);
  Read(json, "above", &f.above);
  ReadEnum(json, "outcome", ForecastOutcome::kSuperseded, &f.outcome);
  Read(json, "judged_ns", &f.judged_ns);
  Read(json, "happened_ns", &f.happened_ns);
  Read(json, "reason", &f.reason);
  return f;
}

Incident ReadIncident(const Json& json) {
  Incident i;
  Read(json, "id", &i.id);
  ReadEnum(json, "state", IncidentState::kEscalated, &i.state);
  ReadEnum(json, "severity", Severity::kCritical, &i.severity);
  Read(json, "trace_id", &i.trace_id);
  ReadLabels(json, "target", &i.target);
  Read(json, "summary", &i.summary);
  Read(json, "opened_ns", &i.opened_ns);
  Read(json, "began_ns", &i.began_ns);
  Read(json, "closed_ns", &i.closed_ns);
  ReadEnum(json, "resolution", Resolution::kAfterFailure, &i.resolution);
  Read(json, "healed_by", &i.healed_by);
  Read(json, "needed_person", &i.needed_person);
  Read(json, "reopened", &i.reopened);
  if (const auto at = json.find("label"); at != json.end()) i.label = ReadLabel(*at);
  for (const Json& item : json.value("findings", Json::array()))
    i.findings.push_back(ReadFinding(item));
  return i;
}

Outcome ReadOutcome(const Json& json) {
  Outcome o;
  Read(json, "decision", &o.decision);
  Read(json, "incident", &o.incident);
  ReadEnum(json, "state", OutcomeState::kDryRun, &o.state);
  Read(json, "detail", &o.detail);
  Read(json, "ts_ns", &o.ts_ns);
  return o;
}

Execution ReadExecution(const Json& json) {
  Execution e;
  Read(json, "decision", &e.decision);
  Read(json, "incident", &e.incident);
  Read(json, "policy", &e.policy);
  Read(json, "action", &e.action);
  Read(json, "target_key", &e.target_key);
  ReadEnum(json, "state", ExecutionState::kDryRun, &e.state);
  Read(json, "attempt", &e.attempt);
  Read(json, "step", &e.step);
  Read(json, "issues", &e.issues);
  Read(json, "planned_ns", &e.planned_ns);
  Read(json, "issued_ns", &e.issued_ns);
  Read(json, "observed_ns", &e.observed_ns);
  Read(json, "ended_ns", &e.ended_ns);
  Read(json, "detail", &e.detail);
  e.progress = ReadProgress(json);
  return e;
}

AuditEvent ReadEvent(const Json& json) {
  AuditEvent e;
  Read(json, "ts_ns", &e.ts_ns);
  Read(json, "incident", &e.incident);
  Read(json, "trace_id", &e.trace_id);
  Read(json, "kind", &e.kind);
  Read(json, "actor", &e.actor);
  Read(json, "subject", &e.subject);
  if (const auto at = json.find("detail"); at != json.end())
    e.detail = at->is_string() ? at->get<std::string>() : Dump(*at);
  return e;
}

template <typename T>
std::vector<T> ReadList(const Json& json, const char* key, T (*read)(const Json&)) {
  std::vector<T> items;
  for (const Json& item : json.value(key, Json::array())) items.push_back(read(item));
  return items;
}

Change ReadChange(const Json& json) {
  Change c;
  Read(json, "number", &c.number);
  c.incidents = ReadList(json, "incidents", ReadIncident);
  for (const Json& item : json.value("findings", Json::array()))
    c.findings.push_back({item.value("incident", uint64_t{0}), ReadFinding(item.at("finding"))});
  c.decisions = ReadList(json, "decisions", ReadDecision);
  c.executions = ReadList(json, "executions", ReadExecution);
  c.forecasts = ReadList(json, "forecasts", ReadForecast);
  for (const Json& item : json.value("labels", Json::array()))
    c.labels.push_back({item.value("incident", uint64_t{0}), ReadLabel(item)});
  c.events = ReadList(json, "events", ReadEvent);
  // Named: items() of a temporary would outlive it.
  const Json settings = json.value("settings", Json::object());
  for (const auto& [name, value] : settings.items())
    c.settings.emplace_back(name, value.get<std::string>());
  return c;
}

template <typename T>
Result<T> Parse(std::string_view text, const char* what, T (*read)(const Json&)) {
  try {
    const Json json = Json::parse(text);
    if (!json.is_object()) throw std::runtime_error("it is no object");
    return read(json);
  } catch (const std::exception& e) {
    return MakeError(Code::kCorrupt,
                     "a stored " + std::string(what) + " can't be read: " + e.what());
  }
}

template <typename T>
Json ListToJson(const std::vector<T>& items) {
  Json list = Json::array();
  for (const T& item : items) list.push_back(ToJson(item));
  return list;
}

}  // namespace

Json ToJson(const Labels& labels) {
  Json json = Json::object();
  for (const auto& [name, value] : labels.pairs()) json[name] = value;
  return json;
}

Json ToJson(const Finding& f) {
  Json json = {{"node", f.node},
               {"id", f.id},
               {"kind", ToString(f.kind)},
               {"state", ToString(f.state)},
               {"severity", ToString(f.severity)},
               {"target", ToJson(f.target)},
               {"metric", f.metric},
               {"unit", f.unit},
               {"value", Number(f.value)},
               {"expected_low", Number(f.expected_low)},
               {"expected_high", Number(f.expected_high)},
               {"score", Number(f.score)},
               {"confidence", Number(f.confidence)},
               {"began_ns", f.began_ns},
               {"ts_ns", f.ts_ns},
               {"count", f.count}};
  if (!f.summary.empty()) json["summary"] = f.summary;
  for (const Contributor& c : f.contributors)
    json["contributors"].push_back({{"name", c.name},
                                    {"share", Number(c.share)},
                                    {"value", Number(c.value)},
                                    {"expected", Number(c.expected)}});
  if (f.kind == FindingKind::kPrediction) {
    json["probability"] = Number(f.probability);
    json["eta_ns"] = f.eta_ns;
    json["eta_low_ns"] = f.eta_low_ns;
    json["eta_high_ns"] = f.eta_high_ns;
  }
  if (!f.component.empty()) json["component"] = f.component;
  if (!f.recommended_action.empty()) json["recommended_action"] = f.recommended_action;
  for (const double value : f.recent) json["recent"].push_back(Number(value));
  if (f.recent_step_ns != 0) json["recent_step_ns"] = f.recent_step_ns;
  if (!f.annotations.empty()) json["annotations"] = ToJson(f.annotations);
  return json;
}

Json ToJson(const Incident& i) {
  return {{"id", i.id},
          {"state", ToString(i.state)},
          {"severity", ToString(i.severity)},
          {"trace_id", i.trace_id},
          {"target", ToJson(i.target)},
          {"summary", i.summary},
          {"opened_ns", i.opened_ns},
          {"began_ns", i.began_ns},
          {"closed_ns", i.closed_ns},
          {"resolution", ToString(i.resolution)},
          {"healed_by", i.healed_by},
          {"needed_person", i.needed_person},
          {"reopened", i.reopened},
          {"label", ToJson(i.label)},
          {"findings", ListToJson(i.findings)}};
}

Json ToJson(const IncidentLabel& label) {
  return {{"value", label.value},
          {"comment", label.comment},
          {"actor", label.actor},
          {"ts_ns", label.ts_ns}};
}

Json ToJson(const Forecast& f) {
  return {{"finding", f.finding},       {"incident", f.incident},
          {"trace_id", f.trace_id},     {"detector", f.detector},
          {"metric", f.metric},         {"unit", f.unit},
          {"component", f.component},   {"target", ToJson(f.target)},
          {"target_key", f.target_key}, {"probability", Number(f.probability)},
          {"made_ns", f.made_ns},       {"eta_low_ns", f.eta_low_ns},
          {"eta_ns", f.eta_ns},         {"eta_high_ns", f.eta_high_ns},
          {"until_ns", f.until_ns},     {"threshold", Number(f.threshold)},
          {"above", f.above},           {"outcome", ToString(f.outcome)},
          {"judged_ns", f.judged_ns},   {"happened_ns", f.happened_ns},
          {"reason", f.reason}};
}

Json ToJson(const Call& c) {
  return {{"call", c.call}, {"answer", c.answer}, {"at_ns", c.at_ns}, {"took_ns", c.took_ns}};
}

Json ToJson(const Plan& p) {
  Json json = {{"summary", p.summary},
               {"reversible", p.reversible},
               {"target_uid", p.target_uid},
               {"before", p.before},
               {"effect_within_ns", p.effect_within_ns}};
  // Only where it is so: the hashes of plans from before it was there stay.
  if (p.can_canary) json["can_canary"] = true;
  return json;
}

Json ToJson(const Decision& d) {
  Json guards = Json::array();
  for (const GuardVerdict& guard : d.guards)
    guards.push_back(
        {{"guard", guard.guard}, {"allowed", guard.allowed}, {"reason", guard.reason}});
  return {{"id", d.id},
          {"incident", d.incident},
          {"trace_id", d.trace_id},
          {"verdict", ToString(d.verdict)},
          {"mode", ToString(d.mode)},
          {"dry_run", d.dry_run},
          {"policy", d.policy},
          {"action", d.action},
          {"actor", d.actor},
          {"target", ToJson(d.target)},
          {"finding", d.finding},
          {"plan", ToJson(d.plan)},
          {"plan_hash", d.plan_hash},
          {"guards", std::move(guards)},
          {"why", d.why},
          {"ts_ns", d.ts_ns},
          {"attempt", d.attempt},
          {"step", d.step},
          {"steps", d.steps},
          {"next_step", d.next_step},
          {"expires_ns", d.expires_ns},
          {"via", d.via}};
}

Json ToJson(const Outcome& o) {
  return {{"decision", o.decision},
          {"incident", o.incident},
          {"state", ToString(o.state)},
          {"detail", o.detail},
          {"ts_ns", o.ts_ns}};
}

Json ToJson(const Execution& e) {
  Json json = {{"decision", e.decision},     {"incident", e.incident},
               {"policy", e.policy},         {"action", e.action},
               {"target_key", e.target_key}, {"state", ToString(e.state)},
               {"attempt", e.attempt},       {"step", e.step},
               {"issues", e.issues},         {"planned_ns", e.planned_ns},
               {"issued_ns", e.issued_ns},   {"observed_ns", e.observed_ns},
               {"ended_ns", e.ended_ns},     {"detail", e.detail}};
  json.update(ToJson(e.progress));
  return json;
}

Json ToJson(const AuditEvent& e) {
  Json detail = Json::parse(e.detail, nullptr, false);
  return {{"seq", e.seq},
          {"ts_ns", e.ts_ns},
          {"incident", e.incident},
          {"trace_id", e.trace_id},
          {"kind", e.kind},
          {"actor", e.actor},
          {"subject", e.subject},
          {"detail", detail.is_discarded() ? Json(e.detail) : std::move(detail)}};
}

Json ToJson(const Chain& chain) {
  return {{"incident", ToJson(chain.incident)},
          {"decisions", ListToJson(chain.decisions)},
          {"executions", ListToJson(chain.executions)},
          {"forecasts", ListToJson(chain.forecasts)},
          {"events", ListToJson(chain.events)}};
}

Json ToJson(const Change& change) {
  Json json = {{"number", change.number},
               {"incidents", ListToJson(change.incidents)},
               {"decisions", ListToJson(change.decisions)},
               {"executions", ListToJson(change.executions)},
               {"events", ListToJson(change.events)}};
  if (!change.forecasts.empty()) json["forecasts"] = ListToJson(change.forecasts);
  for (const StoredLabel& l : change.labels) {
    Json label = ToJson(l.label);
    label["incident"] = l.incident;
    json["labels"].push_back(std::move(label));
  }
  for (const StoredFinding& f : change.findings)
    json["findings"].push_back({{"incident", f.incident}, {"finding", ToJson(f.finding)}});
  for (const auto& [name, value] : change.settings) json["settings"][name] = value;
  return json;
}

Result<Labels> LabelsFromJson(std::string_view text) {
  return Parse<Labels>(text, "target", ReadLabels);
}
Result<Finding> FindingFromJson(std::string_view text) {
  return Parse<Finding>(text, "finding", ReadFinding);
}
Result<Decision> DecisionFromJson(std::string_view text) {
  return Parse<Decision>(text, "decision", ReadDecision);
}
Result<Incident> IncidentFromJson(std::string_view text) {
  return Parse<Incident>(text, "incident", ReadIncident);
}
Result<Forecast> ForecastFromJson(std::string_view text) {
  return Parse<Forecast>(text, "forecast", ReadForecast);
}
Result<Outcome> OutcomeFromJson(std::string_view text) {
  return Parse<Outcome>(text, "outcome", ReadOutcome);
}

Result<Change> ChangeFromJson(std::string_view text) {
  return Parse<Change>(text, "change", ReadChange);
}

std::string Dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace heald
