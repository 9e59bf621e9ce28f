#include "core/agent/incident_trace.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "core/base/sha256.h"

namespace heald::agent {
namespace {

using Json = nlohmann::json;
using tracing::Attributes;
using tracing::Span;
using tracing::SpanKind;
using tracing::SpanStatus;

constexpr size_t kSpanIdDigits = 16;
constexpr size_t kMostEvents = 128;  // of one span, as OpenTelemetry's own libraries have it

std::string_view Suffix(std::string_view kind) {
  return kind.substr(kind.find('.') + 1);
}

bool IsAsked(std::string_view kind) {
  return kind == "approval.asked";
}
bool IsDecision(std::string_view kind) {
  return kind == "decision.act" || kind == "decision.would_act" || kind == "decision.refused" ||
         IsAsked(kind);
}
bool IsAnswer(std::string_view kind) {
  return kind == "approval.given" || kind == "approval.denied" || kind == "approval.expired" ||
         kind == "approval.withdrawn";
}
bool IsEnd(std::string_view kind) {
  return kind == "execution.verified" || kind == "execution.failed" || kind == "execution.dry_run";
}
bool IsUndoEnd(std::string_view kind) {
  return kind == "undo.done" || kind == "undo.failed" || kind == "undo.dropped";
}
// What happens to an incident beside what has a span of its own.
bool IsMoment(std::string_view kind) {
  return kind == "finding.raised" || kind == "finding.cleared" || kind == "finding.counted" ||
         kind.starts_with("step.") ||
         (kind.starts_with("incident.") && kind != "incident.resolved");
}
// ... and to an execution.
bool IsTurn(std::string_view kind) {
  return kind == "execution.recovered" || kind.starts_with("canary.");
}

std::string TextOf(const Json& detail, const char* key) {
  const auto at = detail.find(key);
  return at != detail.end() && at->is_string() ? at->get<std::string>() : std::string();
}
int64_t WholeOf(const Json& detail, const char* key) {
  const auto at = detail.find(key);
  return at != detail.end() && at->is_number_integer() ? at->get<int64_t>() : 0;
}
bool FlagOf(const Json& detail, const char* key) {
  const auto at = detail.find(key);
  return at != detail.end() && at->is_boolean() && at->get<bool>();
}
Json DetailOf(const AuditEvent& event) {
  Json detail = Json::parse(event.detail, nullptr, false);
  return detail.is_object() ? detail : Json::object();
}

// As `name`, where there is such a value.
void Take(const Json& detail, const char* key, const char* name, Attributes* out) {
  const auto at = detail.find(key);
  if (at == detail.end()) return;
  if (at->is_boolean())
    out->emplace_back(name, at->get<bool>());
  else if (at->is_number_integer())
    out->emplace_back(name, at->get<int64_t>());
  else if (at->is_number())
    out->emplace_back(name, at->get<double>());
  else if (at->is_string() && !at->get_ref<const std::string&>().empty())
    out->emplace_back(name, at->get<std::string>());
}

// The spans of one event.
class Maker {
 public:
  Maker(const Chain& chain, const AuditEvent& event)
      : chain_(chain), event_(event), detail_(DetailOf(event)) {}

  std::vector<Span> Make() {
    if (event_.kind == "incident.resolved") Incident();
    if (event_.kind == "finding.opened") Detection();
    if (IsAnswer(event_.kind)) Approval();
    if (IsDecision(event_.kind)) Decision();
    if (IsEnd(event_.kind)) Execution();
    if (IsUndoEnd(event_.kind)) Undo();
    return std::move(spans_);
  }

