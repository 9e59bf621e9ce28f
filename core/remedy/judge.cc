// What the guards say of a plan: all that they look at, gathered; and what is said of a refusal.
#include <algorithm>

#include "core/remedy/engine.h"
#include "core/remedy/hash.h"
#include "core/remedy/measures.h"
#include "core/remedy/text.h"

namespace heald::remedy {
namespace {

constexpr int64_t kStormRetryNs = 10 * kSecond;
constexpr int64_t kFailuresNs = 7 * kDay;  // older ones say nothing about now
// What refuses and doesn't say for how long is asked again this seldom while only time passes.
constexpr int64_t kJudgeAgainNs = 30 * kSecond;

}  // namespace

Judgement Engine::Judge(const Run& run, const OpenIncident& open, const Finding& finding,
                        const Condition& condition, int64_t held_ns, bool planned) {
  const int64_t now_ns = deps_.clock->NowNs();
  const PolicySpec& spec = run.policy->spec;
  GuardContext context{*run.policy, open.incident, finding, run.decision.plan};
  context.planned = planned;
  context.now_ns = now_ns;
  context.held_ns = held_ns;
  context.condition = condition.verdict;
  context.condition_problem = condition.problem;
  if (condition.problem.empty() && condition.verdict == Verdict::kInconclusive)
    context.condition_problem = condition.why;
  if (run.blind_since_ns != 0 && !ToldSince(finding, run.blind_since_ns)) {
    context.condition = Verdict::kInconclusive;
    context.condition_problem = "no fresh value of " + finding.metric + " since the last action, " +
                                "and that was inconclusive";
  }
  context.switch_on = switch_on_;
  context.switch_actor = switch_actor_;
  if (storm_.on()) {
    context.storm = StormText() + " (incident #" + std::to_string(storm_incident_) + ")";
    context.storm_until_ns = std::max(storm_.until_ns(), now_ns + kStormRetryNs);
  }
  context.silence = SilenceOf(open, finding, spec.name);
  if (const int index = open.Find(finding.id); index >= 0)
    context.muted_by = open.meta[static_cast<size_t>(index)].muted_by;
  LookAtOthers(run, open, finding, &context);
  context.self = self_.Find(open.incident.target, finding, run.decision.plan);
  CountTargets(run, open, &context);

  Result<StoreReader::Issues> issues = IssuesOf(run, open, 0, &context.also_on);
  Result<StoreReader::Issues> step_issues = StoreReader::Issues();
  if (spec.own.cooldown_ns != 0 || spec.own.max_per_hour != 0)
    step_issues = IssuesOf(run, open, spec.step, &context.also_on);
  Result<std::vector<int64_t>> failures = std::vector<int64_t>();
  if (spec.guard.breaker.failures != 0)
    failures = journal_.FailuresInRow(spec.name, open.target_key, now_ns - kFailuresNs, spec.step);
  context.journal_read = issues.ok() && step_issues.ok() && failures.ok();
  if (context.journal_read) {
    context.issues = std::move(*issues);
    context.step_issues = std::move(*step_issues);
    context.failures_ns = std::move(*failures);
    for (int64_t& ns : context.failures_ns) ns = IfSetBack().Of(ns);
    std::sort(context.failures_ns.begin(), context.failures_ns.end());
  }
  Judgement judgement = JudgeAll(context);
  if (context.journal_read && journal_.may_act()) return judgement;
  judgement.allowed = false;
  judgement.retry_ns = now_ns + kJournalRetryNs;
  judgement.reason = kNoJournal;
  judgement.verdicts.push_back({"journal", false, judgement.reason});
  if (!issues) deps_.sink->OnProblem(issues.error());
  return judgement;
}

void Engine::CountTargets(const Run& run, const OpenIncident& open, GuardContext* context) const {
  const Policy& policy = *run.policy;
  const auto running = running_.find(policy.spec.name);
  context->targets_running = running == running_.end() ? 0 : running->second;
  if (!run.leased) ++context->targets_running;
  std::function<bool(const std::string&)> healthy;  // one by one is dear where there are many
  if (policy.spec.guard.min_healthy.set)
    healthy = [&](const std::string& target) {
      const OpenIncident* other = book_.OfTarget(target);
      return target != open.target_key && (other == nullptr || !other->Unhealthy());
    };
  const LatestSamples::Census census =
      deps_.latest->Count(policy.population, open.target_key, healthy);
  context->targets_known = census.known;
  context->targets_healthy = census.yes;
  // A target may be too ill to be measured.
  if (census.known != 0 && !census.has) ++context->targets_known;
}

// Of the target and of what names the same member under other labels. The same execution once more,
// its call never having arrived, doesn't count against itself.
Result<StoreReader::Issues> Engine::IssuesOf(const Run& run, const OpenIncident& open,
                                             uint32_t step, std::string* whose) {
  const std::string& policy = run.policy->spec.name;
  const int64_t since_ns = deps_.clock->NowNs() - kHour;
  Result<StoreReader::Issues> issues =
      journal_.IssuesSince(policy, open.target_key, since_ns, step);
  if (!issues) return issues;
  const auto set_back = [past = IfSetBack()](StoreReader::Issues* of) {
    for (int64_t& ns : of->times_ns) ns = past.Of(ns);
    std::sort(of->times_ns.begin(), of->times_ns.end());
    of->last_ns = of->times_ns.empty() ? past.Of(of->last_ns) : of->times_ns.back();
  };
  set_back(&*issues);
  if (run.execution.issued_ns != 0) {
    std::erase(issues->times_ns, run.execution.issued_ns);
    if (issues->last_ns == run.execution.issued_ns)
      issues->last_ns = issues->times_ns.empty() ? 0 : issues->times_ns.back();
  }
  if (run.policy->notify_only) return issues;
  std::string other;
  StoreReader::Issues more =
      touched_.Of(policy, step, ClaimOf(open, run.decision.plan), since_ns, &other);
  set_back(&more);
  if (more.last_ns > issues->last_ns) *whose = other;
  issues->last_ns = std::max(issues->last_ns, more.last_ns);
  issues->times_ns.insert(issues->times_ns.end(), more.times_ns.begin(), more.times_ns.end());
  std::sort(issues->times_ns.begin(), issues->times_ns.end());
  return issues;
}

// Refuses a plan, to be looked at again when time may have changed the answer.
void Engine::Refused(Run& run, const OpenIncident& open, Judgement judgement, int64_t look_ns) {
  const int64_t now_ns = deps_.clock->NowNs();
  const bool passes_over = run.policy->spec.skip_refused && judgement.round_until_ns != 0;
  if (passes_over) judgement.retry_ns = std::min(judgement.retry_ns, judgement.round_until_ns);
  run.judged_until_ns = std::min(judgement.retry_ns, now_ns + kJudgeAgainNs);
  NoteHeldOff(run, open, judgement);
  Refuse(run, open, std::move(judgement.verdicts), judgement.reason);
  OpenIncident& own = *book_.Find(run.incident);
  if (judgement.round_until_ns == 0 && PassOver(run, own)) return;
  TellStuck(run, own, false);
  Schedule(run, std::max(now_ns + 1, std::min(look_ns, judgement.retry_ns)));
}

void Engine::Refuse(Run& run, const OpenIncident& open, std::vector<GuardVerdict> verdicts,
                    std::string_view reason) {
  bool is_new = false;
  for (const GuardVerdict& verdict : verdicts) {
    if (verdict.allowed) continue;
    std::string& recorded = run.refused[verdict.guard];
    is_new = is_new || WithoutTimes(recorded) != WithoutTimes(verdict.reason);
    recorded = verdict.reason;
    if (verdict.guard == "targets") waiting_.Add(run.policy->spec.name, run.id);
  }
  if (!is_new) return;
  const PolicySpec& spec = run.policy->spec;
  Decision refusal = run.decision;
  refusal.id = DecisionId(spec.name, open.target_key, spec.action, open.incident.trace_id,
                          run.attempt, ++run.refusals);
  refusal.incident = open.incident.id;
  refusal.trace_id = open.incident.trace_id;
  refusal.verdict = DecisionVerdict::kRefused;
  refusal.mode = spec.mode;
  refusal.dry_run = run.policy->dry_run;
  refusal.policy = spec.name;
  refusal.action = spec.action;
  refusal.step = spec.step;
  refusal.steps = run.policy->steps;
  refusal.actor = "heald";
  if (refusal.target.empty()) refusal.target = open.incident.target;
  refusal.guards = std::move(verdicts);
  refusal.ts_ns = deps_.clock->NowNs();
  refusal.attempt = run.attempt;
  Draft draft(Transition::kRefused, refusal.ts_ns, &open);
  draft.Add(refusal)
      .Event("decision.refused", "heald", refusal.id, RefusalText(refusal, reason),
             GuardsDetail(refusal))
      .Tell(NoticeKind::kDecision, spec.name);
  CommitOrHold(&draft);
  run.refusal = std::move(refusal);
}

}  // namespace heald::remedy
