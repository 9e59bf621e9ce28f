// A part of the target first, then a look at what it does, then the rest. The rest is never done
// but right after a check that passed.
#include <algorithm>

#include "core/remedy/engine.h"
#include "core/remedy/measures.h"
#include "core/remedy/text.h"

namespace heald::remedy {
namespace {

constexpr int64_t kAgainNs = kSecond;

// "; payments latency_p99 1.84 s…", of the worst finding that the policy reads.
std::string WorstText(const Run& run, const OpenIncident& open) {
  const Finding* worst = nullptr;
  for (const Finding& finding : open.incident.findings)
    if (finding.state != FindingState::kClear && run.policy->Covers(finding) &&
        (worst == nullptr || finding.severity > worst->severity))
      worst = &finding;
  return worst == nullptr ? "" : "; " + Describe(*worst);
}

}  // namespace

Part Engine::NextPart(const Run& run) const {
  if (run.execution.progress.canary.state == CanaryState::kPassed) return Part::kRest;
  return run.policy->spec.canary.set ? Part::kCanary : Part::kAll;
}

Severity Engine::WorstCovered(const Run& run, const OpenIncident& open) {
  Severity worst = Severity::kNormal;
  for (const Finding& finding : open.incident.findings)
    if (finding.state != FindingState::kClear && run.policy->Covers(finding))
      worst = std::max(worst, finding.severity);
  return worst;
}

// The target shows the effect on the first part.
void Engine::CanaryShown(Run& run, OpenIncident& open, const std::string& detail) {
  const int64_t now_ns = deps_.clock->NowNs();
  Canary& canary = run.execution.progress.canary;
  run.execution.state = ExecutionState::kObserved;
  run.execution.observed_ns = now_ns;
  run.execution.detail = detail;
  if (canary.observed_ns == 0) canary.observed_ns = now_ns;
  Draft draft(Transition::kObserved, now_ns, &open);
  const CanarySpec& spec = run.policy->spec.canary;
  BeginCheck(run);
  draft.Add(open)
      .Add(run.execution)
      .Event("execution.observed", run.decision.actor, run.decision.id,
             run.decision.plan.summary + " … canary " + detail + "; watched for " +
                 FormatDuration(spec.for_ns),
             WithCalls({{"part", ToString(Part::kCanary)},
                        {"observe_calls", run.observe_calls},
                        {"reply", run.reply},
                        {"after_ns", now_ns - run.execution.issued_ns}},
                       run.calls, run.observed_calls))
      .Result(run.decision, OutcomeState::kObserved, "canary: " + detail)
      .Tell(NoticeKind::kOutcome, run.decision.policy);
  CommitOrHold(&draft);
  ForgetCalls(run);
  CheckCanary(run);
}

void Engine::BeginCheck(Run& run) {
  const int64_t now_ns = deps_.clock->NowNs();
  run.phase = Phase::kCanary;
  run.recovered = false;
  run.execution.progress.canary.state = CanaryState::kChecking;
  run.deadline_ns = now_ns + run.policy->spec.canary.within_ns;
  run.check_since_ns = 0;
  RefreshState(*book_.Find(run.incident));
}

Finding Engine::TriggerOf(const Run& run, const OpenIncident& open) {
  if (const int index = open.Find(run.decision.finding); index >= 0)
    return open.incident.findings[static_cast<size_t>(index)];
  Finding finding;
  finding.target = run.decision.target;
  return finding;
}

std::string Engine::WhyRestWaits(const Run& run, const OpenIncident& open) const {
  if (!switch_on_) return "automatic remediation was switched off by " + switch_actor_;
  if (spec_.agent.dry_run) return "agent.dry_run simulates every action";
  if (!run.policy->spec.canary.set) return "its check isn't known any more";
  const PolicyPtr policy = policies_.Find(run.decision.policy, run.decision.step);
  if (policy == nullptr) return "its policy is gone or disabled";
  if (!StillAllows(*policy, run.decision) || !policy->spec.canary.set ||
      HashOf(run.decision) != run.decision.plan_hash)
    return "its policy or action was changed since";
  return WhyHeldBack(open, TriggerOf(run, open), run.decision);
}

bool Engine::IsPaused(const Run& run, const OpenIncident& open) const {
  return !switch_on_ || !WhyHeldBack(open, TriggerOf(run, open), run.decision).empty();
}

WhenAnswer Engine::CanaryAnswer(const Run& run, const OpenIncident& open) const {
  if (std::string why = WhyRestWaits(run, open); !why.empty())
    return {Verdict::kInconclusive, std::move(why)};
  const Finding finding = TriggerOf(run, open);
  const PolicyScope scope(*run.policy, finding, *deps_.latest, deps_.clock->NowNs());
  WhenAnswer answer = run.policy->spec.canary.check.Evaluate(scope);
  if (answer.verdict != Verdict::kInconclusive) return answer;
  answer.why.clear();
  for (const std::string& name : run.policy->spec.canary.check.names())
    if (!scope.Lookup(name))
      answer.why += (answer.why.empty() ? "" : ", ") +
                    NoFreshValue(*deps_.latest, name, finding.target, deps_.clock->NowNs());
  if (answer.why.empty())
    answer.why = "its check can't be decided: " + run.policy->spec.canary.check.text();
  return answer;
}

void Engine::CheckCanary(Run& run) {
  OpenIncident& open = *book_.Find(run.incident);
  const int64_t now_ns = deps_.clock->NowNs();
  const CanarySpec& spec = run.policy->spec.canary;
  const Canary& canary = run.execution.progress.canary;
  if (const Severity worst = WorstCovered(run, open); worst > canary.severity)
    return FailCanary(run, "it got worse: " + std::string(ToString(canary.severity)) +
                               " before, now " + std::string(ToString(worst)) +
                               WorstText(run, open));
  const WhenAnswer answer = CanaryAnswer(run, open);
  // Time in which it couldn't go on doesn't count: it gets all of it anew.
  if (IsPaused(run, open)) run.deadline_ns = now_ns + spec.within_ns;
  if (run.check_since_ns == 0 || run.check != answer.verdict) {
    run.check = answer.verdict;
    run.check_since_ns = now_ns;
  }
  const int64_t held_ns = now_ns - run.check_since_ns;
  const bool settled = held_ns >= spec.for_ns;
  if (answer.verdict == Verdict::kTrue && settled) {
    static_cast<void>(PassCanary(run, open, "heald", answer.why));
    return;
  }
  if (answer.verdict == Verdict::kFalse && settled) return FailCanary(run, answer.why);
  if (now_ns >= run.deadline_ns)
    return FailCanary(run, "not decided within " + FormatDuration(spec.within_ns) + ": " +
                               (answer.why.empty() ? "no finding got worse" : answer.why));
  const bool inconclusive = answer.verdict == Verdict::kInconclusive;
  // A sample may just be on its way.
  if (inconclusive && held_ns >= 2 * options_.reevaluate_ns) {
    if (canary.state != CanaryState::kHeld ||
        WithoutTimes(canary.detail) != WithoutTimes(answer.why))
      TellCanary(run, open, CanaryState::kHeld, answer.why);
  } else if (!inconclusive && canary.state == CanaryState::kHeld) {
    TellCanary(run, open, CanaryState::kChecking, answer.why);
  }
  const int64_t look_ns = now_ns + options_.reevaluate_ns;
  Schedule(run,
           std::min({run.deadline_ns, look_ns,
                     run.check_since_ns + spec.for_ns > now_ns ? run.check_since_ns + spec.for_ns
                                                               : look_ns}));
}

void Engine::TellCanary(Run& run, OpenIncident& open, CanaryState state, const std::string& why) {
  Canary& canary = run.execution.progress.canary;
  const bool held = state == CanaryState::kHeld;
  canary.state = state;
  canary.detail = why;
  Draft draft(Transition::kCanary, deps_.clock->NowNs(), &open);
  const std::string what = "the canary of " + run.decision.plan.summary;
  const int64_t within_ns = run.policy->spec.canary.within_ns;
  const std::string has_until =
      IsPaused(run, open)
          ? "; when that is over it goes on, and has " + FormatDuration(within_ns) + " for it"
          : "; it goes on when that is over, and has failed at " +
                FormatTime(run.deadline_ns).substr(11, 8) + " UTC";
  const std::string id = run.decision.id.substr(0, kShortId);
  const std::string answers =
      WhyRestWaits(run, open).empty()
          ? "`heald approve " + id + "` does the rest, `heald deny " + id + "` cancels it"
          : "`heald deny " + id + "` cancels the rest";
  draft.Add(run.execution)
      .Event(held ? "canary.held" : "canary.resumed", "heald", run.decision.id,
             "incident #" + std::to_string(open.incident.id) + "  " +
                 (held ? what + " is held: " + why + has_until + "; " + answers
                       : what + " goes on: " + why),
             {{"policy", run.decision.policy}})
      .Tell(NoticeKind::kIncident);
  CommitOrHold(&draft);
}

bool Engine::PassCanary(Run& run, OpenIncident& open, std::string_view actor,
                        const std::string& why) {
  const int64_t now_ns = deps_.clock->NowNs();
  if (MustWait(run)) {
    Schedule(run, now_ns + kAgainNs);
    return false;
  }
  const Canary before = run.execution.progress.canary;
  Canary& canary = run.execution.progress.canary;
  canary.state = CanaryState::kPassed;
  canary.decided_ns = now_ns;
  canary.detail = why;
  Draft draft(Transition::kCanary, now_ns, &open);
  draft.Add(run.execution)
      .Event("canary.passed", actor, run.decision.id,
             "canary passed, now the rest: " + run.decision.plan.summary +
                 (why.empty() ? "" : ": " + why),
             {{"policy", run.decision.policy}});
  if (!Commit(&draft)) {
    canary = before;
    Schedule(run, now_ns + kAgainNs);
    return false;
  }
  Issue(run, open);
  return true;
}

void Engine::FailCanary(Run& run, const std::string& why, Proof proof) {
  Canary& canary = run.execution.progress.canary;
  canary.state = CanaryState::kFailed;
  canary.decided_ns = deps_.clock->NowNs();
  canary.detail = why;
  Fail(run, "canary: " + why, true, proof);
}

// ---- what a person says of it -------------------------------------------------------------------

std::vector<Decision> Engine::HeldCanaries() const {
  std::vector<Decision> held;
  for (const auto& [id, run] : runs_) {
    const Canary& canary = run->execution.progress.canary;
    if (run->phase != Phase::kCanary || canary.state != CanaryState::kHeld) continue;
    Decision& decision = held.emplace_back(run->decision);
    decision.why = "its canary is held: " + canary.detail;
    // What people or a storm hold has all of its time when they are done.
    const OpenIncident& open = *book_.all().at(run->incident);
    const bool paused = IsPaused(*run, open);
    decision.expires_ns = paused ? 0 : run->deadline_ns;
  }
  return held;
}

// By its id, or how that begins.
Run* Engine::CanaryRun(std::string_view decision) {
  if (decision.size() < kShortId) return nullptr;
  for (auto& [id, run] : runs_)
    if (run->phase == Phase::kCanary && run->decision.id.starts_with(decision)) return run.get();
  return nullptr;
}

Status Engine::AnswerCanary(Run& run, bool go_on, std::string_view actor, const Answer& answer) {
  OpenIncident& open = *book_.Find(run.incident);
  if (Status status = SamePlan(run.decision, answer); !status) return status;
  const std::string who = WhoText(actor, answer.via);
  if (!go_on) {
    RememberAnswered(run.decision, "the rest was cancelled by " + who);
    run.decision.actor = actor;
    run.decision.via = answer.via;
    run.decision.guards.push_back({"approval", false, "denied by " + who});
    const PolicyPtr policy = policies_.Find(run.decision.policy, run.decision.step);
    run.denied = policy == nullptr ? run.decision.mode : policy->spec.mode;
    run.execution.progress.denied_mode = run.denied;
    FailCanary(run, "the rest was cancelled by " + who, Proof::kCancelled);
    return {};
  }
  if (const std::string why = WhyRestWaits(run, open); !why.empty())
    return MakeError(Code::kConflict, "not done: " + why + "; its canary is still looked at");
  const std::string seen = run.execution.progress.canary.detail;
  if (!PassCanary(run, open, actor,
                  "by the word of " + who + (seen.empty() ? "" : ", when " + seen)))
    return MakeError(Code::kUnavailable,
                     "not done: the journal can't be written, or the action is busy with another "
                     "target; its canary is still looked at");
  RememberAnswered(run.decision, "the rest was let go on by " + who);
  return {};
}

}  // namespace heald::remedy
