#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "core/cli/backtest.h"

namespace heald::cli {
namespace {

using namespace backtest;

constexpr size_t kIncidentsShown = 25;
constexpr size_t kEntitiesShown = 10;
constexpr size_t kLabelsShown = 40;

__attribute__((format(printf, 2, 3))) void Add(std::string* out, const char* format, ...) {
  char text[2048];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  *out += text;
}

using ull = unsigned long long;

std::string Clock(int64_t ns) {
  std::string text = FormatTime(ns).substr(0, 19);
  text[10] = ' ';
  return text;
}

std::string Took(int64_t ns) {
  return ns == 0 ? "-" : FormatElapsed(ns);
}

std::string Length(int64_t ns) {
  // A pretended call takes a moment of its own.
  return std::abs(ns) < kSecond ? "0 s" : FormatElapsed(ns);
}

// "12 of 40 (30 %)"
std::string Share(uint64_t part, uint64_t of) {
  if (of == 0) return "none";
  char text[64];
  std::snprintf(text, sizeof text, "%llu of %llu (%.0f %%)", ull{part}, ull{of},
                100.0 * static_cast<double>(part) / static_cast<double>(of));
  return text;
}

std::string Number(uint64_t count) {
  const std::string digits = std::to_string(count);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string Verb(const Act& act) {
  if (act.tells_only) return "would have told:";
  if (act.verdict == DecisionVerdict::kAwaitsApproval) return "would have asked for:";
  if (act.dry_run) return "would have tried (dry run):";
  return act.verdict == DecisionVerdict::kWouldAct ? "would have done (shadow):"
                                                   : "would have done:";
}

std::string AfterText(const BacktestResult& result, const Act& act) {
  const int64_t cleared_ns = ClearedAt(*result.run.ledger, act);
  if (cleared_ns != 0) return "cleared by itself " + Length(cleared_ns - act.ts_ns) + " later";
  const int64_t left_ns = result.run.span.to_ns - act.ts_ns;
  return "still bad " + FormatElapsed(left_ns) + " later, where history ends or loses sight of it";
}

void AddHead(const BacktestResult& result, std::string* out) {
  const backtest::Backtest& run = result.run;
  Add(out, "%s  %s to %s UTC (%s)\n", result.file.c_str(), Clock(run.span.from_ns).c_str(),
      Clock(run.span.to_ns).c_str(), FormatElapsed(run.span.to_ns - run.span.from_ns).c_str());
  Add(out, "  %s samples of %s series", Number(run.samples).c_str(), Number(run.series).c_str());
  if (run.learnt != 0)
    Add(out, ", %s before that to learn from (since %s)", Number(run.learnt).c_str(),
        Clock(run.span.begin_ns).c_str());
  Add(out, "; took %s\n", FormatElapsed(static_cast<int64_t>(run.seconds * 1e9)).c_str());
  for (const std::string& note : run.notes) *out += "  note: " + note + "\n";
}

void AddTotals(const BacktestResult& result, int64_t by_itself_ns, std::string* out) {
  const Summary& s = result.summary;
  Add(out, "\n  incidents         %s: %.1f a day; open for %s (median)",
      Number(s.incidents).c_str(), s.alerts_per_day, Took(s.median_open_ns).c_str());
  if (s.open_at_end != 0) Add(out, "; %llu still open at the end", ull{s.open_at_end});
  if (s.quiet != 0) Add(out, "; %llu more were muted by others", ull{s.quiet});
  Add(out, "\n  cleared by itself %s within %s: acting on these at once would have been needless\n",
      Share(s.by_itself, s.judged).c_str(), FormatDuration(by_itself_ns).c_str());
}

void AddDetectors(const BacktestResult& result, std::string* out) {
  Add(out, "\n  %-24s %9s %8s %9s %8s %9s  %s\n", "detector", "findings", "a day", "critical",
      "median", "open", "worst");
  for (const DetectorSummary& d : result.summary.detectors) {
    const auto critical = d.by_severity.find(Severity::kCritical);
    std::string worst = "-";
    if (d.worst != SIZE_MAX) {
      const FoundFinding& f = result.run.ledger->findings[d.worst];
      worst = std::string(f.target) + "  " + std::string(f.metric) + " " +
              FormatValue(f.value, f.unit) + " at " + Clock(f.told_ns);
    }
    Add(out, "  %-24s %9llu %8.1f %9llu %8s %9s  %s\n", d.name.c_str(), ull{d.findings}, d.per_day,
        ull{critical == d.by_severity.end() ? 0 : critical->second}, Took(d.median_ns).c_str(),
        Took(d.open_ns).c_str(), worst.c_str());
    if (d.predictions != 0)
      Add(out,
          "  %-24s predictions: %llu came true (median lead %s), %llu false alarms, %llu open\n",
          "", ull{d.came_true}, Took(d.median_lead_ns).c_str(), ull{d.false_alarms},
          ull{d.predictions - d.came_true - d.false_alarms});
  }
}

void AddPolicies(const BacktestResult& result, int64_t by_itself_ns, std::string* out) {
  if (result.summary.policies.empty()) return;
  Add(out, "\n  %-24s %-8s %8s %6s %6s %6s %8s  %s\n", "policy", "mode", "executed", "would", "ask",
      "told", "after", ("then, within " + FormatDuration(by_itself_ns)).c_str());
  for (const PolicySummary& p : result.summary.policies) {
    std::string then = "-";
    if (p.cleared + p.still_bad + p.unknown != 0)
      then = std::to_string(p.cleared) + " cleared by itself, " + std::to_string(p.still_bad) +
             " still bad" +
             (p.unknown == 0 ? "" : ", " + std::to_string(p.unknown) + " nobody knows");
    const std::string wait = then == "-" ? "-" : Length(p.median_wait_ns);
    Add(out, "  %-24s %-8s %8llu %6llu %6llu %6llu %8s  %s\n", p.name.c_str(),
        p.enabled ? std::string(ToString(p.mode)).c_str() : "off", ull{p.executed},
        ull{p.would_act}, ull{p.asked}, ull{p.told}, wait.c_str(), then.c_str());
    for (const auto& [guard, held] : p.held_back)
      Add(out, "  %-24s   held back %llu× by %s, such as: %s\n", "", ull{held.times}, guard.c_str(),
          held.example.c_str());
  }
}

void AddEntities(const BacktestResult& result, std::string* out) {
  const std::vector<EntitySummary>& entities = result.summary.entities;
  if (entities.empty()) return;
  Add(out, "\n  %-32s %9s %8s %5s %9s  %s\n", "where", "incidents", "findings", "acts", "open",
      "worst");
  for (size_t i = 0; i < std::min(entities.size(), kEntitiesShown); ++i) {
    const EntitySummary& e = entities[i];
    Add(out, "  %-32s %9llu %8llu %5llu %9s  %s\n", e.target.c_str(), ull{e.incidents},
        ull{e.findings}, ull{e.acts}, Took(e.open_ns).c_str(),
        std::string(ToString(e.worst)).c_str());
  }
  if (entities.size() > kEntitiesShown)
    Add(out, "  … and %zu more\n", entities.size() - kEntitiesShown);
}

void AddLabels(const BacktestResult& result, std::string* out) {
  if (!result.summary.labels) return;
  const LabelSummary& l = *result.summary.labels;
  Add(out, "\n  labels: found %s, %s after they began (median); incidents in one of them: %s\n",
      Share(l.found, l.windows.size()).c_str(), Length(l.median_delay_ns).c_str(),
      Share(l.incidents_in, l.incidents).c_str());
  for (size_t i = 0; i < std::min(l.windows.size(), kLabelsShown); ++i) {
    const LabelSummary::Of& of = l.windows[i];
    const std::string how = !of.found         ? "missed"
                            : of.delay_ns < 0 ? "incident #" + std::to_string(of.incident) + ", " +
                                                    Length(-of.delay_ns) + " before"
                                              : "incident #" + std::to_string(of.incident) + ", " +
                                                    Length(of.delay_ns) + " after its begin";
    Add(out, "    %s  %-20s %s\n", Clock(of.window.start_ns).c_str(), of.window.name.c_str(),
        how.c_str());
  }
}

void AddIncident(const BacktestResult& result, const SeenIncident& incident, std::string* out) {
  const Ledger& ledger = *result.run.ledger;
  Add(out, "    %s  #%llu  %s\n", Clock(incident.opened_ns).c_str(), ull{incident.id},
      incident.summary.c_str());
  std::string end = incident.closed_ns == 0
                        ? "still open at the end"
                        : "over after " + FormatElapsed(incident.closed_ns - incident.opened_ns);
  Add(out, "        began %s before; %zu finding%s; %s\n",
      Length(incident.opened_ns - incident.began_ns).c_str(), incident.findings.size(),
      incident.findings.size() == 1 ? "" : "s", end.c_str());
  constexpr size_t kActs = 3;
  for (size_t i = 0; i < std::min(incident.acts.size(), kActs); ++i) {
    const Act& act = ledger.acts[incident.acts[i]];
    Add(out, "        %s after it began: policy %s %s %s%s%s\n",
        Length(act.ts_ns - act.began_ns).c_str(), act.policy.c_str(), Verb(act).c_str(),
        act.plan.c_str(),
        act.tells_only ? "" : "; history: ", act.tells_only ? "" : AfterText(result, act).c_str());
  }
  if (incident.acts.size() > kActs)
    Add(out, "        … and %zu more times\n", incident.acts.size() - kActs);
}

void AddIncidents(const BacktestResult& result, const std::vector<size_t>& which,
                  std::string* out) {
  for (size_t i = 0; i < std::min(which.size(), kIncidentsShown); ++i)
    AddIncident(result, result.run.ledger->incidents[which[i]], out);
  if (which.size() > kIncidentsShown)
    Add(out, "    … and %zu more: --format json or --html tells them all\n",
        which.size() - kIncidentsShown);
}

std::vector<size_t> Told(const BacktestResult& result) {
  std::vector<size_t> told;
  for (size_t i = 0; i < result.run.ledger->incidents.size(); ++i)
    if (!result.run.ledger->incidents[i].quiet) told.push_back(i);
  return told;
}

std::string FileName(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

void AddComparison(const BacktestReport& report, std::string* out) {
  *out += "\nside by side\n";
  const auto row = [&](const char* what, auto value) {
    Add(out, "  %-34s", what);
    for (const BacktestResult& result : report.results)
      Add(out, " %22s", std::string(value(result)).c_str());
    *out += "\n";
  };
  const auto acts = [](const BacktestResult& result, auto count) {
    uint64_t sum = 0;
    for (const PolicySummary& p : result.summary.policies) sum += count(p);
    return std::to_string(sum);
  };
  row("", [](const auto& r) { return FileName(r.file); });
  row("incidents", [](const auto& r) { return std::to_string(r.summary.incidents); });
  row("a day", [](const auto& r) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", r.summary.alerts_per_day);
    return std::string(text);
  });
  row("cleared by itself",
      [](const auto& r) { return Share(r.summary.by_itself, r.summary.judged); });
  row("findings", [](const auto& r) { return std::to_string(r.run.ledger->findings.size()); });
  row("executed", [&](const auto& r) { return acts(r, [](const auto& p) { return p.executed; }); });
  row("would act",
      [&](const auto& r) { return acts(r, [](const auto& p) { return p.would_act; }); });
  row("asked for", [&](const auto& r) { return acts(r, [](const auto& p) { return p.asked; }); });
  row("acted on, still bad afterwards",
      [&](const auto& r) { return acts(r, [](const auto& p) { return p.still_bad; }); });
  if (report.results[0].summary.labels) {
    row("labels found", [](const auto& r) {
      return Share(r.summary.labels->found, r.summary.labels->windows.size());
    });
    row("median delay", [](const auto& r) { return Length(r.summary.labels->median_delay_ns); });
    row("incidents in a label", [](const auto& r) {
      return Share(r.summary.labels->incidents_in, r.summary.labels->incidents);
    });
  }
  for (const BacktestResult& one : report.results)
    for (const BacktestResult& other : report.results) {
      if (&one == &other) continue;
      const std::vector<size_t> only = OnlyIn(one.run, other.run);
      Add(out, "\n  %s, and not %s, sees %zu incident%s\n", FileName(one.file).c_str(),
          FileName(other.file).c_str(), only.size(), only.size() == 1 ? "" : "s");
      AddIncidents(one, only, out);
    }
}

}  // namespace

std::string BacktestText(const BacktestReport& report) {
  std::string out;
  for (const BacktestResult& result : report.results) {
    if (!out.empty()) out += "\n";
    AddHead(result, &out);
    AddTotals(result, report.by_itself_ns, &out);
    AddDetectors(result, &out);
    AddPolicies(result, report.by_itself_ns, &out);
    AddEntities(result, &out);
    AddLabels(result, &out);
    if (report.results.size() > 1) continue;
    out += "\n  incidents\n";
    AddIncidents(result, Told(result), &out);
  }
  if (report.results.size() > 1) AddComparison(report, &out);
  out +=
      "\nRecorded history doesn't change by what heald would have done: after an act it goes on as "
      "it did.\nWhat comes after the first act of an incident is what would happen if acting "
      "changed nothing.\n";
  return out;
}

}  // namespace heald::cli
