// From a finding to a decision: the condition, its `for`, the plan, the mode. The guards: judge.cc.
#include <algorithm>
#include <utility>

#include "core/remedy/engine.h"
#include "core/remedy/hash.h"
#include "core/remedy/measures.h"
#include "core/remedy/text.h"

namespace heald::remedy {
namespace {

constexpr int64_t kMinPlanBackoffNs = 5 * kSecond;
constexpr int64_t kMaxPlanBackoffNs = 5 * kMinute;

// An anomaly goes before a prediction, the worse one before the lesser.
bool BetterTrigger(const Finding& a, const Finding& b) {
  const bool a_predicts = a.kind == FindingKind::kPrediction;
  const bool b_predicts = b.kind == FindingKind::kPrediction;
  if (a_predicts != b_predicts) return b_predicts;
  return a.severity > b.severity;
}

// The action says that it can't do this at all, not that it can't now.
bool IsImpossible(Code code) {
  return code == Code::kUnsupported || code == Code::kInvalid;
}

Hold& HoldOf(Run& run, const std::string& finding) {
  for (Hold& hold : run.holds)
    if (hold.finding == finding) return hold;
  return run.holds.emplace_back(Hold{finding, 0});
}

}  // namespace

Engine::Condition Engine::Evaluate(const Run& run, const OpenIncident& open, size_t index) const {
  const Finding& finding = open.incident.findings[index];
  const Policy& policy = *run.policy;
  Condition condition;
  if (open.meta[index].orphan && policy.sample_names.empty()) {
    condition.why = "not reported again since the restart";
    return condition;
  }
  const PolicyScope scope(policy, finding, *deps_.latest, deps_.clock->NowNs());
  WhenAnswer answer = policy.spec.when.Evaluate(scope);
  condition.verdict = answer.verdict;
  condition.why = std::move(answer.why);
  if (answer.verdict != Verdict::kInconclusive) return condition;
  for (const std::string& name : policy.spec.when.names()) {
    if (scope.Lookup(name)) continue;
    if (!condition.problem.empty()) condition.problem += ", ";
    condition.problem += NoFreshValue(*deps_.latest, name, finding.target, deps_.clock->NowNs());
  }
  if (condition.problem.empty())
    condition.problem = "the condition can't be decided: " + policy.spec.when.text();
  // Steps before were right to begin and nobody knows that they helped: people are told.
  if (policy.notify_only && policy.spec.step > 1) condition.verdict = Verdict::kTrue;
  return condition;
}

// The finding to act on, or -1. Keeps the holds; *next_due_ns becomes when to look again and
// *condition what was found of the trigger, or else why there is none.
int Engine::PickTrigger(Run& run, const OpenIncident& open, int64_t* next_due_ns,
                        Condition* condition) {
  const int64_t now_ns = deps_.clock->NowNs();
  const int64_t for_ns = run.policy->spec.guard.for_ns;
  const std::vector<Finding>& findings = open.incident.findings;
  int best = -1;
  condition->verdict = Verdict::kFalse;
  *next_due_ns = run.policy->periodic() ? now_ns + options_.reevaluate_ns : INT64_MAX;
  for (size_t i = 0; i < findings.size(); ++i) {
    if (findings[i].state == FindingState::kClear || !run.policy->Covers(findings[i])) {
      HoldOf(run, findings[i].id).since_ns = 0;
      continue;
    }
    Condition found = Evaluate(run, open, i);
    Hold& hold = HoldOf(run, findings[i].id);
    if (found.verdict != Verdict::kTrue) {
      hold.since_ns = 0;
      if (best < 0 && found.verdict == Verdict::kInconclusive) {
        *condition = std::move(found);
        condition->finding = i;
      }
      continue;
    }
    if (hold.since_ns == 0) hold.since_ns = now_ns;
    if (now_ns - hold.since_ns < for_ns) {
      *next_due_ns = std::min(*next_due_ns, hold.since_ns + for_ns);
      continue;
    }
    if (best >= 0) {
      // What may be acted on goes before what is left alone.
      const auto at = static_cast<size_t>(best);
      const bool quiet = open.meta[i].quiet();
      if (quiet != open.meta[at].quiet() ? quiet : !BetterTrigger(findings[i], findings[at]))
        continue;
    }
    best = static_cast<int>(i);
    *condition = std::move(found);
  }
  return best;
}

// While it is at something else. What is done may well be why nothing is measured: only what is known
// to be over ends a hold then.
void Engine::KeepHolds(Run& run) {
  const OpenIncident& open = *book_.Find(run.incident);
  const std::vector<Finding>& findings = open.incident.findings;
  for (size_t i = 0; i < findings.size(); ++i) {
    const bool may_hold =
        findings[i].state != FindingState::kClear && run.policy->Covers(findings[i]);
    const Verdict verdict = may_hold ? Evaluate(run, open, i).verdict : Verdict::kFalse;
    Hold& hold = HoldOf(run, findings[i].id);
    if (verdict == Verdict::kFalse) hold.since_ns = 0;
    if (verdict == Verdict::kTrue && hold.since_ns == 0) hold.since_ns = deps_.clock->NowNs();
  }
}

void Engine::Watch(Run& run, bool timer) {
  OpenIncident& open = *book_.Find(run.incident);
  const int64_t now_ns = deps_.clock->NowNs();
  int64_t next_due_ns = INT64_MAX;
  Condition condition;
  const int trigger = PickTrigger(run, open, &next_due_ns, &condition);
  if (trigger < 0) {
    run.held_off_ns = 0;
    const bool inconclusive =
        condition.verdict == Verdict::kInconclusive && !condition.problem.empty();
    if (!inconclusive) {
      run.inconclusive_ns = 0;
    } else if (run.inconclusive_ns == 0) {
      run.inconclusive_ns = now_ns;  // a sample may just be on its way
      next_due_ns = std::min(next_due_ns, now_ns + 2 * options_.reevaluate_ns);
    } else if (now_ns - run.inconclusive_ns >= 2 * options_.reevaluate_ns &&
               WithoutTimes(run.refused["fresh_data"]) !=
                   WithoutTimes("inconclusive: " + condition.problem)) {
      run.planned = false;
      run.decision = {};
      run.decision.why = condition.why;
      run.decision.finding = open.incident.findings[condition.finding].id;
      Judgement judgement =
          Judge(run, open, open.incident.findings[condition.finding], condition, 0, false);
      Refuse(run, open, std::move(judgement.verdicts), judgement.reason);
    }
    if (inconclusive) {
      TellStuck(run, open, false);
      const int64_t stuck_ns = run.inconclusive_ns + run.policy->spec.verify_within_ns;
      if (now_ns < stuck_ns) next_due_ns = std::min(next_due_ns, stuck_ns);
    }
    return Schedule(run, next_due_ns);
  }
  run.inconclusive_ns = 0;
  const Finding& finding = open.incident.findings[static_cast<size_t>(trigger)];
  if (PassOverShortLived(run, open, finding)) return;
  if (now_ns < run.retry_ns) return Schedule(run, std::min(next_due_ns, run.retry_ns));
  if (const PolicyPtr policy = policies_.Find(run.policy->spec.name, run.policy->spec.step))
    run.policy = AsFor(policy, finding);
  if (run.policy->dry_run && now_ns < run.dry_again_ns)
    return Schedule(run, std::min(next_due_ns, run.dry_again_ns));
  if (run.planned && run.decision.finding == finding.id &&
      run.decision.action == run.policy->spec.action) {
    // A guard refused this plan; the action is asked again only once none does any more.
    if (timer && now_ns < run.judged_until_ns)
      return Schedule(run, std::min(next_due_ns, run.judged_until_ns));
    Judgement judgement =
        Judge(run, open, finding, condition, now_ns - HoldOf(run, finding.id).since_ns);
    if (!judgement.allowed) return Refused(run, open, std::move(judgement), next_due_ns);
  }
  BeginPlan(run, open, finding);
}

ActionRequest Engine::RequestFor(const Run& run, const OpenIncident& open) const {
  return RequestFor(run.decision, open, run.execution.progress.part);
}

ActionRequest Engine::RequestFor(const Decision& decision, const OpenIncident& open,
                                 Part part) const {
  ActionRequest request;
  request.node = decision.action;
  request.decision = decision.id;
  request.policy = decision.policy;
  request.incident = open.Header();
  request.target = decision.target;
  if (const int index = open.Find(decision.finding); index >= 0)
    request.finding = open.incident.findings[static_cast<size_t>(index)];
  const NodeSpec* const node = spec_.FindNode(decision.action);
  request.deadline_ns =
      deps_.clock->NowNs() + (node != nullptr && node->deadline_given
                                  ? node->deadline_ns
                                  : options_.call_ns + decision.plan.effect_within_ns);
  request.part = part;
  return request;
}

void Engine::BeginPlan(Run& run, const OpenIncident& open, const Finding& finding) {
  const PolicySpec& spec = run.policy->spec;
  run.phase = Phase::kPlanning;
  run.planned = false;
  run.plan_asked = leases_.ended();
  Schedule(run, INT64_MAX);
  run.decision = {};
  run.decision.id =
      DecisionId(spec.name, open.target_key, spec.action, open.incident.trace_id, run.attempt);
  run.decision.policy = spec.name;
  run.decision.action = spec.action;
  run.decision.step = spec.step;
  run.decision.steps = run.policy->steps;
  run.decision.target = finding.target;
  run.decision.finding = finding.id;
  auto done = Reply(run, &Engine::OnPlanned);
  if (!run.policy->built_in) return deps_.gateway->Plan(RequestFor(run, open), std::move(done));
  Plan plan;
  plan.summary = "tell people about " + TargetName(open.incident.target);
  plan.reversible = true;
  done(std::move(plan));
}

void Engine::OnPlanned(Run& run, Result<Plan> plan) {
  OpenIncident& open = *book_.Find(run.incident);
  const int64_t now_ns = deps_.clock->NowNs();
  run.phase = Phase::kWatching;
  // Things may have changed while the action was thinking.
  int64_t next_due_ns = INT64_MAX;
  Condition condition;
  const int index = PickTrigger(run, open, &next_due_ns, &condition);
  if (index < 0 || open.incident.findings[static_cast<size_t>(index)].id != run.decision.finding)
    return Watch(run);
  const Finding& finding = open.incident.findings[static_cast<size_t>(index)];
  // A reload, or what the finding says now, may ask for another action.
  const PolicyPtr policy = policies_.Find(run.policy->spec.name, run.policy->spec.step);
  if (policy == nullptr || AsFor(policy, finding)->spec.action != run.decision.action)
    return Watch(run);
  // Another has changed it meanwhile, so it is made anew; once, as others may go on and on.
  if (leases_.EndedSince(run.plan_asked, ClaimOf(open, plan ? *plan : Plan{})) &&
      !std::exchange(run.plan_repeated, true))
    return Watch(run);
  run.plan_repeated = false;
  run.decision.why = condition.why;
  const int64_t since_ns = HoldOf(run, finding.id).since_ns;
  const int64_t held_ns = since_ns == 0 ? 0 : now_ns - since_ns;
  if (plan && run.policy->spec.canary.set && !plan->can_canary)
    plan = MakeError(Code::kUnsupported, plan->summary +
                                             " can't be done in part first, as its "
                                             "'canary' asks: its target has a single "
                                             "member, or the action takes all at once");
  if (!plan) {
    run.backoff_ns = std::clamp(run.backoff_ns * 2, kMinPlanBackoffNs, kMaxPlanBackoffNs);
    run.retry_ns = now_ns + std::max(plan.error().retry_after_ns, run.backoff_ns);
    Judgement judgement = Judge(run, open, finding, condition, held_ns, false);
    std::vector<GuardVerdict>& verdicts = judgement.verdicts;
    // What others do there now may be why.
    const bool impossible =
        IsImpossible(plan.error().code) &&
        std::none_of(verdicts.begin(), verdicts.end(), [](const GuardVerdict& verdict) {
          return verdict.guard == "one_at_a_time" && !verdict.allowed;
        });
    verdicts.push_back({"plan", false, plan.error().message});
    Refuse(run, open, std::move(verdicts), plan.error().message);
    if (judgement.round_until_ns == 0 && PassOver(run, open)) return;
    TellStuck(run, open, impossible);
    return Schedule(run, run.retry_ns);
  }
  run.backoff_ns = 0;
  run.planned = true;
  run.decision.plan = std::move(*plan);
  run.decision.plan.summary =
      TellingSummary(run.decision, open.incident.target, run.decision.plan.summary);
  run.decision.plan_hash = HashOf(run.decision);
  Judgement judgement = Judge(run, open, finding, condition, held_ns);
  if (!judgement.allowed) {
    const int64_t look_ns = run.policy->periodic() ? now_ns + options_.reevaluate_ns : INT64_MAX;
    return Refused(run, open, std::move(judgement), look_ns);
  }
  run.decision.guards = std::move(judgement.verdicts);
  Decide(run, open);
}

// Every guard agrees.
void Engine::Decide(Run& run, OpenIncident& open) {
  const int64_t now_ns = deps_.clock->NowNs();
  const PolicySpec& spec = run.policy->spec;
  Decision& decision = run.decision;
  decision.incident = open.incident.id;
  decision.trace_id = open.incident.trace_id;
  decision.mode = spec.mode;
  decision.dry_run = run.policy->dry_run;
  decision.actor = "heald";
  decision.ts_ns = now_ns;
  decision.attempt = run.attempt;
  const auto unwritten = [&] {
    if (journal_.contradicted()) return StopForDefect(run, open);
    run.retry_ns = now_ns + kJournalRetryNs;
    std::vector<GuardVerdict> verdicts = run.decision.guards;
    verdicts.push_back({"journal", false, kNoJournal});
    Refuse(run, open, std::move(verdicts), kNoJournal);
    Schedule(run, run.retry_ns);
  };

  if (spec.mode == Mode::kEnforce) {
    decision.verdict = DecisionVerdict::kAct;
    if (!JournalPlanned(run, open, "decision.act")) return unwritten();
    run.deadline_ns = now_ns + spec.verify_within_ns;
    if (decision.dry_run) return BeginDryRun(run, open);
    return Issue(run, open);
  }
  const bool asks = spec.mode == Mode::kApprove;
  // A step that only tells, in a chain that acts, leaves it to the next one.
  const bool passes =
      !asks && run.policy->chain_mode != Mode::kShadow && spec.step < decision.steps;
  decision.next_step = passes ? spec.step + 1 : 0;
  decision.verdict = asks ? DecisionVerdict::kAwaitsApproval : DecisionVerdict::kWouldAct;
  Draft draft(asks ? Transition::kAsked : Transition::kWouldAct, now_ns, &open);
  if (asks) decision.expires_ns = now_ns + ApprovalNs(spec);
  draft.Add(decision)
      .Event(asks ? "approval.asked" : "decision.would_act", "heald", decision.id,
             DecisionText(decision) + AheadText(run), GuardsDetail(decision))
      .Tell(NoticeKind::kDecision, spec.name);
  if (!Commit(&draft)) return unwritten();
  run.decided = true;
  if (decision.next_step != 0) return NextAttempt(run);
  if (!asks) return SayDone(run);
  run.phase = Phase::kAwaiting;
  run.deadline_ns = decision.expires_ns;
  awaiting_[decision.id] = run.id;
  Schedule(run, run.policy->periodic() ? now_ns + options_.reevaluate_ns : run.deadline_ns);
}

void Engine::SayDone(Run& run) {
  run.phase = Phase::kDone;
  run.done_mode = run.policy->spec.mode;
  run.done_dry = run.policy->dry_run;
  Schedule(run, INT64_MAX);
}

void Engine::StopForDefect(Run& run, OpenIncident& open) {
  ReleaseLeases(run);
  Draft draft(Transition::kFailed, deps_.clock->NowNs(), &open);
  Escalate(run.decision, open,
           run.decision.plan.summary + " is not done, and nothing more by policy " +
               run.decision.policy + ": its decision " + run.decision.id +
               " has ended already. That is a defect of heald, please report it",
           &draft);
  SayDone(run);
  RefreshState(open);
  draft.Add(open);
  CommitOrHold(&draft);
}

// Back to watching, under a new decision id and by the policy as it is now.
void Engine::NextAttempt(Run& run) {
  const uint32_t from = run.policy->spec.step;
  const uint32_t step = run.decision.next_step == 0 ? from : run.decision.next_step;
  const PolicyPtr policy = policies_.Find(run.policy->spec.name, step);
  ++run.attempt;
  run.planned = false;
  run.retry_ns = 0;
  run.backoff_ns = 0;
  run.recovered = false;
  run.told_held_off = false;
  run.decision = {};
  run.execution = {};
  run.retired = policy == nullptr;
  if (run.retired) {
    auto gone = std::make_shared<Policy>(*run.policy);
    gone->spec.step = step;
    run.policy = std::move(gone);
    return SayDone(run);
  }
  run.policy = policy;
  if (IsDenied(run)) return SayDone(run);
  run.phase = Phase::kWatching;
  if (step != from) {
    run.refused.clear();
    // Its own time begins with its turn.
    if (policy->spec.own.for_ns != 0) run.holds.clear();
  }
  Schedule(run, deps_.clock->NowNs());
}

}  // namespace heald::remedy
