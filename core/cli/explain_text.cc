#include "core/cli/explain_text.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <vector>

#include "core/base/units.h"
#include "core/remedy/hints.h"
#include "core/store/json.h"

namespace heald::cli {
namespace {

constexpr size_t kSamplesShown = 10;

// "20:14:03.250"
std::string TimeOfDay(int64_t ns) {
  return FormatTime(ns).substr(11, 12);
}

std::string Field(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_string() ? at->get<std::string>() : "";
}
int64_t Ns(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_number_integer() ? at->get<int64_t>() : 0;
}
double Number(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_number() ? at->get<double>() : kUnknown;
}
Json DetailOf(const AuditEvent& event) {
  Json detail = Json::parse(event.detail, nullptr, false);
  return detail.is_object() ? detail : Json::object();
}

// "812 ms", "0.4 ms", "12 s"
std::string Took(int64_t ns) {
  if (ns >= 10 * kSecond) return FormatElapsed(ns);
  char text[32];
  const double ms = static_cast<double>(ns) / static_cast<double>(kMillisecond);
  std::snprintf(text, sizeof text, ms < 10 ? "%.1f ms" : "%.0f ms", ms);
  return text;
}

// A line of a block: eight letters of what it is about, then the text.
std::string Line(std::string_view what, const std::string& text) {
  std::string out = "  ";
  out += what;
  out.append(what.size() < 8 ? 8 - what.size() : 0, ' ');
  return out + " " + text + "\n";
}
std::string TimedLine(std::string_view what, int64_t ns, const std::string& text) {
  return Line(what, TimeOfDay(ns) + "  " + text);
}

std::string Header(const Chain& chain) {
  const Incident& incident = chain.incident;
  std::string out = "incident #" + std::to_string(incident.id) + "  " +
                    TargetName(incident.target) + "  " + std::string(ToString(incident.state)) +
                    "  " + std::string(ToString(incident.severity)) + "\n  " + incident.summary +
                    "\n  target " + incident.target.ToString() + "  trace " + incident.trace_id +
                    "\n  opened " + FormatTime(incident.opened_ns);
  if (incident.closed_ns != 0)
    out += ", closed after " +
           FormatElapsed(std::max<int64_t>(incident.closed_ns - incident.opened_ns, 0));
  if (incident.reopened != 0)
    out += ", began again " +
           (incident.reopened == 1 ? "once" : std::to_string(incident.reopened) + " times");
  out += "\n";
  const std::vector<remedy::Hint> hints = remedy::HintsOf(chain.events);
  if (!hints.empty()) out += "  likely causes\n";
  for (const remedy::Hint& hint : hints)
    out += "    " + TimeOfDay(hint.ts_ns) + "  " + hint.text + "\n";
  return out;
}

// ---- what was seen ------------------------------------------------------------------------------

// "0.04 s to 0.276 s", "at most 0.276 s"; empty where nothing is expected.
std::string Band(double low, double high, const std::string& unit) {
  if (std::isfinite(low) && std::isfinite(high))
    return FormatValue(low, unit) + " to " + FormatValue(high, unit);
  if (std::isfinite(high)) return "at most " + FormatValue(high, unit);
  return std::isfinite(low) ? "at least " + FormatValue(low, unit) : "";
}

std::string Samples(const Json& detail, const std::string& unit, double low, double high) {
  const auto recent = detail.find("recent");
  if (recent == detail.end() || !recent->is_array()) return "";
  const int64_t last_ns = Ns(detail, "sample_ts_ns");
  const int64_t step_ns = Ns(detail, "recent_step_ns");
  std::string out;
  for (size_t i = recent->size() - std::min(recent->size(), kSamplesShown); i < recent->size();
       ++i) {
    const auto back = static_cast<int64_t>(recent->size() - 1 - i);
    const bool timed = last_ns != 0 && (back == 0 || step_ns != 0);
    const double value = (*recent)[i].is_number() ? (*recent)[i].get<double>() : kUnknown;
    std::string text = timed ? TimeOfDay(last_ns - back * step_ns) : "            ";
    text += "  " + (std::isfinite(value) ? FormatValue(value, unit) : std::string("no value"));
    if (value > high) text += "  above what is expected";
    if (value < low) text += "  below what is expected";
    out += Line(out.empty() ? "samples" : "", text);
  }
  return out;
}

// One of the moments at which a finding opened, got worse or cleared.
std::string Seen(const AuditEvent& event) {
  const Json detail = DetailOf(event);
  const std::string unit = Field(detail, "unit");
  const double low = Number(detail, "expected_low");
  const double high = Number(detail, "expected_high");
  std::string out = "\n" + event.kind.substr(event.kind.find('.') + 1) + "  " +
                    TimeOfDay(event.ts_ns) + "  " + Field(detail, "text") + "\n";
  out += Line("found by", event.actor + ", finding " + event.subject);
  if (event.kind == "finding.cleared") return out;
  out += Samples(detail, unit, low, high);
  if (const std::string band = Band(low, high, unit); !band.empty()) out += Line("expected", band);
  char score[64];
  std::snprintf(score, sizeof score, "%.3g", Number(detail, "score"));
  out += Line("score", score);
  if (const int64_t began_ns = Ns(detail, "began_ns"); began_ns != 0)
    out += TimedLine("began", began_ns, "by the samples' time");
  return out;
}

// ---- what was decided and done ------------------------------------------------------------------

std::string Calls(const Json& detail) {
  const auto calls = detail.find("calls");
  std::string out;
  if (calls == detail.end() || !calls->is_array()) return out;
  for (const Json& call : *calls)
    out += TimedLine(
        "call", Ns(call, "at_ns"),
        Field(call, "call") + " -> " + Field(call, "answer") + " in " + Took(Ns(call, "took_ns")));
  return out;
}

// What people were asked and what they said, what was called, and what each step came to.
std::string Course(const Chain& chain, const Decision& decision) {
  std::string out;
  int64_t asked_ns = 0;
  for (const AuditEvent& event : chain.events) {
    if (event.subject != decision.id) continue;
    const Json detail = DetailOf(event);
    const size_t dot = event.kind.find('.');
    const std::string what = event.kind.substr(dot + 1);
    if (event.kind == "approval.asked") {
      asked_ns = event.ts_ns;
      const int64_t expires_ns = Ns(detail, "expires_ns");
      out += TimedLine("approval", event.ts_ns,
                       "asked" + (expires_ns == 0 ? "" : ", until " + TimeOfDay(expires_ns)));
    } else if (event.kind.starts_with("approval.")) {
      out += TimedLine(
          "approval", event.ts_ns,
          what + " by " + event.actor +
              (asked_ns == 0 || event.ts_ns < asked_ns
                   ? ""
                   : ", " + FormatElapsed(event.ts_ns - asked_ns) + " after it was asked"));
    } else if (!event.kind.starts_with("decision.") && what != "planned" && what != "issued") {
      out += Calls(detail);
      out += TimedLine(what, event.ts_ns, Field(detail, "text"));
    } else if (what == "issued") {
      const std::string part = Field(detail, "part");  // of a canary, and of an undo
      out += TimedLine(
          event.kind == "undo.issued" ? "undo" : what, event.ts_ns,
          "journaled; now it is called" + (part.empty() || part == "all" ? "" : " (" + part + ")"));
    }
  }
  return out;
}

// Whose word it was, by the trail, which can't be changed unseen.
std::string ActorText(const Chain& chain, const Decision& decision) {
  std::string actor;
  for (const AuditEvent& event : chain.events)
    if (event.subject == decision.id && event.kind != "execution.recovered" &&
        (event.kind.starts_with("decision.") || event.kind.starts_with("approval.") ||
         event.kind.starts_with("execution.")))
      actor = event.actor;
  if (actor.empty() || actor == decision.actor) return decision.actor;
  return actor + " (its record names " + decision.actor + ", unlike the audit trail)";
}

std::string Decided(const Chain& chain, const Decision& decision) {
  std::string out = "\ndecision " + decision.id + "  policy " + decision.policy + "  " +
                    std::string(ToString(decision.verdict)) + " (" +
                    std::string(ToString(decision.mode)) + (decision.dry_run ? ", dry run" : "") +
                    ")  by " + ActorText(chain, decision) + "  " + TimeOfDay(decision.ts_ns) + "\n";
  if (!decision.why.empty()) out += Line("because", decision.why);
  out += Line("action",
              decision.action + (decision.steps > 1 ? ", step " + std::to_string(decision.step) +
                                                          " of " + std::to_string(decision.steps)
                                                    : ""));
  if (!decision.plan.summary.empty())
    out += Line("plan", decision.plan.summary + (decision.plan.reversible ? " (reversible)" : ""));
  for (const GuardVerdict& guard : decision.guards)
    out += Line("guard",
                std::string(guard.allowed ? "ok   " : "NO   ") + guard.guard + ": " + guard.reason);
  out += Course(chain, decision);
  for (const Execution& e : chain.executions)
    if (e.decision == decision.id)
      out += Line("outcome",
                  std::string(ToString(e.state)) +
                      (e.progress.proof == Proof::kDidNotLast ? ", but it didn't last" : "") +
                      (e.detail.empty() ? "" : ": " + e.detail));
  return out;
}

// In the order in which they were written. Where the clock was set back in between that is said,
// and the time since the begin goes on.
std::string Timeline(const Chain& chain, int64_t began_ns) {
  const auto went_back = [](const AuditEvent& before, const AuditEvent& event) {
    return event.ts_ns < before.ts_ns - kSecond;
  };
  const std::vector<AuditEvent>& events = chain.events;
  if (std::adjacent_find(events.begin(), events.end(), went_back) != events.end())
    began_ns = events.front().ts_ns;
  std::string out = "\nall rows, by time\n";
  int64_t back_ns = 0;
  for (size_t i = 0; i < events.size(); ++i) {
    const AuditEvent& event = events[i];
    if (i > 0 && went_back(events[i - 1], event)) {
      const int64_t step_ns = events[i - 1].ts_ns - event.ts_ns;
      back_ns += step_ns;
      out += "              the clock was set back by about " + FormatElapsed(step_ns) + "\n";
    }
    char when[48];
    std::snprintf(when, sizeof when, "%s  %+8.2f s  ", TimeOfDay(event.ts_ns).c_str(),
                  static_cast<double>(event.ts_ns + back_ns - began_ns) / 1e9);
    const std::string text = Field(DetailOf(event), "text");
    char kind[32];
    std::snprintf(kind, sizeof kind, "%-22s ", event.kind.c_str());
    out += when + std::string(kind) + (text.empty() ? event.subject : text);
    if (event.actor != "heald") out += "  by " + event.actor;
    out += '\n';
  }
  return out;
}

}  // namespace

std::string ExplainText(const Chain& chain) {
  int64_t began_ns = chain.incident.opened_ns;
  for (const Finding& finding : chain.incident.findings)
    if (finding.began_ns != 0) began_ns = std::min(began_ns, finding.began_ns);
  std::string out = Header(chain);
  for (const AuditEvent& event : chain.events)
    if (event.kind == "finding.opened" || event.kind == "finding.raised" ||
        event.kind == "finding.cleared")
      out += Seen(event);
  for (const Decision& decision : chain.decisions) out += Decided(chain, decision);
  return out + Timeline(chain, began_ns);
}

}  // namespace heald::cli
