// Taking up what another process left. The target is asked what happened; nothing is replayed
// blindly, and nothing is done on the word of a finding that nobody has repeated.
#include <algorithm>
#include <limits>
#include <set>

#include "core/remedy/engine.h"
#include "core/remedy/text.h"

namespace heald::remedy {
namespace {

// So that the end of an orphan is seen before the deadline that waits for it.
constexpr int64_t kAfterOrphansNs = 2 * kSecond;
constexpr size_t kTouchedRead = 500;  // executions

bool WasWithdrawn(const Decision& decision) {
  return std::any_of(decision.guards.begin(), decision.guards.end(), [](const GuardVerdict& guard) {
    return guard.guard == "approval" && !guard.allowed;
  });
}

Verified VerifiedOf(const Execution& execution, const Chain& chain, const OpenIncident& open) {
  Verified verified;
  verified.execution = execution;
  for (const Decision& each : chain.decisions)
    if (each.id == execution.decision) verified.decision = each;
  for (const std::string& id : execution.progress.covered)
    if (const int index = open.Find(id); index >= 0)
      verified.covered.push_back(open.incident.findings[static_cast<size_t>(index)]);
  return verified;
}

// That it was asked about before, and taken back, is all that the journal tells of its blinking.
void NoteBlinking(OpenIncident& open, std::string_view policy, const Chain& chain) {
  for (const Decision& each : chain.decisions)
    if (each.policy == policy && WasWithdrawn(each))
      if (const int index = open.Find(open.PresentId(each.finding)); index >= 0)
        open.meta[static_cast<size_t>(index)].again = true;
}

// Whether people know that the policy is held off, since it last did or asked something.
bool WasToldHeldOff(const Chain& chain, const std::string& policy) {
  int64_t latest_ns = 0;
  for (const Decision& each : chain.decisions)
    if (each.policy == policy && each.verdict != DecisionVerdict::kRefused)
      latest_ns = std::max(latest_ns, each.ts_ns);
  return std::any_of(chain.events.begin(), chain.events.end(), [&](const AuditEvent& event) {
    return event.kind == "incident.held_off" && event.ts_ns > latest_ns &&
           Json::parse(event.detail, nullptr, false).value("policy", "") == policy;
  });
}

// Whether people know that it is silenced or muted. They hear of it when it no longer is.
void NoteTold(const Chain& chain, OpenIncident* open) {
  for (const AuditEvent& event : chain.events) {
    const Json detail = Json::parse(event.detail, nullptr, false);
    if (event.kind == "incident.silenced") open->told_silenced_by = detail.value("silence", "");
    if (event.kind == "incident.unsilenced") open->told_silenced_by.clear();
    if (event.kind == "incident.muted") open->told_muted_by = detail.value("by", uint64_t{0});
    if (event.kind == "incident.unmuted") open->told_muted_by = 0;
  }
}

// For finishing what a policy began that isn't in the file any more.
PolicyPtr PolicyOf(const Decision& decision) {
  auto policy = std::make_shared<Policy>();
  policy->spec.name = decision.policy;
  policy->spec.action = decision.action;
  policy->spec.mode = decision.mode;
  policy->spec.step = decision.step;
  policy->built_in = policy->notify_only = decision.action == "alert";
  return policy;
}

}  // namespace

// What was done to whom, for limits that count it under other labels as well.
Status Engine::ReadTouched() {
  const Result<Page<DecidedExecution>> page = deps_.store->Executions({0, kTouchedRead});
  if (!page) return page.error();
  for (const DecidedExecution& done : page->items) {
    OpenIncident about;
    about.incident.target = GroupTarget(done.decision.target, book_.group_by());
    about.target_key = done.execution.target_key;
    touched_.Note(done.execution, ClaimOf(about, done.decision.plan));
  }
  return {};
}

// As Succeed and Reopen have it; the state may tell of something else by now.
bool Engine::WasEscalated(const Chain& chain) const {
  bool escalated = false;
  bool began_again = false;
  for (const AuditEvent& event : chain.events) {
    if (event.kind == "incident.escalated") {
      escalated = true;
    } else if (event.kind == "incident.reopened") {
      escalated = false;
      began_again = true;
    } else if (event.kind == "execution.verified" && !began_again) {
      for (const Decision& each : chain.decisions)
        if (each.id == event.subject && !OnlyTells(each.action)) escalated = false;
    }
  }
  return escalated;
}

Status Engine::Restore() {
  const int64_t now_ns = deps_.clock->NowNs();
  Result<std::vector<Chain>> chains = deps_.store->Unfinished();
  if (!chains) return chains.error();
  for (Chain& chain : *chains) {
    IfSetBack().Apply(&chain);
    for (const Execution& each : chain.executions)
      last_issue_ = std::max(last_issue_, each.progress.number);
    if (chain.incident.closed_ns != 0) {
      RestoreUndos(chain, nullptr);
      continue;
    }
    OpenIncident& open = *book_.Restore(std::move(chain.incident), now_ns);
    if (open.incident.needed_person) open.escalated = WasEscalated(chain);
    NoteTold(chain, &open);
    std::set<std::string> policies;
    for (const Decision& decision : chain.decisions) {
      policies.insert(decision.policy);
      RememberAnswered(decision);
    }
    for (const std::string& policy : policies) RestoreRun(open, policy, chain);
    for (const uint64_t id : open.runs) {
      Run& run = *FindRun(id);
      run.told_held_off = WasToldHeldOff(chain, run.policy->spec.name);
    }
    RestoreUndos(chain, &open);
    for (const Finding& finding : open.incident.findings)
      if (finding.state != FindingState::kClear) EnsureRuns(open, finding);
    Schedule(open, now_ns);
  }
  return {};
}

void Engine::RestoreRun(OpenIncident& open, const std::string& name, const Chain& chain) {
  const Decision* latest = nullptr;  // that wasn't refused by a guard
  const Execution* execution = nullptr;
  uint32_t attempt = 0;  // the highest
  std::optional<Mode> denied;
  uint32_t refusals = 0;
  std::map<std::string, std::string, std::less<>> refused;
  for (const Decision& decision : chain.decisions) {
    if (decision.policy != name) continue;
    attempt = std::max(attempt, decision.attempt);
    if (WasDenied(decision)) denied = std::max(denied.value_or(decision.mode), decision.mode);
    const bool was_asked = WasWithdrawn(decision);
    if (decision.verdict == DecisionVerdict::kRefused && !was_asked) {
      ++refusals;
      for (const GuardVerdict& guard : decision.guards)
        if (!guard.allowed) refused[guard.guard] = guard.reason;
      if (decision.next_step == 0) continue;  // else the chain went on without it
    }
    if (latest == nullptr || decision.attempt >= latest->attempt) latest = &decision;
  }
  std::vector<Verified> verified;
  for (const Execution& each : chain.executions) {
    if (latest != nullptr && each.decision == latest->id) execution = &each;
    if (each.policy == name && !each.progress.covered.empty())
      verified.push_back(VerifiedOf(each, chain, open));
    if (each.policy == name && each.progress.denied_mode)
      denied = std::max(denied.value_or(Mode::kShadow), *each.progress.denied_mode);
  }
  PolicyPtr policy = policies_.Find(name, latest == nullptr ? 1 : latest->step);
  const bool unfinished = execution != nullptr && !IsFinished(execution->state);
  const bool retired = policy == nullptr;
  if (retired && latest == nullptr) {
    open.attempts[name] = attempt;
    return;
  }
  Run& run = AddRun(open, retired ? PolicyOf(*latest) : policy);
  run.retired = retired && unfinished;
  run.refusals = refusals;
  run.refused = std::move(refused);
  run.attempt = std::max(run.attempt, attempt);
  run.denied = denied;
  Schedule(run, deps_.clock->NowNs());
  if (latest == nullptr) return;
  run.decided = true;
  run.decision = *latest;
  run.decision.finding = open.PresentId(latest->finding);
  // What didn't last may have moved the chain on since.
  for (const Verified& each : verified)
    if (each.execution.progress.settled_ns >= latest->ts_ns &&
        each.decision.next_step > std::max(run.decision.next_step, run.decision.step))
      run.decision.next_step = each.decision.next_step;
  run.verified = std::move(verified);
  for (const Verified& each : run.verified)
    for (const Finding& finding : each.covered) LookAt(finding);
  if (!retired)
    if (const PolicyPtr with_its_action = WithAction(policy, latest->action))
      run.policy = with_its_action;
  if (unfinished) {
    if (execution->progress.rules) run.policy = WithRules(*run.policy, *execution->progress.rules);
    return RestoreExecution(run, open, *execution);
  }
  switch (latest->verdict) {
    case DecisionVerdict::kWouldAct:
      if (run.decision.next_step != 0) return NextAttempt(run);
      run.done_mode = Mode::kShadow;
      break;
    case DecisionVerdict::kAwaitsApproval:
      run.phase = Phase::kAwaiting;
      run.deadline_ns = latest->expires_ns != 0 ? latest->expires_ns
                                                : latest->ts_ns + ApprovalNs(run.policy->spec);
      awaiting_[latest->id] = run.id;
      NoteBlinking(open, name, chain);
      if (retired)
        Withdraw(run, open, "approval.withdrawn", "heald", "withdrawn: the policy was changed");
      return;
    default:
      if (execution != nullptr && execution->state == ExecutionState::kVerified &&
          execution->progress.proof == Proof::kPlain && !run.policy->notify_only)
        open.healed_by = latest->plan.summary;
      if (execution != nullptr && execution->progress.undo.open() &&
          execution->progress.undo.after_failure && execution->progress.undo.away_ns == 0) {
        run.execution = *execution;
        run.phase = Phase::kUndoing;
        return Schedule(run, INT64_MAX);
      }
      const bool final_word =
          execution != nullptr &&
          (execution->state == ExecutionState::kDryRun ||
           (execution->state == ExecutionState::kVerified && run.policy->notify_only));
      if (!final_word) return NextAttempt(run);
      run.done_mode = latest->mode;
      break;
  }
  run.phase = Phase::kDone;
  run.done_dry = latest->dry_run;
  if (run.done_mode != run.policy->spec.mode || run.done_dry != run.policy->dry_run)
    return NextAttempt(run);
}

void Engine::RestoreExecution(Run& run, OpenIncident& open, const Execution& execution) {
  const int64_t now_ns = deps_.clock->NowNs();
  const int64_t within_ns = run.policy->spec.verify_within_ns;
  run.execution = execution;
  run.recovered_ns = now_ns;
  run.observe_step_ns = options_.observe_min_ns;
  run.leased = true;
  if (!run.policy->notify_only && execution.progress.made_way_for.empty())
    leases_.Take(run.id, ClaimOf(open, run.decision.plan));
  if (const int index = open.Find(run.decision.finding); index >= 0)
    LookAt(open.incident.findings[static_cast<size_t>(index)]);
  ++running_[run.decision.policy];
  std::string what;
  switch (execution.state) {
    case ExecutionState::kPlanned:
      run.phase = Phase::kRevalidating;
      run.deadline_ns = now_ns + within_ns;
      what = "planned but never called: checking whether it is still right";
      break;
    case ExecutionState::kIssued:
      run.phase = Phase::kObserving;
      run.recovered = true;
      what = "may have been called: asking the target";
      break;
    case ExecutionState::kObserved:
      if (execution.progress.part == Part::kCanary) {
        run.phase = Phase::kObserving;
        run.recovered = true;
        what = "its canary was done: asking the target, then the check begins again";
        break;
      }
      [[fallthrough]];
    default:
      run.phase = Phase::kVerifying;
      run.deadline_ns =
          std::max(execution.observed_ns + within_ns,
                   now_ns + std::max(within_ns, options_.orphan_min_ns) + kAfterOrphansNs);
      what = "done: verifying";
      break;
  }
  RefreshState(open);
  Draft draft(Transition::kRecovered, now_ns, &open);
  draft.Add(open).Event("execution.recovered", "heald", run.decision.id,
                        run.decision.plan.summary + " after a restart of the agent: " + what,
                        {{"state", ToString(execution.state)}});
  CommitOrHold(&draft);
}

bool Engine::StillAllows(const Policy& policy, const Decision& decision) {
  return policy.spec.mode == Mode::kEnforce ||
         (policy.spec.mode == Mode::kApprove && decision.actor != "heald");
}

// The policy as the file has it now; a decision that it would not make any more fails.
bool Engine::StillTheRule(Run& run) {
  const PolicyPtr named = policies_.Find(run.decision.policy, run.decision.step);
  const PolicyPtr policy = named == nullptr ? nullptr : WithAction(named, run.decision.action);
  if (named == nullptr) {
    Fail(run, "no longer valid: the policy is gone or disabled", false);
    return false;
  }
  if (!StillAllows(*named, run.decision) || policy == nullptr ||
      policy->dry_run != run.decision.dry_run) {
    Fail(run, "no longer valid: the policy was changed", false);
    return false;
  }
  run.policy = policy;
  run.execution.progress.rules = RulesOf(*policy);
  return true;
}

// Journaled, not called: do it only if everything that spoke for it still does.
void Engine::Revalidate(Run& run) {
  OpenIncident& open = *book_.Find(run.incident);
  const int64_t now_ns = deps_.clock->NowNs();
  if (!StillTheRule(run)) return;
  const int index = open.Find(run.decision.finding);
  if (index < 0 || open.incident.findings[static_cast<size_t>(index)].state == FindingState::kClear)
    return Fail(run, "no longer needed: its finding has cleared", false);
  const Condition condition = Evaluate(run, open, static_cast<size_t>(index));
  if (MustWait(run)) return AwaitTurn(run);
  if (condition.verdict == Verdict::kTrue) return Replan(run, open);
  if (condition.verdict == Verdict::kFalse)
    return Fail(run, "no longer needed: " + condition.why, false);
  if (now_ns >= run.deadline_ns)
    return Fail(run, "could not be revalidated: " + condition.why, true);
  Schedule(run, std::min(run.deadline_ns, now_ns + options_.reevaluate_ns));
}

// ---- orphans: findings whose detector is gone, with its process or by a reload ----------------

void Engine::OnNodeGone(std::string_view node) {
  const int64_t now_ns = deps_.clock->NowNs();
  storm_.NodeGone(node);
  for (const auto& [id, open] : book_.all()) {
    bool any = false;
    for (size_t i = 0; i < open->meta.size(); ++i) {
      const Finding& finding = open->incident.findings[i];
      if (finding.node != node || finding.state == FindingState::kClear) continue;
      open->meta[i].orphan = any = true;
    }
    if (!any) continue;
    open->restored_ns = now_ns;
    Schedule(*open, now_ns + options_.reevaluate_ns);
  }
}

void Engine::CheckOrphans(OpenIncident& open) {
  const int64_t now_ns = deps_.clock->NowNs();
  const uint64_t id = open.incident.id;
  std::vector<Finding> cleared;
  for (size_t i = 0; i < open.meta.size(); ++i) {
    if (!open.meta[i].orphan) continue;
    std::string reason;
    if (!OrphanIsOver(open, i, &reason)) continue;
    open.meta[i].orphan = false;
    open.meta[i].cleared_ns = now_ns;
    Finding& finding = open.incident.findings[i];
    finding.state = FindingState::kClear;
    TakeFreshValue(&finding);
    const std::set<uint64_t> concerned = NoteFinding(open, i);
    Draft draft(Transition::kFinding, now_ns, &open);
    draft.Add(open, finding)
        .Event("finding.cleared", "heald", finding.id, Describe(finding) + ": " + reason,
               FindingDetail(finding))
        .Tell(NoticeKind::kFinding, finding.node);
    CommitOrHold(&draft);
    TellConcerned(concerned);
    cleared.push_back(finding);
  }
  if (open.AnyOrphan()) Schedule(open, now_ns + options_.reevaluate_ns);
  for (const Finding& finding : cleared) StepCovering(id, finding);
}

// The last word of its detector was about when it was sick; better no value than that one.
void Engine::TakeFreshValue(Finding* finding) const {
  const int64_t now_ns = deps_.clock->NowNs();
  const std::optional<double> value =
      deps_.latest->Lookup(finding->metric, finding->target, now_ns);
  finding->value = value.value_or(std::numeric_limits<double>::quiet_NaN());
  if (value)
    finding->ts_ns =
        std::max(finding->ts_ns, deps_.latest->LatestNs(finding->metric, finding->target));
  finding->summary.clear();
}

bool Engine::OrphanIsOver(const OpenIncident& open, size_t index, std::string* reason) const {
  const int64_t now_ns = deps_.clock->NowNs();
  const Finding& finding = open.incident.findings[index];
  int64_t wait_ns = options_.orphan_min_ns;
  bool by_samples = false;
  bool all_false = true;
  bool any_true = false;
  for (const uint64_t id : open.runs) {
    const Run& run = *runs_.at(id);
    const Policy& policy = *run.policy;
    if (!policy.Covers(finding) && run.decision.finding != finding.id) continue;
    wait_ns = std::max(wait_ns, policy.spec.verify_within_ns);
    // A condition that was never true of it says nothing about its end.
    if (!run.decided || policy.sample_names.empty()) continue;
    by_samples = true;
    const PolicyScope scope(policy, finding, *deps_.latest, now_ns);
    bool fresh = true;
    for (const std::string& name : policy.sample_names)
      fresh = fresh && scope.Lookup(name).has_value();
    const WhenAnswer answer = policy.spec.when.Evaluate(scope);
    all_false = all_false && fresh && answer.verdict == Verdict::kFalse;
    any_true = any_true || answer.verdict == Verdict::kTrue;
    if (all_false) *reason = "over by fresh samples: " + answer.why;
  }
  if (by_samples && all_false) return true;
  if (any_true) return false;
  if (by_samples) wait_ns = std::max(wait_ns, options_.orphan_max_ns);
  if (now_ns - open.restored_ns < wait_ns) return false;
  *reason = "not reported again for " + FormatElapsed(now_ns - open.restored_ns) +
            " since its detector began anew";
  return true;
}

}  // namespace heald::remedy
