// Every metric the agent itself exports. METRICS.md documents them for users; a test holds the two
// together. Plugins' own metrics are named heald_plugin_* and are not listed.
// Thread rule: constants.
#pragma once

#include "core/telemetry/metrics.h"

namespace heald::names {

using enum MetricKind;

// The agent and its process.
inline constexpr MetricDef kBuildInfo{"heald_build_info", kGauge, "version,compiler",
                                      "Always 1; the labels say which build runs"};
inline constexpr MetricDef kReloads{"heald_reloads_total", kCounter, "result",
                                    "Reloads of the pipeline file, by result (applied, failed)"};
inline constexpr MetricDef kReloadOk{"heald_last_reload_successful", kGauge, "",
                                     "1 when the file last read is the pipeline that runs"};
inline constexpr MetricDef kReloadTime{"heald_last_reload_success_timestamp_seconds", kGauge, "",
                                       "When a pipeline file was last applied"};
inline constexpr MetricDef kRemediationEnabled{"heald_remediation_enabled", kGauge, "",
                                               "1 when the global switch lets policies act"};
inline constexpr MetricDef kLabelSetsRefused{"heald_metrics_refused_total", kCounter, "",
                                             "Label sets left off this page to bound memory"};
inline constexpr MetricDef kProcessCpu{"process_cpu_seconds_total", kCounter, "",
                                       "User and system CPU time of the agent"};
inline constexpr MetricDef kProcessMemory{"process_resident_memory_bytes", kGauge, "",
                                          "Resident memory of the agent"};
inline constexpr MetricDef kProcessFds{"process_open_fds", kGauge, "",
                                       "Open file descriptors of the agent"};
inline constexpr MetricDef kProcessStart{"process_start_time_seconds", kGauge, "",
                                         "When the agent's process started"};

// Each node of the pipeline.
inline constexpr MetricDef kNodeIn{"heald_node_records_in_total", kCounter, "node,kind",
                                   "Records handed to the node"};
inline constexpr MetricDef kNodeOut{"heald_node_records_out_total", kCounter, "node,kind",
                                    "Records the node emitted"};
inline constexpr MetricDef kNodeErrors{"heald_node_errors_total", kCounter, "node,kind",
                                       "Calls of the node that failed"};
inline constexpr MetricDef kNodeDropped{
    "heald_node_dropped_total", kCounter, "node,kind",
    "Records dropped before the node because its queue was full"};
inline constexpr MetricDef kNodeOverdue{"heald_node_overdue_total", kCounter, "node,kind",
                                        "Calls of the node that ran past their deadline"};
inline constexpr MetricDef kNodeCall{"heald_node_call_duration_seconds", kHistogram, "node,kind",
                                     "Duration of one call of the node"};
inline constexpr MetricDef kNodeQueue{"heald_node_queue_batches", kGauge, "node,kind",
                                      "Batches waiting for the node"};
inline constexpr MetricDef kNodeUp{"heald_node_up", kGauge, "node,kind",
                                   "1 when the node's last call succeeded"};
inline constexpr MetricDef kNodeSeries{"heald_node_series", kGauge, "node,kind",
                                       "Live series of the node"};
inline constexpr MetricDef kNodeSeriesRefused{"heald_node_series_refused_total", kCounter,
                                              "node,kind",
                                              "Series refused because max_series was reached"};
inline constexpr MetricDef kSpoolNotices{"heald_spool_notices", kGauge, "node",
                                         "Events on disk that the notifier has not delivered yet"};
inline constexpr MetricDef kSpoolBytes{"heald_spool_bytes", kGauge, "node", "Size of those events"};
inline constexpr MetricDef kNoticesDropped{
    "heald_notices_dropped_total", kCounter, "node,reason",
    "Events that the notifier never delivered, by reason (full: the spool's limit; refused: it "
    "can't be delivered)"};

// Finding, deciding, acting.
inline constexpr MetricDef kFindings{"heald_findings_total", kCounter, "node,severity",
                                     "Findings opened, by detector and severity"};
inline constexpr MetricDef kIncidentsOpen{"heald_incidents_open", kGauge, "",
                                          "Incidents that are not closed"};
inline constexpr MetricDef kIncidents{"heald_incidents_total", kCounter, "state",
                                      "Incidents that reached the state (open, resolved, "
                                      "escalated)"};
inline constexpr MetricDef kDecisions{"heald_decisions_total", kCounter, "policy,mode,verdict",
                                      "Decisions of policies"};
inline constexpr MetricDef kRefusals{"heald_guard_refusals_total", kCounter, "policy,guard",
                                     "Actions a guard refused"};
inline constexpr MetricDef kOutcomes{"heald_outcomes_total", kCounter, "policy,state",
                                     "Executions that reached the state"};
inline constexpr MetricDef kHeal{"heald_heal_duration_seconds", kHistogram, "policy",
                                 "From the first wrong sample to the verified recovery, where an "
                                 "action was done"};
inline constexpr MetricDef kSampleToAction{"heald_sample_to_action_seconds", kHistogram, "",
                                           "From a sample's arrival to the action call it led to"};

// How well it does. From the journal, looked up once a minute at most.
inline constexpr MetricDef kPredictions{
    "heald_predictions_total", kCounter, "detector,outcome",
    "Predictions judged (came_true, averted, false_alarm, undecidable)"};
inline constexpr MetricDef kBrier{
    "heald_prediction_brier_score", kGauge, "detector",
    "Mean squared error of the probabilities in the last 30 days; 0 is perfect, 0.25 a coin"};
inline constexpr MetricDef kLead{"heald_prediction_lead_seconds", kGauge, "detector",
                                 "Median time between a prediction and what it predicted, in the "
                                 "last 30 days"};
inline constexpr MetricDef kPolicyAttempts{
    "heald_policy_executions", kGauge, "policy,outcome",
    "Executions of the last 30 days, by how they ended (verified, failed, undone)"};
inline constexpr MetricDef kPolicySuccess{"heald_policy_success_ratio", kGauge, "policy",
                                          "Part of those that were verified"};
inline constexpr MetricDef kPolicyRecover{
    "heald_policy_recover_seconds", kGauge, "policy,stat",
    "From an incident's beginning to its verified recovery, in the last 30 days (median, p90)"};
inline constexpr MetricDef kPolicyCleared{
    "heald_policy_cleared_by_itself", kGauge, "policy",
    "Incidents of the last 30 days that it would have acted on and that cleared by themselves"};
inline constexpr MetricDef kPolicyDemoted{
    "heald_policy_demoted", kGauge, "policy",
    "1 while heald itself made the policy ask because it kept failing"};
inline constexpr MetricDef kWeekIncidents{
    "heald_week_incidents", kGauge, "resolution",
    "Incidents of the last 7 days, by how they ended (open, healed, by_itself, after_failure)"};
inline constexpr MetricDef kWeekMttr{"heald_week_mttr_seconds", kGauge, "stat",
                                     "Time to recovery in the last 7 days (mean, median)"};
inline constexpr MetricDef kWeekAvoided{
    "heald_week_avoided_pages", kGauge, "",
    "Incidents of the last 7 days that were healed without a person"};
inline constexpr MetricDef kWeekFalse{
    "heald_week_false_positives", kGauge, "",
    "Incidents of the last 7 days that people called false positives"};

// The journal's store.
inline constexpr MetricDef kStoreUp{"heald_store_up", kGauge, "",
                                    "1 when the journal's store can be written"};
inline constexpr MetricDef kJournalHeld{
    "heald_journal_held_changes", kGauge, "",
    "Changes that wait in state_dir for the store to come back"};
inline constexpr MetricDef kJournalHeldBytes{"heald_journal_held_bytes", kGauge, "",
                                             "Size of those changes"};
inline constexpr MetricDef kJournalLost{
    "heald_journal_lost_changes_total", kCounter, "",
    "Changes that never reached the store: no room was left, or another agent took it over"};
inline constexpr MetricDef kRetentionDeleted{
    "heald_retention_deleted_total", kCounter, "what",
    "Incidents and audit rows that agent.retention had deleted (incidents, audit)"};

// Traces of incidents.
inline constexpr MetricDef kTraceSpans{
    "heald_trace_spans_total", kCounter, "result",
    "Spans that the receiver of traces took or didn't want (sent, refused)"};
inline constexpr MetricDef kTraceSkipped{
    "heald_trace_skipped_total", kCounter, "",
    "Events without a span, as the receiver of traces was away for more than a day"};
inline constexpr MetricDef kTraceFailures{
    "heald_trace_failures_total", kCounter, "",
    "Requests to the receiver of traces that failed and are made again"};

// The API.
inline constexpr MetricDef kApiRequests{"heald_api_requests_total", kCounter, "route,method,code",
                                        "Requests answered by the API"};
inline constexpr MetricDef kApiDuration{"heald_api_request_duration_seconds", kHistogram, "route",
                                        "Time to answer a request, from its last byte"};

inline constexpr MetricDef kReceived{"heald_receive_requests_total", kCounter, "node,result",
                                     "Requests pushed to a node, by what came of them (taken, "
                                     "refused: the sender's fault, denied: without a token that "
                                     "may, too_large, unavailable: to be sent again)"};
inline constexpr MetricDef kReceivedBytes{"heald_receive_bytes_total", kCounter, "node",
                                          "Bodies of these requests, as they were sent"};
inline constexpr MetricDef kApiConnections{"heald_api_connections", kGauge, "",
                                           "Open connections to the API, live clients not counted"};
inline constexpr MetricDef kApiRefused{"heald_api_connections_refused_total", kCounter, "",
                                       "Connections closed unanswered to make room for others"};
inline constexpr MetricDef kApiTlsFailures{"heald_api_tls_failures_total", kCounter, "",
                                           "TLS handshakes with the API that failed"};
inline constexpr MetricDef kLiveClients{"heald_live_clients", kGauge, "",
                                        "Clients that follow the live event stream"};
inline constexpr MetricDef kLiveEvents{"heald_live_events_total", kCounter, "",
                                       "Events published to the live stream"};
inline constexpr MetricDef kLiveEnded{
    "heald_live_clients_ended_total", kCounter, "reason",
    "Live clients the agent turned away, by reason (slow: did not keep up; revoked: the token "
    "holds no more; full: over the limit)"};

inline constexpr const MetricDef* kAll[] = {&kBuildInfo,
                                            &kReloads,
                                            &kReloadOk,
                                            &kReloadTime,
                                            &kRemediationEnabled,
                                            &kLabelSetsRefused,
                                            &kProcessCpu,
                                            &kProcessMemory,
                                            &kProcessFds,
                                            &kProcessStart,
                                            &kNodeIn,
                                            &kNodeOut,
                                            &kNodeErrors,
                                            &kNodeDropped,
                                            &kNodeOverdue,
                                            &kNodeCall,
                                            &kNodeQueue,
                                            &kNodeUp,
                                            &kNodeSeries,
                                            &kNodeSeriesRefused,
                                            &kSpoolNotices,
                                            &kSpoolBytes,
                                            &kNoticesDropped,
                                            &kFindings,
                                            &kIncidentsOpen,
                                            &kIncidents,
                                            &kDecisions,
                                            &kRefusals,
                                            &kOutcomes,
                                            &kHeal,
                                            &kSampleToAction,
                                            &kPredictions,
                                            &kBrier,
                                            &kLead,
                                            &kPolicyAttempts,
                                            &kPolicySuccess,
                                            &kPolicyRecover,
                                            &kPolicyCleared,
                                            &kPolicyDemoted,
                                            &kWeekIncidents,
                                            &kWeekMttr,
                                            &kWeekAvoided,
                                            &kWeekFalse,
                                            &kStoreUp,
                                            &kJournalHeld,
                                            &kJournalHeldBytes,
                                            &kJournalLost,
                                            &kRetentionDeleted,
                                            &kTraceSpans,
                                            &kTraceSkipped,
                                            &kTraceFailures,
                                            &kApiRequests,
                                            &kApiDuration,
                                            &kReceived,
                                            &kReceivedBytes,
                                            &kApiConnections,
                                            &kApiRefused,
                                            &kApiTlsFailures,
                                            &kLiveClients,
                                            &kLiveEvents,
                                            &kLiveEnded};

}  // namespace heald::names
