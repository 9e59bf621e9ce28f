// An incident's chain as the journal has it, as the API and `heald explain --format json` give it.
// Thread rule: pure function.
#pragma once

#include "core/api/records.h"
#include "core/store/store.h"

namespace heald::agent {

api::IncidentChain ChainRecord(Chain chain);
OutcomeState OutcomeOf(ExecutionState state);

}  // namespace heald::agent
