// Everything that crosses the plugin boundary, as symbols of a library whose debug information
// abidiff compares; see abi_drift_test.cc. With HEALD_TEST_DRIFT it is a boundary whose times have
// no sign: no size and no offset tells.
#include <cstdint>

#ifdef HEALD_TEST_DRIFT
#define int64_t uint64_t
#endif
#include "heald/abi/host.h"
#include "heald/abi/http.h"
#include "heald/abi/plugin.h"
#include "heald/abi/records.h"
#include "heald/abi/score.h"
#include "heald/abi/types.h"

extern "C" {

const heald_plugin* heald_surface_plugin;
heald_host* heald_surface_host;
heald_batch* heald_surface_batch;
heald_sink* heald_surface_sink;
heald_source_vtable* heald_surface_source;
heald_detector_vtable* heald_surface_detector;
heald_action_vtable* heald_surface_action;
heald_notifier_vtable* heald_surface_notifier;
heald_http_extension* heald_surface_http;
heald_score_extension* heald_surface_score;
heald_member* heald_surface_member;

decltype(HEALD_OK) heald_surface_codes;
decltype(HEALD_VALUE_NULL) heald_surface_value_kinds;
decltype(HEALD_SEVERITY_NORMAL) heald_surface_severities;
decltype(HEALD_LOG_DEBUG) heald_surface_log_levels;
decltype(HEALD_RECORD_SAMPLES) heald_surface_records;
decltype(HEALD_METRIC_COUNTER) heald_surface_metrics;
decltype(HEALD_SOURCE) heald_surface_kinds;
decltype(HEALD_BLOCKING) heald_surface_flags;
decltype(HEALD_PART_ALL) heald_surface_parts;
decltype(HEALD_CAN_UNDO) heald_surface_abilities;
decltype(HEALD_EFFECT_PENDING) heald_surface_effects;
decltype(HEALD_FINDING_ANOMALY) heald_surface_findings;
decltype(HEALD_FINDING_OPEN) heald_surface_finding_states;
decltype(HEALD_INCIDENT_OPEN) heald_surface_incidents;
decltype(HEALD_MODE_SHADOW) heald_surface_modes;
decltype(HEALD_DECISION_WOULD_ACT) heald_surface_verdicts;
decltype(HEALD_OUTCOME_ISSUED) heald_surface_outcomes;
decltype(HEALD_NOTICE_FINDING) heald_surface_notices;

// What only the preprocessor knows.
enum heald_surface_limit : uint64_t {
  kMaxSlots = HEALD_SERIES_MAX_SLOTS,
  kNoSeries = HEALD_SERIES_NONE,
  kSlotOf = HEALD_SERIES_SLOT(0xffffffffu),
  kGenerationOf = HEALD_SERIES_GENERATION(0xffffffffu),
  kPointerBytes = HEALD_ERROR_POINTER_BYTES,
  kMessageBytes = HEALD_ERROR_MESSAGE_BYTES,
  kMaxBodyBytes = HEALD_HTTP_MAX_BODY_BYTES,
};
heald_surface_limit heald_surface_limits;
}
