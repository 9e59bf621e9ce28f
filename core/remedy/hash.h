// Names that can't collide: decision ids, plan hashes, trace ids. Used by the engine.
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/sha256.h"
#include "core/model/incident.h"

namespace heald::remedy {

// Idempotency key. A refusal gets an id of its own by its number, since nothing runs under it.
std::string DecisionId(std::string_view policy, std::string_view target_key,
                       std::string_view action, std::string_view trace_id, uint32_t attempt,
                       uint32_t refusal = 0);
// Over everything that an approval agrees to: of a plan whose `before` has a member `rests_on`
// (abi/records.h) that, instead of its words and its other members.
std::string PlanHash(std::string_view action, std::string_view config_digest, const Labels& target,
                     const Plan& plan);
std::string TraceId(std::string_view store_id, uint64_t incident, int64_t opened_ns);

}  // namespace heald::remedy
