#include "plugins/support/notice.h"

#include <algorithm>
#include <cmath>

#include "heald/unit.h"
#include "plugins/support/abi_text.h"
#include "plugins/support/record_json.h"
#include "plugins/support/words.h"

namespace heald::support {
namespace {

constexpr size_t kSparkWidth = 40;
constexpr size_t kOtherFindings = 4;

std::string Capital(std::string word) {
  if (!word.empty() && word[0] >= 'a' && word[0] <= 'z') word[0] = static_cast<char>(word[0] - 32);
  return word;
}

std::string StatusOf(const heald_notification& notice, bool awaits) {
  const uint32_t severity = SeverityOf(notice);
  if (notice.incident != nullptr) switch (notice.incident->state) {
      case HEALD_INCIDENT_RESOLVED:
        return "✅ Resolved";
      case HEALD_INCIDENT_ESCALATED:
        return "🚨 Needs a person";
      case HEALD_INCIDENT_ACTING:
        return "🔧 Repairing";
      case HEALD_INCIDENT_VERIFYING:
        return "🔎 Verifying";
      default:
        break;
    }
  if (awaits) return "✋ Awaits approval";
  if (notice.incident == nullptr && notice.finding != nullptr &&
      notice.finding->state == HEALD_FINDING_CLEAR)
    return "✅ Cleared";
  return std::string(SignOf(severity)) + " " + Capital(SeverityWord(severity));
}

std::string GuardsOf(const heald_decision& decision) {
  std::string out;
  for (uint64_t i = 0; i < decision.guard_count; ++i) {
    const heald_guard_verdict& guard = decision.guards[i];
    if (guard.allowed != 0) continue;
    if (!out.empty()) out += "; ";
    out += Shortened(Text(guard.guard), 100) + ": " + Shortened(Text(guard.reason), 250);
  }
  return out;
}

std::string DecisionStep(const heald_decision& decision) {
  std::string plan = Text(decision.plan->summary);
  if (plan.empty()) plan = Text(decision.action);
  plan = Shortened(plan, 200);
  switch (decision.verdict) {
    case HEALD_DECISION_ACT:
      if (IsOfPerson(decision)) plan += ", approved by " + Shortened(Text(decision.actor), 100);
      return decision.dry_run != 0 ? "🧪 dry run, nothing is changed: " + plan : "🔧 " + plan;
    case HEALD_DECISION_WOULD_ACT:
      return "👁 shadow mode, not done: " + plan;
    case HEALD_DECISION_AWAITS_APPROVAL:
      return "✋ awaits approval: " + plan;
    default: {
      const std::string why = GuardsOf(decision);
      return "⛔ not done: " + plan + (why.empty() ? "" : ". " + why);
    }
  }
}

std::string OutcomeStep(const heald_outcome& outcome) {
  const std::string detail = Shortened(Text(outcome.detail), 300);
  const auto with = [&](std::string_view word) {
    return std::string(word) + (detail.empty() ? "" : ": " + detail);
  };
  switch (outcome.state) {
    case HEALD_OUTCOME_OBSERVED:
      return with("⏱ done");
    case HEALD_OUTCOME_VERIFIED:
      return with("✅ verified");
    case HEALD_OUTCOME_FAILED:
      return with("❌ failed");
    case HEALD_OUTCOME_UNDONE:
      return with("↩️ undone");
    case HEALD_OUTCOME_DRY_RUN:
      return with("🧪 dry run");
    default:
      return {};
  }
}

// "incident #7  resolved: healed by …" without what the footer says.
std::string IncidentStep(const heald_notification& notice) {
  if (notice.incident->state != HEALD_INCIDENT_RESOLVED &&
      notice.incident->state != HEALD_INCIDENT_ESCALATED)
    return {};
  std::string text = Text(notice.text);
  const std::string prefix = "incident #" + std::to_string(notice.incident->id);
  if (text.starts_with(prefix)) text.erase(0, text.find_first_not_of(' ', prefix.size()));
  return (notice.incident->state == HEALD_INCIDENT_RESOLVED ? "✅ " : "🚨 ") + Shortened(text, 400);
}

void AddTime(std::vector<Fact>* facts, std::string_view name, int64_t ns) {
  if (ns != 0) facts->push_back({std::string(name), UtcText(ns), ns});
}

void AddText(std::vector<Fact>* facts, std::string_view name, std::string value) {
  if (!value.empty()) facts->push_back({std::string(name), std::move(value)});
}

}  // namespace

Event EventOf(const heald_notification& notice) {
  if (notice.kind == HEALD_NOTICE_OUTCOME && notice.outcome != nullptr)
    switch (notice.outcome->state) {
      case HEALD_OUTCOME_VERIFIED:
        return Event::kVerified;
      case HEALD_OUTCOME_FAILED:
        return Event::kFailed;
      case HEALD_OUTCOME_UNDONE:
        return Event::kUndone;
      case HEALD_OUTCOME_DRY_RUN:
        return Event::kDryRun;
      default:
        return Event::kActing;
    }
  if (notice.kind == HEALD_NOTICE_DECISION && notice.decision != nullptr)
    switch (notice.decision->verdict) {
      case HEALD_DECISION_ACT:
        return Event::kActing;
      case HEALD_DECISION_WOULD_ACT:
        return Event::kWouldAct;
      case HEALD_DECISION_AWAITS_APPROVAL:
        return Event::kAwaitingApproval;
      default:
        return Event::kRefused;
    }
  if (notice.kind == HEALD_NOTICE_INCIDENT && notice.incident != nullptr) {
    if (notice.incident->state == HEALD_INCIDENT_RESOLVED) return Event::kResolved;
    if (notice.incident->state == HEALD_INCIDENT_ESCALATED) return Event::kEscalated;
  }
  if (notice.finding != nullptr && notice.finding->state == HEALD_FINDING_CLEAR)
    return Event::kCleared;
  return Event::kOpened;
}

bool IsAmong(Event event, const std::vector<Event>& events) {
  return std::find(events.begin(), events.end(), event) != events.end();
}

std::string KeyOf(const heald_notification& notice) {
  if (notice.incident == nullptr)
    return notice.finding != nullptr ? "finding " + FindingId(*notice.finding)
                                     : "event " + Text(notice.event_id);
  const std::string trace = Text(notice.incident->trace_id);
  return trace.empty() ? "incident " + std::to_string(notice.incident->id) : trace;
}

std::string OnceOf(const heald_notification& notice) {
  const Event event = EventOf(notice);
  std::string once(kEventWords[static_cast<size_t>(event)]);
  if (event == Event::kOpened) return once;
  if (event == Event::kRefused || event == Event::kWouldAct)
    return once + " " + Text(notice.decision->policy);
  return {};
}

const heald_finding* FindingOf(const heald_notification& notice) {
  if (notice.finding != nullptr && notice.finding->state != HEALD_FINDING_CLEAR)
    return notice.finding;
  const heald_finding* worst = notice.finding;
  if (notice.incident == nullptr) return worst;
  for (uint64_t i = 0; i < notice.incident->finding_count; ++i) {
    const heald_finding& each = notice.incident->findings[i];
    const bool open = each.state != HEALD_FINDING_CLEAR;
    const bool worst_open = worst != nullptr && worst->state != HEALD_FINDING_CLEAR;
    if (worst == nullptr || (open && !worst_open) ||
        (open == worst_open && each.severity > worst->severity))
      worst = &each;
  }
  return worst;
}

std::string_view SignOf(uint32_t severity) {
  switch (severity) {
    case HEALD_SEVERITY_CRITICAL:
      return "🛑";
    case HEALD_SEVERITY_WARNING:
      return "⚠️";
    default:
      return "ℹ️";
  }
}

std::string TitleOf(const heald_notification& notice, bool awaits) {
  const heald_finding* finding = FindingOf(notice);
  std::string title = StatusOf(notice, awaits) + " · " + TargetName(TargetOf(notice));
  if (finding != nullptr && finding->metric.len != 0) title += " · " + Text(finding->metric);
  return title;
}

std::vector<Fact> FactsOf(const heald_notification& notice) {
  std::vector<Fact> facts;
  const heald_finding* finding = FindingOf(notice);
  if (finding == nullptr) return facts;
  const uint32_t severity = SeverityOf(notice);
  if (!std::isnan(finding->value))
    AddText(&facts, "Now", sdk::FormatValue(finding->value, Text(finding->unit)));
  AddText(&facts, "Expected", ExpectedText(*finding));
  AddText(&facts, "Severity", std::string(SignOf(severity)) + " " + SeverityWord(severity));
  AddTime(&facts, "Since",
          finding->began_ns != 0 || notice.incident == nullptr ? finding->began_ns
                                                               : notice.incident->opened_ns);
  if (finding->kind == HEALD_FINDING_PREDICTION) {
    if (!std::isnan(finding->probability))
      AddText(&facts, "Probability", sdk::FormatValue(finding->probability, "1"));
    AddTime(&facts, "Likely at", finding->eta_ns);
    AddText(&facts, "Component", Text(finding->component));
    AddText(&facts, "Recommended", Text(finding->recommended_action));
  }
  // One is the finding itself.
  if (finding->count > 1) AddText(&facts, "Events", std::to_string(finding->count));
  return facts;
}

Spark SparkOf(const heald_finding& finding) {
  Spark spark{Sparkline({finding.recent, finding.recent_count}, kSparkWidth), ""};
  if (spark.bars.empty()) return spark;
  spark.caption = Shortened(Text(finding.metric), 200);
  if (finding.recent_step_ns > 0) {
    const auto shown = std::min<uint64_t>(finding.recent_count, kSparkWidth) - 1;
    const double seconds =
        static_cast<double>(finding.recent_step_ns) * static_cast<double>(shown) / 1e9;
    spark.caption += seconds < 120 ? ", last " + sdk::FormatValue(seconds, "s")
                                   : ", last " + sdk::FormatValue(seconds / 60, "min");
  }
  return spark;
}

std::string OthersOf(const heald_notification& notice) {
  const heald_finding* shown = FindingOf(notice);
  const std::string shown_id = shown == nullptr ? "" : FindingId(*shown);
  std::string out;
  size_t left = 0;
  size_t listed = 0;
  for (uint64_t i = 0; notice.incident != nullptr && i < notice.incident->finding_count; ++i) {
    const heald_finding& each = notice.incident->findings[i];
    if (each.state == HEALD_FINDING_CLEAR || (shown != nullptr && FindingId(each) == shown_id))
      continue;
    if (listed == kOtherFindings) {
      ++left;
      continue;
    }
    out += listed++ == 0 ? "Also: " : ", ";
    out += Shortened(Text(each.metric) + " " + sdk::FormatValue(each.value, Text(each.unit)), 200);
  }
  if (left != 0) out += " and " + std::to_string(left) + " more";
  return out;
}

std::string StepOf(const heald_notification& notice) {
  if (notice.kind == HEALD_NOTICE_OUTCOME && notice.outcome != nullptr)
    return OutcomeStep(*notice.outcome);
  if (notice.kind == HEALD_NOTICE_DECISION && notice.decision != nullptr)
    return DecisionStep(*notice.decision);
  if (notice.kind == HEALD_NOTICE_INCIDENT && notice.incident != nullptr)
    return IncidentStep(notice);
  return {};
}

std::string FooterOf(const heald_notification& notice, std::string_view policy) {
  std::string out;
  const auto add = [&](const std::string& part) {
    if (!out.empty()) out += " · ";
    out += part;
  };
  if (notice.incident != nullptr) add("incident #" + std::to_string(notice.incident->id));
  if (!policy.empty()) add("policy " + std::string(policy));
  if (notice.incident != nullptr && notice.incident->trace_id.len != 0)
    add("trace " + Text(notice.incident->trace_id));
  if (out.empty()) add(Text(notice.node));
  return out;
}

std::string BodyOf(const heald_notification& notice) {
  std::string out;
  const auto add = [&](const std::string& line) {
    if (!line.empty()) out += (out.empty() ? "" : "\n") + line;
  };
  const heald_finding* finding = FindingOf(notice);
  add(finding == nullptr ? Text(notice.text) : Text(finding->summary));
  for (const Fact& fact : FactsOf(notice)) add(fact.name + ": " + fact.value);
  if (finding != nullptr)
    if (const Spark spark = SparkOf(*finding); !spark.bars.empty())
      add(spark.bars + "  " + spark.caption);
  add(OthersOf(notice));
  add(StepOf(notice));
  return out;
}

bool IsOfPerson(const heald_decision& decision) {
  const std::string actor = Text(decision.actor);
  return !actor.empty() && actor != "heald";
}

bool Blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

}  // namespace heald::support
