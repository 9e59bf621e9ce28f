// An incident as a trace: what an event of the audit trail ended, as spans. All of it comes from
// the journal, ids too, so that whoever reads the same event again makes the same spans
// (core/decisions/0036). Used by TraceFeed. Thread rule: pure functions.
#pragma once

#include <string_view>
#include <vector>

#include "core/store/store.h"
#include "core/telemetry/span.h"

namespace heald::agent {

// Whether there is a span to make of such an event.
bool EndsASpan(std::string_view event_kind);

// `event` is one of `chain`.
std::vector<tracing::Span> SpansOf(const Chain& chain, const AuditEvent& event);

}  // namespace heald::agent
