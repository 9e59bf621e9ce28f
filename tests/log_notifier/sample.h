// One event with everything in it. Thread rule: one thread.
#pragma once

#include <limits>
#include <string_view>

#include "heald/plugin.h"

namespace heald::log_notifier {

inline heald_str Str(std::string_view text) {
  return {text.data(), text.size()};
}

struct Sample {
  Sample() {
    finding.size = sizeof finding;
    finding.severity = HEALD_SEVERITY_CRITICAL;
    finding.id = 7;
    finding.key = Str("spikes/1k2j/7");
    finding.node = Str("spikes");
    finding.target = {&label, 1};
    finding.metric = Str("latency_p99");
    finding.unit = Str("s");
    finding.value = 1.84;
    finding.expected_low = std::numeric_limits<double>::quiet_NaN();
    finding.expected_high = 0.09;
    finding.score = 9.1;
    finding.began_ns = finding.ts_ns = kTime;
    finding.contributors = &contributor;
    finding.contributor_count = 1;
    finding.recent = recent;
    finding.recent_count = 2;
    finding.recent_step_ns = 1'000'000'000;
    incident.size = sizeof incident;
    incident.id = 3;
    incident.state = HEALD_INCIDENT_ACTING;
    incident.severity = HEALD_SEVERITY_WARNING;
    incident.trace_id = Str("0123456789abcdef0123456789abcdef");
    incident.target = {&label, 1};
    incident.opened_ns = kTime;
    incident.findings = &finding;
    incident.finding_count = 1;
    incident.finding_stride = sizeof(heald_finding);
    decision.size = sizeof decision;
    decision.verdict = HEALD_DECISION_REFUSED;
    decision.mode = HEALD_MODE_ENFORCE;
    decision.id = Str("d1");
    decision.incident = 3;
    decision.policy = Str("slow");
    decision.action = Str("restart");
    decision.actor = Str("heald");
    decision.target = {&label, 1};
    plan.size = sizeof plan;
    plan.summary = Str("restart payments");
    decision.plan = &plan;
    decision.plan_hash = Str("abc");
    decision.guards = &guard;
    decision.guard_count = 1;
    decision.guard_stride = sizeof guard;
    outcome.size = sizeof outcome;
    outcome.state = HEALD_OUTCOME_VERIFIED;
    outcome.decision = Str("d1");
    outcome.incident = 3;
    outcome.detail = Str("ready after 0.9 s");
    outcome.ts_ns = kTime;
    event.size = sizeof event;
    event.kind = HEALD_NOTICE_OUTCOME;
    event.event_id = Str("e1");
    event.node = Str("slow");
    event.ts_ns = kTime;
    event.text = Str("healed \"payments\"\nin 7.2 s");
    event.finding = nullptr;
    event.incident = &incident;
    event.decision = &decision;
    event.outcome = &outcome;
  }
  Sample(const Sample&) = delete;
  Sample& operator=(const Sample&) = delete;

  static constexpr int64_t kTime = 1'795'294'950'123'000'000;  // 2026-11-21T21:02:30.123Z
  heald_label label{Str("service"), Str("payments")};
  heald_contributor contributor{Str("queue"), 1.0, 12.0, 3.0};
  double recent[2] = {0.06, 1.84};
  heald_guard_verdict guard{Str("cooldown"), 0, 0, Str("12 s left")};
  heald_finding finding{};
  heald_incident incident{};
  heald_plan plan{};
  heald_decision decision{};
  heald_outcome outcome{};
  heald_notification event{};
};

}  // namespace heald::log_notifier
