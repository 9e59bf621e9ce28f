#include "core/remedy/hash.h"

#include "core/store/json.h"

namespace heald::remedy {
namespace {

// What of a plan an approval agrees to: what it says that it rests on, else all of it.
Json BasisOf(const Plan& plan) {
  const Json before = Json::parse(plan.before, nullptr, false);
  const auto rests_on = before.is_object() ? before.find("rests_on") : before.end();
  if (!before.is_object() || rests_on == before.end()) return ToJson(plan);
  return {{"reversible", plan.reversible}, {"target_uid", plan.target_uid}, {"on", *rests_on}};
}

}  // namespace

std::string DecisionId(std::string_view policy, std::string_view target_key,
                       std::string_view action, std::string_view trace_id, uint32_t attempt,
                       uint32_t refusal) {
  // The trace id stands for the incident and its store, so that two stores never share a key.
  return Sha256Hex(Dump(Json::array({policy, target_key, action, trace_id, attempt, refusal})))
      .substr(0, 32);
}

std::string PlanHash(std::string_view action, std::string_view config_digest, const Labels& target,
                     const Plan& plan) {
  return Sha256Hex(Dump(Json::array({action, config_digest, ToJson(target), BasisOf(plan)})));
}

std::string TraceId(std::string_view store_id, uint64_t incident, int64_t opened_ns) {
  return Sha256Hex(Dump(Json::array({store_id, incident, opened_ns}))).substr(0, 32);
}

}  // namespace heald::remedy
