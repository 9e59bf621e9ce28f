#include "core/agent/chain_record.h"

#include <algorithm>
#include <utility>

#include "core/remedy/efficacy.h"
#include "core/remedy/hints.h"

namespace heald::agent {

OutcomeState OutcomeOf(ExecutionState state) {
  constexpr OutcomeState kStates[] = {OutcomeState::kIssued,   OutcomeState::kIssued,
                                      OutcomeState::kObserved, OutcomeState::kVerified,
                                      OutcomeState::kFailed,   OutcomeState::kUndone,
                                      OutcomeState::kDryRun};
  return kStates[static_cast<size_t>(state)];
}

api::IncidentChain ChainRecord(Chain chain) {
  api::IncidentChain out;
  out.incident = std::move(chain.incident);
  for (remedy::Hint& hint : remedy::HintsOf(chain.events))
    out.hints.push_back({hint.ts_ns, std::move(hint.text)});
  out.decisions = std::move(chain.decisions);
  out.forecasts = std::move(chain.forecasts);
  for (const Decision& decision : out.decisions)
    if (std::string text = remedy::Afterwards(decision, out.incident); !text.empty())
      out.afterwards.emplace_back(decision.id, std::move(text));
  for (const Execution& e : chain.executions)
    out.outcomes.push_back({e.decision, e.incident, OutcomeOf(e.state), e.detail,
                            std::max({e.planned_ns, e.issued_ns, e.observed_ns, e.ended_ns})});
  for (AuditEvent& e : chain.events) {
    const bool of_decision = std::any_of(out.decisions.begin(), out.decisions.end(),
                                         [&](const Decision& d) { return d.id == e.subject; });
    out.timeline.push_back({e.ts_ns, std::move(e.actor), std::move(e.kind),
                            of_decision ? std::move(e.subject) : "", std::move(e.detail)});
  }
  return out;
}

}  // namespace heald::agent
