#include "core/remedy/text.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "core/remedy/guards.h"
#include "core/remedy/measures.h"

namespace heald::remedy {
namespace {

constexpr size_t kSamplesKept = 20;

// What a reader wants to know before an action; the rest is in `heald explain`.
std::string GuardsText(const Decision& decision) {
  std::string out;
  for (const GuardVerdict& guard : decision.guards) {
    if (guard.guard != "cooldown" && guard.guard != "max_per_hour" && guard.guard != "targets")
      continue;
    if (!out.empty()) out += ", ";
    out += guard.reason;
  }
  return out;
}

// Whether `word` stands in it by itself.
bool HasWord(std::string_view text, std::string_view word) {
  const auto joins = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || !joins(text[at - 1])) && (end == text.size() || !joins(text[end]))) return true;
  }
  return false;
}

// Without what contains "://": an address names the server that is asked, not what it acts on.
std::string WithoutUrls(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    if (word.find("://") == std::string_view::npos) out.append(word) += ' ';
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  return out;
}

}  // namespace

std::string TellingSummary(const Decision& decision, const Labels& about, std::string summary) {
  const std::string words = WithoutUrls(summary);
  const std::vector<Labels::Pair>& labels = decision.target.pairs();
  const bool tells = std::any_of(labels.begin(), labels.end(),
                                 [&](const auto& label) { return HasWord(words, label.second); });
  if (tells || labels.empty()) return summary;
  return decision.action + " on " + TargetName(about) + ": " + summary;
}

std::string StepText(const Decision& decision) {
  if (decision.steps <= 1) return {};
  return " (step " + std::to_string(decision.step) + " of " + std::to_string(decision.steps) + ")";
}

std::string WhoText(std::string_view actor, std::string_view via) {
  std::string out(actor);
  if (!via.empty() && via != "link") out += " (" + std::string(via) + ")";
  return out;
}

std::string DecisionText(const Decision& decision) {
  std::string out = "incident #" + std::to_string(decision.incident) + "  policy " +
                    decision.policy + StepText(decision) + " -> " + decision.plan.summary;
  if (decision.verdict == DecisionVerdict::kWouldAct) out += "  (shadow: not done)";
  if (decision.verdict == DecisionVerdict::kAwaitsApproval)
    out += "  awaits approval until " + ClockText(decision.expires_ns) + " (heald approve " +
           decision.id.substr(0, kShortId) + ")";
  if (decision.dry_run) out += "  (dry run)";
  if (decision.actor != "heald") out += "  approved by " + WhoText(decision.actor, decision.via);
  return out + "  guards: " + GuardsText(decision);
}

std::string RefusalText(const Decision& decision, std::string_view reason) {
  std::string what = decision.plan.summary;
  if (what.empty()) what = decision.action + " by policy " + decision.policy;
  what += StepText(decision);
  return "incident #" + std::to_string(decision.incident) + "  not done: " + what + ": " +
         std::string(reason);
}

std::string ValueText(const Finding& finding) {
  std::string out = TargetName(finding.target) + " " + finding.metric;
  if (finding.value == finding.value) out += " " + FormatValue(finding.value, finding.unit);
  return out;
}

Json FindingDetail(const Finding& finding) {
  Json detail = {{"severity", ToString(finding.severity)},
                 {"state", ToString(finding.state)},
                 {"metric", finding.metric},
                 {"unit", finding.unit},
                 {"score", finding.score},
                 {"began_ns", finding.began_ns},
                 {"sample_ts_ns", finding.ts_ns},
                 {"node", finding.node}};
  const auto known = [&](const char* name, double value) {
    if (std::isfinite(value)) detail[name] = value;
  };
  known("value", finding.value);
  known("expected_low", finding.expected_low);
  known("expected_high", finding.expected_high);
  // The record itself goes on to show the latest state; what was seen at this moment stays here.
  const size_t first = finding.recent.size() - std::min(finding.recent.size(), kSamplesKept);
  for (size_t i = first; i < finding.recent.size(); ++i)
    detail["recent"].push_back(std::isfinite(finding.recent[i]) ? Json(finding.recent[i]) : Json());
  if (finding.recent_step_ns != 0) detail["recent_step_ns"] = finding.recent_step_ns;
  return detail;
}

Json GuardsDetail(const Decision& decision) {
  Json guards = Json::array();
  for (const GuardVerdict& guard : decision.guards)
    guards.push_back(
        {{"guard", guard.guard}, {"allowed", guard.allowed}, {"reason", guard.reason}});
  Json detail = {{"policy", decision.policy},
                 {"action", decision.action},
                 {"mode", ToString(decision.mode)},
                 {"verdict", ToString(decision.verdict)},
                 {"why", decision.why},
                 {"plan", decision.plan.summary},
                 {"plan_hash", decision.plan_hash},
                 {"dry_run", decision.dry_run},
                 {"step", decision.step},
                 {"steps", decision.steps},
                 {"guards", std::move(guards)}};
  if (decision.expires_ns != 0) detail["expires_ns"] = decision.expires_ns;
  if (!decision.via.empty()) detail["via"] = decision.via;
  return detail;
}

Json WithCalls(Json detail, const std::vector<Call>& calls, const std::vector<Call>& more) {
  for (const std::vector<Call>* part : {&calls, &more})
    for (const Call& call : *part) detail["calls"].push_back(ToJson(call));
  return detail;
}

const std::vector<Call>& CallsOf(const Result<Effect>& effect) {
  return effect ? effect->calls : effect.error().calls;
}

}  // namespace heald::remedy
