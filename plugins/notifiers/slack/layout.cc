#include "plugins/notifiers/slack/layout.h"

#include <algorithm>
#include <cmath>

#include "heald/unit.h"
#include "plugins/notifiers/slack/escape.h"
#include "plugins/support/record_json.h"
#include "plugins/support/words.h"

namespace heald::slack {
namespace {

constexpr size_t kSparkWidth = 40;
constexpr size_t kOtherFindings = 4;
constexpr size_t kLinkBytes = 500;
constexpr std::string_view kTimeForm = "{time_secs}";
constexpr std::string_view kDateForm = "{date_short_pretty} {time_secs}";

std::string Text(heald_str text) {
  return text.len == 0 ? std::string() : std::string(text.ptr, text.len);
}

bool Blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

std::string Capital(std::string word) {
  if (!word.empty() && word[0] >= 'a' && word[0] <= 'z') word[0] = static_cast<char>(word[0] - 32);
  return word;
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

// The finding that the message is about: the event's own, or the worst that is still open, or any.
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

std::string StatusOf(const heald_notification& notice, const Story& story) {
  const uint32_t severity = support::SeverityOf(notice);
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
  if (story.awaits_approval) return "✋ Awaits approval";
  if (notice.incident == nullptr && notice.finding != nullptr &&
      notice.finding->state == HEALD_FINDING_CLEAR)
    return "✅ Cleared";
  return std::string(SignOf(severity)) + " " + Capital(support::SeverityWord(severity));
}

std::string TitleOf(const heald_notification& notice, const Story& story,
                    const heald_finding* finding) {
  std::string title =
      StatusOf(notice, story) + " · " + support::TargetName(support::TargetOf(notice));
  if (finding != nullptr && finding->metric.len != 0) title += " · " + Text(finding->metric);
  return title;
}

Json Markdown(std::string text) {
  return {{"type", "mrkdwn"}, {"text", std::move(text)}};
}

Json Section(std::string text) {
  return {{"type", "section"}, {"text", Markdown(std::move(text))}};
}

void AddField(Json* fields, std::string_view name, const std::string& value) {
  if (value.empty()) return;
  fields->push_back(Markdown("*" + std::string(name) + "*\n" + value));
}

std::string Percent(double part) {
  return std::isnan(part) ? "" : sdk::FormatValue(part, "1");
}

Json FieldsOf(const heald_finding& finding, uint32_t severity, int64_t began_ns) {
  const auto escaped = [](const std::string& text) { return Escape(text, kFieldLimit - 50); };
  Json fields = Json::array();
  const std::string unit = Text(finding.unit);
  if (!std::isnan(finding.value))
    AddField(&fields, "Now", escaped(sdk::FormatValue(finding.value, unit)));
  AddField(&fields, "Expected", escaped(support::ExpectedText(finding)));
  AddField(&fields, "Severity",
           std::string(SignOf(severity)) + " " + support::SeverityWord(severity));
  if (began_ns != 0) AddField(&fields, "Since", Date(began_ns, kDateForm));
  if (finding.kind == HEALD_FINDING_PREDICTION) {
    AddField(&fields, "Probability", Percent(finding.probability));
    if (finding.eta_ns != 0) AddField(&fields, "Likely at", Date(finding.eta_ns, kDateForm));
    AddField(&fields, "Component", escaped(Text(finding.component)));
    AddField(&fields, "Recommended", escaped(Text(finding.recommended_action)));
  }
  if (finding.count != 0) AddField(&fields, "Events", std::to_string(finding.count));
  return fields;
}

std::string SparklineOf(const heald_finding& finding) {
  const std::string bars = support::Sparkline({finding.recent, finding.recent_count}, kSparkWidth);
  if (bars.empty()) return {};
  std::string out = "`" + bars + "`  " + Escape(Text(finding.metric), 200);
  if (finding.recent_step_ns > 0) {
    const auto shown = std::min<uint64_t>(finding.recent_count, kSparkWidth) - 1;
    const double seconds =
        static_cast<double>(finding.recent_step_ns) * static_cast<double>(shown) / 1e9;
    out += seconds < 120 ? ", last " + sdk::FormatValue(seconds, "s")
                         : ", last " + sdk::FormatValue(seconds / 60, "min");
  }
  return out;
}

// What else is wrong in this incident.
std::string OthersOf(const heald_notification& notice, const heald_finding* shown) {
  std::string out;
  size_t left = 0;
  size_t listed = 0;
  for (uint64_t i = 0; notice.incident != nullptr && i < notice.incident->finding_count; ++i) {
    const heald_finding& each = notice.incident->findings[i];
    if (each.state == HEALD_FINDING_CLEAR || (shown != nullptr && each.id == shown->id)) continue;
    if (listed == kOtherFindings) {
      ++left;
      continue;
    }
    out += listed++ == 0 ? "Also: " : ", ";
    out += Escape(Text(each.metric) + " " + sdk::FormatValue(each.value, Text(each.unit)), 200);
  }
  if (left != 0) out += " and " + std::to_string(left) + " more";
  return out;
}

// The latest ones that fit.
std::string StepsOf(const Story& story) {
  size_t first = story.steps.size();
  size_t used = 40;
  while (first > 0 && used + story.steps[first - 1].size() + 1 <= kTextLimit)
    used += story.steps[--first].size() + 1;
  std::string out;
  if (const uint64_t earlier = first + story.dropped_steps; earlier != 0)
    out = "_… and " + std::to_string(earlier) + " earlier_";
  for (; first < story.steps.size(); ++first) {
    if (!out.empty()) out += '\n';
    out += story.steps[first];
  }
  return out;
}

std::string FooterOf(const heald_notification& notice, const Story& story) {
  std::string out;
  const auto add = [&](const std::string& part) {
    if (!out.empty()) out += " · ";
    out += part;
  };
  if (notice.incident != nullptr) add("incident #" + std::to_string(notice.incident->id));
  if (!story.policy.empty()) add("policy " + story.policy);
  if (notice.incident != nullptr && notice.incident->trace_id.len != 0)
    add("trace " + Text(notice.incident->trace_id));
  if (out.empty()) add(Text(notice.node));
  return out;
}

std::string GuardsOf(const heald_decision& decision) {
  std::string out;
  for (uint64_t i = 0; i < decision.guard_count; ++i) {
    const heald_guard_verdict& guard = decision.guards[i];
    if (guard.allowed != 0) continue;
    if (!out.empty()) out += "; ";
    out += "*" + Escape(Text(guard.guard), 100) + "*: " + Escape(Text(guard.reason), 250);
  }
  return out;
}

std::string DecisionStep(const heald_notification& notice) {
  const heald_decision& decision = *notice.decision;
  std::string plan = Text(decision.plan.summary);
  if (plan.empty()) plan = Text(decision.action);
  plan = Escape(plan, 200);
  const std::string actor = Text(decision.actor);
  switch (decision.verdict) {
    case HEALD_DECISION_ACT:
      if (!actor.empty() && actor != "heald") plan += ", approved by " + Escape(actor, 100);
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
  const std::string detail = Escape(Text(outcome.detail), 300);
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
  return (notice.incident->state == HEALD_INCIDENT_RESOLVED ? "✅ " : "🚨 ") + Escape(text, 400);
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

std::string StepOf(const heald_notification& notice) {
  std::string step;
  if (notice.kind == HEALD_NOTICE_OUTCOME && notice.outcome != nullptr)
    step = OutcomeStep(*notice.outcome);
  else if (notice.kind == HEALD_NOTICE_DECISION && notice.decision != nullptr)
    step = DecisionStep(notice);
  else if (notice.kind == HEALD_NOTICE_INCIDENT && notice.incident != nullptr)
    step = IncidentStep(notice);
  return step.empty() ? step : Date(notice.ts_ns, kTimeForm) + "  " + step;
}

Json MessageOf(const heald_notification& notice, const Story& story, const Config& written,
               const Config& filled) {
  const Templates& own = filled.templates;
  const heald_finding* finding = FindingOf(notice);
  const std::string title = Blank(own.title) ? TitleOf(notice, story, finding) : own.title;
  Json blocks = Json::array();
  blocks.push_back(
      {{"type", "header"},
       {"text", {{"type", "plain_text"}, {"text", Escape(title, kHeaderLimit)}, {"emoji", true}}}});
  if (!Blank(own.text))
    blocks.push_back(
        Section(Escape(own.text, kTextLimit, MarkupOf(written.templates.text, filled.link))));
  else if (finding != nullptr && finding->summary.len != 0)
    blocks.push_back(Section(Escape(Text(finding->summary), kTextLimit)));
  else if (finding == nullptr)
    blocks.push_back(Section(Escape(Text(notice.text), kTextLimit)));
  if (finding != nullptr) {
    blocks.push_back({{"type", "section"},
                      {"fields", FieldsOf(*finding, support::SeverityOf(notice),
                                          finding->began_ns != 0 || notice.incident == nullptr
                                              ? finding->began_ns
                                              : notice.incident->opened_ns)}});
    if (std::string line = SparklineOf(*finding); !line.empty())
      blocks.push_back(Section(std::move(line)));
  }
  if (std::string others = OthersOf(notice, finding); !others.empty())
    blocks.push_back(Section(std::move(others)));
  if (std::string steps = StepsOf(story); !steps.empty())
    blocks.push_back(Section(std::move(steps)));
  const bool answered_by_link = story.awaits_approval && !Blank(story.approval_link) &&
                                story.approval_link.size() <= kLinkBytes;
  if (answered_by_link)
    blocks.push_back(Section(
        "*" +
        Link(story.approval_link,
             Escape(Blank(story.approval_words) ? "Approve or deny" : story.approval_words, 200)) +
        "*"));
  if (!Blank(filled.link)) {
    std::string words = "Open in heald";
    if (notice.incident != nullptr)
      words = (story.awaits_approval && !answered_by_link ? "Approve or deny, incident #"
                                                          : "Open incident #") +
              std::to_string(notice.incident->id);
    // Half an address would lead nowhere.
    blocks.push_back(Section(Link(filled.link.size() <= kLinkBytes ? filled.link : "", words)));
  }
  const std::string footer = Blank(own.footer) ? FooterOf(notice, story) : own.footer;
  blocks.push_back(
      {{"type", "context"},
       {"elements",
        {Markdown(Escape(footer, 1000, MarkupOf(written.templates.footer, filled.link)))}}});

  std::string text = own.notification;
  if (Blank(text)) text = title + ": " + Text(notice.text);
  return {{"text", Escape(text, kTextLimit)}, {"blocks", std::move(blocks)}};
}

}  // namespace heald::slack