 private:
  std::string Id(const std::string& what) const {
    return Sha256Hex(chain_.incident.trace_id + "/" + what).substr(0, kSpanIdDigits);
  }
  std::string Id(const AuditEvent& event) const {
    return Id(event.kind + "/" + std::to_string(event.seq));
  }
  // The first time that it was wrong is the trace's root, each later one a part of it.
  std::string EpisodeId(size_t episode) const { return Id("incident/" + std::to_string(episode)); }
  // In which time of being wrong the event lies: 0 for the first.
  size_t Episode() const {
    return static_cast<size_t>(
        std::count_if(chain_.events.begin(), chain_.events.end(), [&](const AuditEvent& event) {
          return event.kind == "incident.reopened" && event.ts_ns <= event_.ts_ns;
        }));
  }
  // The latest one before the event, or with it, that `wanted` takes.
  template <typename Wanted>
  const AuditEvent* Latest(const Wanted& wanted) const {
    const AuditEvent* found = nullptr;
    for (const AuditEvent& event : chain_.events)
      if (event.seq <= event_.seq && wanted(event)) found = &event;
    return found;
  }
  const AuditEvent* LatestOfSubject(std::string_view kind) const {
    return Latest([&](const AuditEvent& event) {
      return event.kind == kind && event.subject == event_.subject;
    });
  }

  Span& Add(std::string id, std::string parent, std::string name, int64_t start_ns,
            int64_t end_ns) {
    Span& span = spans_.emplace_back();
    span.trace_id = chain_.incident.trace_id;
    span.span_id = std::move(id);
    span.parent_id = std::move(parent);
    span.name = std::move(name);
    span.start_ns = std::min(start_ns, end_ns);
    span.end_ns = end_ns;
    return span;
  }
  Span& AddOfEvent(std::string name, int64_t start_ns) {
    return Add(Id(event_), EpisodeId(Episode()), std::move(name), start_ns, event_.ts_ns);
  }
  void AddMoments(Span* span, bool (*wanted)(std::string_view), int64_t since_ns) const {
    for (const AuditEvent& event : chain_.events) {
      if (event.seq > event_.seq || event.ts_ns < since_ns || !wanted(event.kind)) continue;
      if (IsTurn(event.kind) && event.subject != event_.subject) continue;
      if (span->events.size() == kMostEvents) break;
      span->events.push_back(
          {event.ts_ns, event.kind, {{"text", TextOf(DetailOf(event), "text")}}});
    }
  }

  void Incident() {
    const heald::Incident& incident = chain_.incident;
    const size_t episode = Episode();
    const AuditEvent* again =
        Latest([](const AuditEvent& event) { return event.kind == "incident.reopened"; });
    const int64_t start_ns = episode != 0 && again != nullptr ? again->ts_ns
                             : incident.began_ns != 0         ? incident.began_ns
                                                              : incident.opened_ns;
    // It is over since its last clear, which is known of the last time only.
    const bool is_last =
        std::none_of(chain_.events.begin(), chain_.events.end(), [&](const AuditEvent& event) {
          return event.seq > event_.seq &&
                 (event.kind == "incident.reopened" || event.kind == "incident.resolved");
        });
    const bool cleared_before =
        is_last && incident.closed_ns >= start_ns && incident.closed_ns < event_.ts_ns;
    Span& span = Add(EpisodeId(episode), episode == 0 ? "" : EpisodeId(0),
                     episode == 0 ? "incident" : "incident again", start_ns,
                     cleared_before ? incident.closed_ns : event_.ts_ns);
    Attributes& out = span.attributes;
    out = {{"heald.incident.id", static_cast<int64_t>(incident.id)},
           {"heald.incident.summary", incident.summary},
           {"heald.incident.severity", std::string(ToString(incident.severity))}};
    for (const auto& [name, value] : incident.target.pairs())
      out.emplace_back("heald.target." + name, value);
    const bool healed = FlagOf(detail_, "healed");
    out.emplace_back("heald.incident.healed", healed);
    if (is_last) {
      out.emplace_back("heald.incident.resolution", std::string(ToString(incident.resolution)));
      if (!incident.healed_by.empty()) out.emplace_back("heald.policy", incident.healed_by);
      out.emplace_back("heald.incident.needed_person", incident.needed_person);
    }
    out.emplace_back("heald.incident.end", TextOf(detail_, "text"));
    if (healed) span.status = SpanStatus::kOk;
    if (is_last && incident.resolution == Resolution::kAfterFailure) {
      span.status = SpanStatus::kError;
      span.status_message = "what heald did about it failed";
    }
    AddMoments(&span, IsMoment, start_ns);
  }

