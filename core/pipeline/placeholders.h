// What `${target.x}`, `${finding.x}` and `${incident.x}` stand for. Used by the runner for
// notifiers and by the gateway for actions. Thread rule: pure functions.
#pragma once

#include "core/model/incident.h"
#include "core/model/template.h"

namespace heald {

// Null records have no placeholders. Names: target.<label>; finding.{id, node, metric, severity,
// kind, value, expected_low, expected_high, score, confidence, unit, summary, probability,
// component, recommended_action}; incident.{id, severity, state, summary, trace_id}.
TemplateLookup Placeholders(const Labels* target, const Finding* finding, const Incident* incident);

}  // namespace heald
