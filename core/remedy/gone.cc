// Actions that replace their target: the pod that was restarted has another name now, so nothing is
// ever measured again under the old one. The action is asked whether there still is such a target.
// Where there is none, its effect shows all the same, and nothing like the fault has been found
// elsewhere since, it is over.
#include <algorithm>

#include "core/remedy/engine.h"
#include "core/remedy/text.h"

namespace heald::remedy {
namespace {

// "web-5f7c9" of "web-5f7c9-x2x4z"; empty where the name has no parts.
std::string_view Stem(std::string_view name) {
  const size_t dash = name.rfind('-');
  return dash == std::string_view::npos ? std::string_view() : name.substr(0, dash);
}

// Named as those are that take each other's place: pods of one owner, members of one service.
bool MayStandFor(const Labels& other, const Labels& target) {
  return std::any_of(target.pairs().begin(), target.pairs().end(), [&](const Labels::Pair& pair) {
    const std::string_view name = other.Get(pair.first);
    return name != pair.second && !Stem(name).empty() && Stem(name) == Stem(pair.second);
  });
}

}  // namespace

// True where the answer is awaited. Once for each execution, when its time is over and nothing has
// been measured since.
bool Engine::AskWhetherGone(Run& run, const OpenIncident& open) {
  if (run.asked_if_gone || run.policy->built_in) return false;
  run.asked_if_gone = true;
  Schedule(run, INT64_MAX);
  deps_.gateway->Plan(RequestFor(run.decision, open, Part::kAll),
                      Reply(run, &Engine::OnAskedWhetherGone));
  return true;
}

void Engine::OnAskedWhetherGone(Run& run, Result<Plan> plan) {
  if (run.phase != Phase::kVerifying) return;
  if (plan || plan.error().code != Code::kNotFound) return CheckVerified(run);
  run.last_effect = plan.error().message;
  deps_.gateway->Observe(RequestFor(run, *book_.Find(run.incident)), run.decision.plan,
                         Reply(run, &Engine::OnReplacementSeen));
}

// Who was removed by somebody else shows no effect.
void Engine::OnReplacementSeen(Run& run, Result<Effect> effect) {
  if (run.phase != Phase::kVerifying) return;
  if (!effect || effect->state != EffectState::kDone) return CheckVerified(run);
  OpenIncident& open = *book_.Find(run.incident);
  const std::string gone = TargetName(run.decision.target) + " is gone (" + run.last_effect +
                           "), replaced by the action: " + effect->detail;
  const Proof proof =
      run.execution.progress.made_way_for.empty() ? Proof::kPlain : Proof::kSuperseded;
  if (const Finding* like = LikeItSince(run, open))
    return Fail(run, gone + "; but there is the same again: " + Describe(*like), true, proof);
  ClearGone(run, open, gone);
  Succeed(run, open, gone + "; nothing like it was found since", proof);
}

const Finding* Engine::LikeItSince(const Run& run, const OpenIncident& open) const {
  for (const Finding& about : open.incident.findings) {
    if (about.id != run.decision.finding && !run.policy->Covers(about)) continue;
    for (const auto& [id, other] : book_.all())
      for (const Finding& finding : other->incident.findings)
        if (finding.state != FindingState::kClear && finding.node == about.node &&
            finding.metric == about.metric && finding.began_ns >= run.execution.issued_ns &&
            MayStandFor(finding.target, about.target))
          return &finding;
  }
  return nullptr;
}

void Engine::ClearGone(const Run& run, OpenIncident& open, const std::string& why) {
  const int64_t now_ns = deps_.clock->NowNs();
  for (size_t i = 0; i < open.incident.findings.size(); ++i) {
    Finding& finding = open.incident.findings[i];
    const bool about = finding.id == run.decision.finding || run.policy->Covers(finding);
    if (finding.state == FindingState::kClear || !about) continue;
    finding.state = FindingState::kClear;
    TakeFreshValue(&finding);
    open.meta[i].orphan = false;
    open.meta[i].cleared_ns = now_ns;
    const std::set<uint64_t> concerned = NoteFinding(open, i);
    Draft draft(Transition::kFinding, now_ns, &open);
    draft.Add(open, finding)
        .Event("finding.cleared", "heald", finding.id, Describe(finding) + ": " + why,
               FindingDetail(finding))
        .Tell(NoticeKind::kFinding, finding.node);
    CommitOrHold(&draft);
    TellConcerned(concerned);
  }
}

}  // namespace heald::remedy