  // From the first sample that was wrong until heald knew.
  void Detection() {
    const int64_t began_ns = WholeOf(detail_, "began_ns");
    Span& span = AddOfEvent("detect", began_ns != 0 ? began_ns : event_.ts_ns);
    span.attributes.emplace_back("heald.finding.id", event_.subject);
    for (const auto& [key, name] : std::initializer_list<std::pair<const char*, const char*>>{
             {"node", "heald.detector"},
             {"metric", "heald.metric"},
             {"severity", "heald.severity"},
             {"value", "heald.value"},
             {"unit", "heald.unit"},
             {"expected_low", "heald.expected_low"},
             {"expected_high", "heald.expected_high"},
             {"score", "heald.score"},
             {"text", "heald.text"}})
      Take(detail_, key, name, &span.attributes);
  }

  // From what gave rise to it, a finding or the end of what was tried before.
  void Decision() {
    const auto decision =
        std::find_if(chain_.decisions.begin(), chain_.decisions.end(),
                     [&](const heald::Decision& d) { return d.id == event_.subject; });
    const AuditEvent* cause = Latest([&](const AuditEvent& event) {
      return IsEnd(event.kind) || event.kind == "incident.reopened" ||
             (event.kind == "finding.opened" &&
              (decision == chain_.decisions.end() || event.subject == decision->finding));
    });
    Span& span = AddOfEvent("decide", cause == nullptr ? event_.ts_ns : cause->ts_ns);
    span.attributes.emplace_back("heald.decision.id", event_.subject);
    TakeDecision(&span.attributes);
    std::map<std::string, std::string> guards;
    for (const Json& guard : detail_.value("guards", Json::array()))
      if (guard.is_object())
        guards["heald.guard." + TextOf(guard, "guard")] =
            (FlagOf(guard, "allowed") ? "allows: " : "refuses: ") + TextOf(guard, "reason");
    span.attributes.insert(span.attributes.end(), guards.begin(), guards.end());
  }
  void TakeDecision(Attributes* out) const {
    for (const auto& [key, name] :
         std::initializer_list<std::pair<const char*, const char*>>{{"policy", "heald.policy"},
                                                                    {"action", "heald.action"},
                                                                    {"mode", "heald.mode"},
                                                                    {"verdict", "heald.verdict"},
                                                                    {"why", "heald.why"},
                                                                    {"plan", "heald.plan"},
                                                                    {"dry_run", "heald.dry_run"},
                                                                    {"step", "heald.step"},
                                                                    {"text", "heald.text"}})
      Take(detail_, key, name, out);
  }

  // As long as people were asked.
  void Approval() {
    const AuditEvent* asked = LatestOfSubject("approval.asked");
    Span& span = AddOfEvent("approve", asked == nullptr ? event_.ts_ns : asked->ts_ns);
    span.attributes = {{"heald.decision.id", event_.subject},
                       {"heald.approval", std::string(Suffix(event_.kind))},
                       {"heald.actor", event_.actor}};
    TakeDecision(&span.attributes);
  }

  void Execution() {
    const std::string& id = event_.subject;
    const AuditEvent* planned = LatestOfSubject("execution.planned");
    const int64_t start_ns = planned == nullptr ? event_.ts_ns : planned->ts_ns;
    const uint64_t since = planned == nullptr ? 0 : planned->seq;
    const std::string own = Id(event_);
    Span& span = AddOfEvent("execute", start_ns);
    span.attributes = {{"heald.decision.id", id},
                       {"heald.outcome", std::string(Suffix(event_.kind))},
                       {"heald.actor", event_.actor}};
    for (const heald::Decision& decision : chain_.decisions)
      if (decision.id == id)
        span.attributes.insert(span.attributes.end(),
                               {{"heald.policy", decision.policy},
                                {"heald.action", decision.action},
                                {"heald.plan", decision.plan.summary},
                                {"heald.step", int64_t{decision.step}},
                                {"heald.attempt", int64_t{decision.attempt}}});
    Take(detail_, "proof", "heald.proof", &span.attributes);
    Take(detail_, "text", "heald.text", &span.attributes);
    SetStatus(&span);
    AddMoments(&span, IsTurn, start_ns);
    AddIssues(id, since, own);
  }
  void SetStatus(Span* span) const {
    const bool failed = event_.kind.ends_with(".failed");
    // What nobody knows is no error.
    if (failed && !detail_.contains("proof")) {
      span->status = SpanStatus::kError;
      span->status_message = TextOf(detail_, "text");
    }
    if (event_.kind == "execution.verified" || event_.kind == "undo.done")
      span->status = SpanStatus::kOk;
  }

