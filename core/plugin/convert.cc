#include "core/plugin/convert.h"

#include <algorithm>

namespace heald::plugin {
namespace {

// One wrong header of a server, or one bug, must not silence a node for a day.
constexpr int64_t kLongestWishNs = 60'000'000'000;

Error Nonsense(const char* what) {
  return MakeError(Code::kInternal, std::string("the plugin handed over ") + what +
                                        "; report it to the plugin's author");
}

template <typename E>
E Enum(uint32_t value) {
  return static_cast<E>(value);
}

// At most 300 bytes, cut at a character's border; control characters become spaces.
std::string OneLine(std::string_view text) {
  constexpr size_t kMaxBytes = 300;
  size_t n = std::min(text.size(), kMaxBytes);
  while (n < text.size() && n > 0 && (static_cast<unsigned char>(text[n]) & 0xc0) == 0x80) --n;
  std::string line(text.substr(0, n));
  if (n < text.size()) line += "…";
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return line;
}

}  // namespace

Labels FromC(const heald_labels& labels) {
  Labels out;
  for (uint64_t i = 0; i < labels.count; ++i)
    out.Set(FromC(labels.items[i].name), FromC(labels.items[i].value));
  return out;
}

heald_error NewError() {
  heald_error error;
  std::memset(&error, 0, sizeof error);
  error.size = sizeof error;
  return error;
}

Error FromC(int32_t code, const heald_error& error) {
  Error out;
  out.code = code > HEALD_OK && code <= HEALD_INTERNAL ? static_cast<Code>(code) : Code::kInternal;
  out.message.assign(error.message, strnlen(error.message, sizeof error.message));
  if (out.message.empty())
    out.message = "failed with code " + std::to_string(code) + " and no message";
  out.json_pointer.assign(error.json_pointer,
                          strnlen(error.json_pointer, sizeof error.json_pointer));
  out.retryable = error.retryable != 0;
  out.retry_after_ns = std::clamp<int64_t>(error.retry_after_ns, 0, kLongestWishNs);
  return out;
}

int32_t ToC(const Error& from, heald_error* error) {
  if (error != nullptr) {
    error->code = static_cast<int32_t>(from.code);
    error->retryable = from.retryable ? 1 : 0;
    error->retry_after_ns = from.retry_after_ns;
    error->json_pointer[0] = 0;
    size_t n = std::min(from.message.size(), sizeof error->message - 1);
    while (n < from.message.size() && n > 0 &&
           (static_cast<unsigned char>(from.message[n]) & 0xc0) == 0x80)
      --n;
    std::memcpy(error->message, from.message.data(), n);
    error->message[n] = 0;
  }
  return static_cast<int32_t>(from.code);
}

Contributor FromC(const heald_contributor& in) {
  return {std::string(FromC(in.name)), in.share, in.value, in.expected};
}

Result<Finding> FromC(const heald_finding& in) {
  if (in.kind > HEALD_FINDING_EVENT || in.state > HEALD_FINDING_CLEAR ||
      in.severity > HEALD_SEVERITY_CRITICAL)
    return Nonsense("a finding with an unknown kind, state or severity");
  if ((in.contributor_count != 0 && in.contributors == nullptr) ||
      (in.recent_count != 0 && in.recent == nullptr))
    return Nonsense("a finding with a null array");
  Finding out;
  out.id = std::to_string(in.id);
  out.kind = Enum<FindingKind>(in.kind);
  out.state = Enum<FindingState>(in.state);
  out.severity = Enum<Severity>(in.severity);
  out.series = in.series;
  out.target = FromC(in.target);
  out.metric = FromC(in.metric);
  out.unit = FromC(in.unit);
  out.summary = FromC(in.summary);
  out.value = in.value;
  out.expected_low = in.expected_low;
  out.expected_high = in.expected_high;
  out.score = in.score;
  out.confidence = in.confidence;
  out.began_ns = in.began_ns;
  out.ts_ns = in.ts_ns;
  for (uint64_t i = 0; i < in.contributor_count; ++i)
    out.contributors.push_back(FromC(in.contributors[i]));
  out.probability = in.probability;
  out.eta_ns = in.eta_ns;
  out.eta_low_ns = in.eta_low_ns;
  out.eta_high_ns = in.eta_high_ns;
  out.component = FromC(in.component);
  out.recommended_action = FromC(in.recommended_action);
  if (in.recent_count != 0) out.recent.assign(in.recent, in.recent + in.recent_count);
  out.recent_step_ns = in.recent_step_ns;
  out.count = in.count;
  out.annotations = FromC(in.annotations);
  return out;
}

MomentScore FromC(const heald_score& in) {
  constexpr double kMost = std::numeric_limits<double>::max();
  MomentScore out{in.series, in.ts_ns, in.score > 0 ? std::min(in.score, kMost) : 0, {}};
  if (in.contributors == nullptr) return out;
  out.contributors.reserve(in.contributor_count);
  for (uint64_t i = 0; i < in.contributor_count; ++i)
    out.contributors.push_back(FromC(in.contributors[i]));
  return out;
}

Result<Plan> FromC(const heald_plan& in) {
  constexpr uint64_t kMaxBefore = 64 * 1024;
  if (in.before.len > kMaxBefore) return Nonsense("a plan whose `before` is larger than 64 KiB");
  Plan out;
  out.summary = FromC(in.summary);
  out.reversible = in.reversible != 0;
  out.target_uid = FromC(in.target_uid);
  out.before = FromC(in.before);
  out.effect_within_ns = in.effect_within_ns;
  out.can_canary = in.can_canary != 0;
  return out;
}

Result<Effect> FromC(const heald_effect& in) {
  if (in.state > HEALD_EFFECT_ABSENT) return Nonsense("an effect with an unknown state");
  return Effect{Enum<EffectState>(in.state), std::string(FromC(in.detail)), CallsFromC(in)};
}

std::vector<Call> CallsFromC(const heald_effect& in) {
  std::vector<Call> out;
  if (in.calls == nullptr) return out;
  const uint64_t skipped = in.call_count > kMaxCalls ? in.call_count - kMaxCalls : 0;
  for (uint64_t i = 0; i < in.call_count; ++i) {
    // The first shows what it began with, the latest how it ended.
    if (i > kMaxCalls / 2 && i <= kMaxCalls / 2 + skipped) continue;
    const heald_call& call = in.calls[i];
    out.push_back({OneLine(FromC(call.call)), OneLine(FromC(call.answer)), call.at_ns,
                   std::max<int64_t>(call.took_ns, 0)});
  }
  return out;
}

LogLine FromC(const heald_log_line& in) {
  LogLine out;
  out.stream = in.stream;
  out.severity = Enum<Severity>(std::min<uint32_t>(in.severity, HEALD_SEVERITY_CRITICAL));
  out.ts_ns = in.ts_ns;
  out.line = FromC(in.line);
  out.attributes = FromC(in.attributes);
  return out;
}

heald_labels Views::Of(const Labels& labels) {
  auto& items = labels_.emplace_back();
  items.reserve(labels.size());
  for (const Labels::Pair& pair : labels.pairs())
    items.push_back({ToC(pair.first), ToC(pair.second)});
  return {items.data(), items.size()};
}

heald_value Views::Of(const Value& value) {
  heald_value out{};
  if (const bool* b = value.AsBool()) {
    out.kind = HEALD_VALUE_BOOL;
    out.as.integer = *b ? 1 : 0;
  } else if (const int64_t* i = value.AsInt()) {
    out.kind = HEALD_VALUE_INT;
    out.as.integer = *i;
  } else if (const double* d = value.AsDouble()) {
    out.kind = HEALD_VALUE_DOUBLE;
    out.as.number = *d;
  } else if (const std::string* s = value.AsString()) {
    out.kind = HEALD_VALUE_STRING;
    out.as.text = s->data();
    out.count = s->size();
  } else if (const Value::List* list = value.AsList()) {
    auto& items = lists_.emplace_back();
    items.reserve(list->size());
    for (const Value& item : *list) items.push_back(Of(item));
    out.kind = HEALD_VALUE_LIST;
    out.as.list = items.data();
    out.count = items.size();
  } else if (const Value::Map* map = value.AsMap()) {
    auto& members = maps_.emplace_back();
    members.reserve(map->size());
    for (const Value::Member& member : *map)
      members.push_back({ToC(member.first), Of(member.second)});
    out.kind = HEALD_VALUE_MAP;
    out.as.map = members.data();
    out.count = members.size();
  }
  return out;
}

heald_finding Views::Of(const Finding& f) {
  auto& contributors = contributors_.emplace_back();
  for (const Contributor& c : f.contributors)
    contributors.push_back({ToC(c.name), c.share, c.value, c.expected});
  heald_finding out{};
  out.size = sizeof out;
  out.kind = static_cast<uint32_t>(f.kind);
  out.state = static_cast<uint32_t>(f.state);
  out.severity = static_cast<uint32_t>(f.severity);
  const size_t slash = f.id.rfind('/');
  out.id = std::strtoull(f.id.c_str() + (slash == std::string::npos ? 0 : slash + 1), nullptr, 10);
  out.series = f.series;
  out.target = Of(f.target);
  out.metric = ToC(f.metric);
  out.unit = ToC(f.unit);
  out.summary = ToC(f.summary);
  out.value = f.value;
  out.expected_low = f.expected_low;
  out.expected_high = f.expected_high;
  out.score = f.score;
  out.confidence = f.confidence;
  out.began_ns = f.began_ns;
  out.ts_ns = f.ts_ns;
  out.contributors = contributors.data();
  out.contributor_count = contributors.size();
  out.probability = f.probability;
  out.eta_ns = f.eta_ns;
  out.eta_low_ns = f.eta_low_ns;
  out.eta_high_ns = f.eta_high_ns;
  out.component = ToC(f.component);
  out.recommended_action = ToC(f.recommended_action);
  out.recent = f.recent.data();
  out.recent_count = f.recent.size();
  out.recent_step_ns = f.recent_step_ns;
  out.count = f.count;
  out.annotations = Of(f.annotations);
  out.node = ToC(f.node);
  out.key = ToC(f.id);
  return out;
}

heald_incident Views::Of(const Incident& incident) {
  auto& findings = findings_.emplace_back();
  findings.reserve(incident.findings.size());
  for (const Finding& finding : incident.findings) findings.push_back(Of(finding));
  heald_incident out{};
  out.size = sizeof out;
  out.state = static_cast<uint32_t>(incident.state);
  out.severity = static_cast<uint32_t>(incident.severity);
  out.id = incident.id;
  out.trace_id = ToC(incident.trace_id);
  out.target = Of(incident.target);
  out.summary = ToC(incident.summary);
  out.opened_ns = incident.opened_ns;
  out.closed_ns = incident.closed_ns;
  out.findings = findings.data();
  out.finding_count = findings.size();
  out.finding_stride = sizeof(heald_finding);
  return out;
}

heald_plan Views::Of(const Plan& plan) {
  heald_plan out{};
  out.size = sizeof out;
  out.reversible = plan.reversible ? 1 : 0;
  out.summary = ToC(plan.summary);
  out.target_uid = ToC(plan.target_uid);
  out.before = ToC(plan.before);
  out.effect_within_ns = plan.effect_within_ns;
  out.can_canary = plan.can_canary ? 1 : 0;
  return out;
}

heald_decision Views::Of(const Decision& decision) {
  auto& guards = guards_.emplace_back();
  for (const GuardVerdict& verdict : decision.guards)
    guards.push_back({ToC(verdict.guard), verdict.allowed ? 1u : 0u, 0, ToC(verdict.reason)});
  heald_decision out{};
  out.size = sizeof out;
  out.verdict = static_cast<uint32_t>(decision.verdict);
  out.mode = static_cast<uint32_t>(decision.mode);
  out.dry_run = decision.dry_run ? 1 : 0;
  out.id = ToC(decision.id);
  out.incident = decision.incident;
  out.policy = ToC(decision.policy);
  out.action = ToC(decision.action);
  out.actor = ToC(decision.actor);
  out.target = Of(decision.target);
  out.plan = &plans_.emplace_back(Of(decision.plan));
  out.plan_hash = ToC(decision.plan_hash);
  out.guards = guards.data();
  out.guard_count = guards.size();
  out.guard_stride = sizeof(heald_guard_verdict);
  out.ts_ns = decision.ts_ns;
  return out;
}

heald_outcome Views::Of(const Outcome& outcome) {
  heald_outcome out{};
  out.size = sizeof out;
  out.state = static_cast<uint32_t>(outcome.state);
  out.decision = ToC(outcome.decision);
  out.incident = outcome.incident;
  out.detail = ToC(outcome.detail);
  out.ts_ns = outcome.ts_ns;
  return out;
}

heald_log_line Views::Of(const LogLine& line) {
  heald_log_line out{};
  out.size = sizeof out;
  out.severity = static_cast<uint32_t>(line.severity);
  out.stream = line.stream;
  out.ts_ns = line.ts_ns;
  out.line = ToC(line.line);
  out.attributes = Of(line.attributes);
  return out;
}

}  // namespace heald::plugin
