// What `${target.x}`, `${finding.x}`, `${incident.x}` and, of events, `${decision.x}`,
// `${outcome.x}`, `${event.x}` and `${approval.x}` stand for. Used by
// Delivery for notifiers and by the gateway for actions. Thread rule: pure functions.
#pragma once

#include <string>
#include <vector>

#include "core/model/incident.h"
#include "core/model/template.h"
#include "core/pipeline/instance.h"

namespace heald {

// For actions: null records, unknown labels and numbers have no placeholders. `incident_url` is
// ${incident.url}; empty: there is none.
TemplateLookup Placeholders(const Labels* target, const Finding* finding, const Incident* incident,
                            const std::string& incident_url);

// For notifiers: a placeholder that this event has nothing for is empty, because an event with a
// gap in its text is better than no event. One without a finding of its own borrows that of its
// decision, or its incident's worst. `approval_url` is ${approval.url}: a decision that waits is
// answered there. Lives as long as the notification.
TemplateLookup Placeholders(const Notification& notification, const std::string& approval_url = {});

// All names there are, but for a target's: what RuntimeNames tells config.
std::vector<std::string> PlaceholderNames();

// Where the dashboard at `public_url` shows an incident; empty when there is no such URL.
std::string IncidentUrl(const std::string& public_url, uint64_t incident);

}  // namespace heald
