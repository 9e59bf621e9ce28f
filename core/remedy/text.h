// The engine's sentences, in one place so that log, notifiers, API and CLI say the same.
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/incident.h"
#include "core/pipeline/instance.h"
#include "core/store/json.h"

namespace heald::remedy {

inline constexpr const char* kNoJournal =
    "the journal can't be used, and nothing is done without it";

// "incident #7  policy payments_latency -> restart payments  guards: cooldown ok (last never), …"
std::string DecisionText(const Decision& decision);
// "user:anna (cli)"; who came by a link is named by it.
std::string WhoText(std::string_view actor, std::string_view via);
// A plan's summary that doesn't say on what, with the action's name and whom it is about before it:
// the incident's target, as the series' own may be of who measures it.
std::string TellingSummary(const Decision& decision, const Labels& about, std::string summary);
// " (step 2 of 4)"; nothing for a chain of one.
std::string StepText(const Decision& decision);
// "incident #7  not done: restart payments: 3 actions of … in the last hour"
std::string RefusalText(const Decision& decision, std::string_view reason);
// "payments latency_p99 0.06 s"
std::string ValueText(const Finding& finding);
// What the audit keeps of a finding beside the record itself.
Json FindingDetail(const Finding& finding);
Json GuardsDetail(const Decision& decision);
// `detail` with the calls that an action made, where it made any.
Json WithCalls(Json detail, const std::vector<Call>& calls, const std::vector<Call>& more = {});
// Of an answer, good or bad.
const std::vector<Call>& CallsOf(const Result<Effect>& effect);

}  // namespace heald::remedy