  // Each time that the action was called: until its effect showed, with the calls that it made; and
  // from then on whether it helped.
  void AddIssues(const std::string& subject, uint64_t since, const std::string& parent) {
    const AuditEvent* issued = nullptr;
    const AuditEvent* observed = nullptr;
    std::string calls_parent = parent;
    const auto end_issue = [&](int64_t end_ns) {
      if (issued == nullptr) return;
      Span& span = Add(Id(*issued), parent, "call", issued->ts_ns, end_ns);
      const Json detail = DetailOf(*issued);
      Take(detail, "issue", "heald.issue", &span.attributes);
      Take(detail, "part", "heald.part", &span.attributes);
      issued = nullptr;
    };
    for (const AuditEvent& event : chain_.events) {
      if (event.seq < since || event.seq > event_.seq || event.subject != subject) continue;
      const bool ends = event.kind == "execution.observed" || IsEnd(event.kind);
      if (event.kind == "execution.issued" || ends) end_issue(event.ts_ns);
      if (event.kind == "execution.issued") {
        issued = &event;
        observed = nullptr;
        calls_parent = Id(event);
      }
      if (event.kind == "execution.observed") observed = &event;
      if (ends) AddCalls(event, calls_parent);
    }
    if (observed == nullptr) return;
    Span& verify = Add(Id("verify/" + std::to_string(event_.seq)), parent, "verify",
                       observed->ts_ns, event_.ts_ns);
    Take(detail_, "text", "heald.text", &verify.attributes);
    SetStatus(&verify);
  }

  void AddCalls(const AuditEvent& event, const std::string& parent) {
    size_t number = 0;
    for (const Json& call : DetailOf(event).value("calls", Json::array())) {
      if (!call.is_object()) continue;
      const std::string text = TextOf(call, "call");
      const int64_t at_ns = WholeOf(call, "at_ns");
      // Those that an event repeats are told once.
      if (!calls_.emplace(at_ns, text).second) continue;
      Span& span = Add(Id("call/" + std::to_string(event.seq) + "/" + std::to_string(number++)),
                       parent, text.empty() ? "call" : text.substr(0, text.find(' ')), at_ns,
                       at_ns + WholeOf(call, "took_ns"));
      span.kind = SpanKind::kClient;
      span.attributes = {{"heald.call", text}, {"heald.answer", TextOf(call, "answer")}};
    }
  }

  void Undo() {
    const AuditEvent* planned = LatestOfSubject("undo.planned");
    const AuditEvent* issued = LatestOfSubject("undo.issued");
    const AuditEvent* from = issued != nullptr ? issued : planned;
    const std::string own = Id(event_);
    Span& span = AddOfEvent("undo", from == nullptr ? event_.ts_ns : from->ts_ns);
    span.attributes = {{"heald.decision.id", event_.subject},
                       {"heald.outcome", std::string(Suffix(event_.kind))}};
    Take(detail_, "text", "heald.text", &span.attributes);
    SetStatus(&span);
    AddCalls(event_, own);
  }

  const Chain& chain_;
  const AuditEvent& event_;
  const Json detail_;
  std::set<std::pair<int64_t, std::string>> calls_;
  std::vector<Span> spans_;
};

}  // namespace

bool EndsASpan(std::string_view kind) {
  return kind == "incident.resolved" || kind == "finding.opened" || IsAnswer(kind) ||
         IsDecision(kind) || IsEnd(kind) || IsUndoEnd(kind);
}

std::vector<tracing::Span> SpansOf(const Chain& chain, const AuditEvent& event) {
  return Maker(chain, event).Make();
}

}  // namespace heald::agent
