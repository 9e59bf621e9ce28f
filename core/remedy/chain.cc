// From one step of a policy to the next. Where a chain stands is what its latest decision says.
#include <algorithm>
#include <array>

#include "core/remedy/engine.h"
#include "core/remedy/text.h"

namespace heald::remedy {
namespace {

// Guards that bound one step. The others hold everything back, and are waited for.
constexpr std::array<std::string_view, 9> kOfOneStep = {"cooldown",   "max_per_hour", "breaker",
                                                        "excluded",   "targets",      "windows",
                                                        "prediction", "self",         "plan"};

bool BoundsOneStep(std::string_view guard) {
  return std::find(kOfOneStep.begin(), kOfOneStep.end(), guard) != kOfOneStep.end();
}

// Refused by what time doesn't change. What holds for the whole policy holds its first step too.
bool Lasts(const GuardVerdict& verdict, const PolicySpec& spec) {
  if (verdict.guard != "excluded" && verdict.guard != "self") return false;
  if (spec.step > 1) return true;
  return verdict.guard == "excluded" &&
         std::any_of(spec.own.excluded.begin(), spec.own.excluded.end(), [&](const auto& entry) {
           return verdict.reason.ends_with(" excludes " + entry);
         });
}

}  // namespace

std::string Engine::AheadText(const Run& run) const {
  const PolicySpec& spec = run.policy->spec;
  std::string out;
  if (spec.canary.set) {
    out += "  canary: a part of it first, looked at for " + FormatDuration(spec.canary.for_ns);
    if (!spec.canary.check.text().empty()) out += " (" + spec.canary.check.text() + ")";
    out += ", then the rest";
  }
  // Nothing comes of it, so nobody is told of these later.
  const bool told_only =
      run.decision.dry_run || (spec.mode == Mode::kShadow && run.decision.next_step == 0);
  std::string later;
  for (uint32_t step = spec.step + 1; told_only && step <= run.policy->steps; ++step)
    if (const PolicyPtr next = policies_.Find(spec.name, step))
      later += (later.empty() ? "" : ", ") + next->spec.action;
  if (!later.empty()) out += "  if that didn't help: " + later;
  return out;
}

// Each step in the chain's first round; later rounds are in the incident's story.
void Engine::SayNext(Run& run, const OpenIncident& open, const std::string& why,
                     Draft* draft) const {
  const uint32_t next = run.decision.next_step;
  const PolicyPtr policy = policies_.Find(run.decision.policy, next);
  const std::string action = policy == nullptr ? "" : ", " + policy->spec.action;
  draft->Event("step.next", "heald", std::to_string(open.incident.id),
               "incident #" + std::to_string(open.incident.id) + "  " + why + "; policy " +
                   run.decision.policy + " goes on with step " + std::to_string(next) + " of " +
                   std::to_string(run.policy->steps) + action,
               {{"policy", run.decision.policy}, {"step", next}});
  if (next <= run.told_step) return;
  run.told_step = next;
  draft->Tell(NoticeKind::kIncident);
}

// What waits for its guards, or for data in the middle of a chain, would wait in silence for ever.
// The policy's own `excluded` is no such case: who wrote it wants nothing done, and knows.
void Engine::TellStuck(Run& run, OpenIncident& open, bool plan_is_impossible) {
  const PolicySpec& spec = run.policy->spec;
  if (open.escalated || spec.mode == Mode::kShadow || run.policy->dry_run ||
      run.policy->notify_only)
    return;
  std::string why;
  for (const GuardVerdict& verdict : run.refusal.guards)
    if (!verdict.allowed && (verdict.guard == "plan" ? plan_is_impossible : Lasts(verdict, spec)))
      why = verdict.reason;
  const int64_t now_ns = deps_.clock->NowNs();
  if (const auto blind = run.refused.find("fresh_data");
      spec.step > 1 && run.inconclusive_ns != 0 && blind != run.refused.end() &&
      now_ns - run.inconclusive_ns >= spec.verify_within_ns)
    why = blind->second;
  if (why.empty()) return;
  Decision about = run.refusal;  // none of this process, where it was told before a restart
  about.policy = spec.name;
  Draft draft(Transition::kRefused, now_ns, &open);
  const std::string step = run.policy->steps > 1 ? "step " + std::to_string(spec.step) + " of " +
                                                       std::to_string(run.policy->steps) + ", "
                                                 : "";
  Escalate(about, open, step + spec.action + ", can't be done: " + why, &draft);
  RefreshState(open);
  draft.Add(open);
  CommitOrHold(&draft);
}

bool Engine::PassOver(Run& run, OpenIncident& open) {
  const PolicySpec& spec = run.policy->spec;
  if (!spec.skip_refused || spec.step >= run.policy->steps) return false;
  std::string guards;
  for (const GuardVerdict& verdict : run.refusal.guards) {
    if (verdict.allowed) continue;
    if (!BoundsOneStep(verdict.guard)) return false;
    guards += (guards.empty() ? "" : ", ") + verdict.guard;
  }
  if (guards.empty()) return false;
  run.decision = run.refusal;
  run.decision.next_step = spec.step + 1;
  Draft draft(Transition::kRefused, deps_.clock->NowNs(), &open);
  draft.Add(run.decision);
  SayNext(run, open, spec.action + " was refused (" + guards + ")", &draft);
  CommitOrHold(&draft);
  NextAttempt(run);
  return true;
}

}  // namespace heald::remedy
