// People's yes and no. A yes holds for one decision, once, until it expires, and only while what
// would be done is what was shown.
#include <algorithm>

#include "core/remedy/engine.h"
#include "core/remedy/hash.h"
#include "core/remedy/measures.h"
#include "core/remedy/text.h"

namespace heald::remedy {
namespace {

constexpr size_t kAnsweredKept = 1000;
constexpr size_t kHashShown = 12;

// What differs, for people.
std::string Difference(const Plan& was, const Plan& now) {
  std::string out;
  const auto add = [&](const std::string& part) { out += (out.empty() ? "" : "; ") + part; };
  if (was.target_uid != now.target_uid)
    add("the target is another one: it was " + was.target_uid + ", it is " + now.target_uid);
  if (was.summary != now.summary)
    add("it was '" + was.summary + "', it would be '" + now.summary + "'");
  if (was.reversible != now.reversible)
    add(now.reversible ? "it can be undone now" : "it can't be undone any more");
  if (was.before != now.before) add("the target was changed in between");
  return out.empty() ? "the action plans otherwise" : out;
}

// The latest.
const GuardVerdict* Refusal(const Decision& decision) {
  for (const GuardVerdict& guard : decision.guards)
    if (guard.guard == "approval" && !guard.allowed) return &guard;
  return nullptr;
}

}  // namespace

bool Engine::WasDenied(const Decision& decision) {
  const GuardVerdict* refusal = Refusal(decision);
  return refusal != nullptr && refusal->reason.starts_with("denied");
}

bool Engine::IsDenied(const Run& run) {
  return run.denied && run.policy->spec.mode <= *run.denied;
}

int64_t Engine::ApprovalNs(const PolicySpec& policy) const {
  return policy.approval_expires_ns != 0 ? policy.approval_expires_ns
                                         : spec_.agent.approval_expires_ns;
}

// Of what the policy is for, beside the finding of that index. Members that have the same in turn
// are asked about one after the other.
bool Engine::AnotherIsWrong(const Run& run, const OpenIncident& open, size_t index) const {
  for (size_t i = 0; i < open.incident.findings.size(); ++i) {
    const Finding& finding = open.incident.findings[i];
    const bool in_turn = open.meta[i].again && SameFault(finding, open.incident.findings[index]);
    if (i != index && !in_turn && finding.state != FindingState::kClear &&
        run.policy->Covers(finding) && Evaluate(run, open, i).verdict == Verdict::kTrue)
      return true;
  }
  return false;
}

void Engine::CheckAwaiting(Run& run) {
  OpenIncident& open = *book_.Find(run.incident);
  const int64_t now_ns = deps_.clock->NowNs();
  if (now_ns >= run.deadline_ns)
    return Withdraw(run, open, "approval.expired", "heald",
                    "nobody answered within " +
                        FormatDuration(run.deadline_ns - run.decision.ts_ns) +
                        ": it has expired at " + ClockText(run.deadline_ns));
  int64_t deadline_ns = run.deadline_ns;
  if (HashOf(run.decision) != run.decision.plan_hash)
    return Withdraw(run, open, "approval.withdrawn", "heald",
                    "withdrawn: the config of action '" + run.decision.action +
                        "' has changed since it was asked for");
  const int found = open.Find(run.decision.finding);
  const size_t index = found < 0 ? 0 : static_cast<size_t>(found);
  const bool clear = found < 0 || open.incident.findings[index].state == FindingState::kClear;
  const Condition condition = clear ? Condition() : Evaluate(run, open, index);
  if (clear || condition.verdict == Verdict::kFalse) {
    // One that blinks is asked about once, and can be answered whenever that is wrong again.
    const int64_t quiet_ns = found < 0 ? 0 : QuietAtNs(open, index);
    if (now_ns >= quiet_ns || AnotherIsWrong(run, open, index))
      return Withdraw(run, open, "approval.withdrawn", "heald",
                      clear ? "withdrawn: its finding has cleared"
                            : "withdrawn: the condition is no longer true: " + condition.why);
    deadline_ns = std::min(deadline_ns, quiet_ns);
  }
  if (run.policy->periodic()) deadline_ns = std::min(deadline_ns, now_ns + options_.reevaluate_ns);
  Schedule(run, deadline_ns);
}

void Engine::Withdraw(Run& run, OpenIncident& open, std::string_view kind, std::string_view actor,
                      const std::string& reason) {
  awaiting_.erase(run.decision.id);
  RememberAnswered(run.decision, reason);
  run.decision.verdict = DecisionVerdict::kRefused;
  run.decision.actor = actor;
  run.decision.guards.push_back({"approval", false, reason});
  Json detail = {{"policy", run.decision.policy}, {"plan_hash", run.decision.plan_hash}};
  if (!run.decision.via.empty()) detail["via"] = run.decision.via;
  Draft draft(Transition::kWithdrawn, deps_.clock->NowNs(), &open);
  draft.Add(run.decision)
      .Event(kind, actor, run.decision.id, RefusalText(run.decision, reason), std::move(detail))
      .Tell(NoticeKind::kDecision, run.decision.policy);
  CommitOrHold(&draft);
  NextAttempt(run);
}

void Engine::RememberAnswered(const Decision& decision, std::string what) {
  answered_.push_back({decision.id, decision.incident, decision.policy, std::move(what)});
  if (answered_.size() > kAnsweredKept) answered_.pop_front();
}

// Of one in the journal.
void Engine::RememberAnswered(const Decision& decision) {
  if (const GuardVerdict* refusal = Refusal(decision))
    RememberAnswered(decision, refusal->reason);
  else if (decision.verdict == DecisionVerdict::kAct && !decision.via.empty())
    RememberAnswered(decision, "approved by " + WhoText(decision.actor, decision.via));
}

Error Engine::WhyNotAwaiting(std::string_view decision) const {
  std::string text = "no decision " + std::string(decision) + " awaits approval: ";
  const auto over = std::find_if(answered_.rbegin(), answered_.rend(), [&](const Answered& each) {
    return decision.size() >= kShortId && each.decision.starts_with(decision);
  });
  if (over == answered_.rend())
    return MakeError(Code::kNotFound, text +
                                          "it was used, withdrawn or has expired; `heald explain` "
                                          "shows what became of it");
  text += over->what;
  for (const auto& [id, run] : awaiting_)
    if (const Decision& again = runs_.at(run)->decision;
        again.incident == over->incident && again.policy == over->policy)
      text += "; it is asked again as " + id + ": " + again.plan.summary;
  return MakeError(Code::kConflict, text);
}

Result<Decision> Engine::Awaiting(std::string_view decision) const {
  const auto asked = awaiting_.find(std::string(decision));
  if (asked == awaiting_.end()) return WhyNotAwaiting(decision);
  return runs_.at(asked->second)->decision;
}

Status Engine::SamePlan(const Decision& waits, const Answer& answer) {
  if (answer.plan_hash.empty() || answer.plan_hash == waits.plan_hash) return {};
  return MakeError(
      Code::kConflict,
      "not done: the plan that you saw (" + std::string(answer.plan_hash.substr(0, kHashShown)) +
          ") is not the one that waits: " + waits.plan.summary + " on " + TargetName(waits.target) +
          " (" + waits.plan_hash.substr(0, kHashShown) + "); look at it and answer again");
}

Result<Run*> Engine::AwaitingRun(std::string_view decision, const Answer& answer) {
  const auto asked = awaiting_.find(std::string(decision));
  Run* run = asked == awaiting_.end() ? nullptr : FindRun(asked->second);
  if (run != nullptr) CheckAwaiting(*run);
  if (run == nullptr || run->phase != Phase::kAwaiting) {
    for (const auto& [id, each] : runs_)
      if (decision.size() >= kShortId && each->decision.id.starts_with(decision) &&
          each->execution.progress.canary.state == CanaryState::kRunning)
        return MakeError(Code::kConflict, "not yet: the first part of " +
                                              each->decision.plan.summary +
                                              " is being done; answer once it is looked at");
    return WhyNotAwaiting(decision);
  }
  if (Status status = SamePlan(run->decision, answer); !status) return status.error();
  return run;
}

Status Engine::Approve(std::string_view decision, std::string_view actor, const Answer& answer) {
  const Entry entry(this);
  if (Run* run = CanaryRun(decision)) return AnswerCanary(*run, true, actor, answer);
  const Result<Run*> waiting = AwaitingRun(decision, answer);
  if (!waiting) return waiting.error();
  Run& run = **waiting;
  OpenIncident& open = *book_.Find(run.incident);
  const size_t index = static_cast<size_t>(open.Find(run.decision.finding));
  const Finding& finding = open.incident.findings[index];
  if (finding.state == FindingState::kClear)
    return MakeError(Code::kConflict, "not done: nothing is wrong at the moment (" +
                                          Describe(finding) + "); it still awaits approval");
  Judgement judgement =
      Judge(run, open, finding, Evaluate(run, open, index), run.policy->spec.guard.for_ns);
  if (!judgement.allowed) {
    Draft draft(Transition::kRefused, deps_.clock->NowNs(), &open);
    draft.Event("approval.refused", actor, run.decision.id,
                RefusalText(run.decision, "approved by " + WhoText(actor, answer.via) + ", but " +
                                              judgement.reason),
                {{"policy", run.decision.policy}, {"via", answer.via}});
    CommitOrHold(&draft);
    return MakeError(Code::kConflict,
                     "not done: " + judgement.reason + "; it still awaits approval");
  }
  const Decision asked = run.decision;
  run.decision.verdict = DecisionVerdict::kAct;
  run.decision.actor = actor;
  run.decision.via = answer.via;
  run.decision.guards = std::move(judgement.verdicts);
  if (!JournalPlanned(run, open, "approval.given")) {
    run.decision = asked;
    return MakeError(Code::kUnavailable,
                     "not done: the journal can't be written; it still awaits approval");
  }
  awaiting_.erase(asked.id);  // single use
  RememberAnswered(run.decision);
  run.deadline_ns = deps_.clock->NowNs() + run.policy->spec.verify_within_ns;
  Replan(run, open);
  return {};
}

Status Engine::Deny(std::string_view decision, std::string_view actor, const Answer& answer) {
  const Entry entry(this);
  if (Run* run = CanaryRun(decision)) return AnswerCanary(*run, false, actor, answer);
  if (UndoTask* task = AwayUndo(decision)) return LeaveAsItIs(*task, actor, answer);
  const Result<Run*> waiting = AwaitingRun(decision, answer);
  if (!waiting) return waiting.error();
  Run& run = **waiting;
  run.decision.via = answer.via;
  run.denied = run.decision.mode;
  Withdraw(run, *book_.Find(run.incident), "approval.denied", actor,
           "denied by " + WhoText(actor, answer.via));
  return {};
}

// Asked before the call, with the plan as it would be now. Empty: nobody was asked, or the yes
// still covers it.
std::string Engine::WhyApprovalEnded(const Run& run, const Plan& plan) const {
  const Decision& decision = run.decision;
  if (decision.actor == "heald") return {};
  const std::string who = WhoText(decision.actor, decision.via);
  if (decision.expires_ns != 0 && deps_.clock->NowNs() >= decision.expires_ns)
    return "the approval by " + who + " has expired at " + ClockText(decision.expires_ns) +
           ", before it could be done";
  if (HashOf(decision) != decision.plan_hash)
    return "the config of action '" + decision.action + "' has changed since " + who +
           " approved it";
  Decision now = decision;
  now.plan = plan;
  if (HashOf(now) == decision.plan_hash) return {};
  return "the plan has changed since " + who + " approved it: " + Difference(decision.plan, plan);
}

}  // namespace heald::remedy
