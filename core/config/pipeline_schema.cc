#include "core/config/pipeline_schema.h"

#include <array>

namespace heald {
namespace {

// Where it says WINDOW.
constexpr std::string_view kWindow = R"json({"type": "object", "properties": {
      "days": {"type": "array", "items": {"type": "string", "minLength": 3}, "minItems": 1,
        "description": "mon, tue, wed, thu, fri, sat, sun or mon-fri: on which it begins; else every day"},
      "from": {"type": "string", "default": "00:00", "description": "Time of day, as \"09:00\""},
      "to": {"type": "string", "default": "24:00",
        "description": "Time of day; one that isn't after from is on the next day"},
      "timezone": {"type": "string", "minLength": 1, "default": "UTC",
        "description": "Whose clock counts, such as Europe/Berlin"}}})json";

constexpr std::string_view kAgent = R"json({
  "type": "object",
  "description": "The agent itself",
  "properties": {
    "listen": {"type": "string", "default": "127.0.0.1:8080",
      "description": "Address of API, dashboard and metrics"},
    "token": {"type": "string", "x-secret": true, "minLength": 16,
      "description": "An admin's bearer token, beside those that `heald token create` makes; to listen beyond this machine takes one of either"},
    "tls": {"type": "object",
      "description": "HTTPS instead of HTTP; needed to listen beyond this machine",
      "required": ["cert_file", "key_file"], "properties": {
      "cert_file": {"type": "string", "minLength": 1,
        "description": "The certificate and those between it and its root, in PEM; relative to this file"},
      "key_file": {"type": "string", "minLength": 1,
        "description": "Its private key, in PEM; relative to this file"},
      "client_ca_file": {"type": "string", "minLength": 1,
        "description": "Only clients with a certificate of these may connect; relative to this file"}}},
    "allow_insecure": {"type": "array", "items": {"type": "string", "enum": ["no_token", "no_tls"]},
      "description": "What a listener beyond this machine may do without"},
    "allowed_hosts": {"type": "array", "items": {"type": "string", "minLength": 1},
      "description": "Host names under which the API may be asked, beside its address"},
    "public_url": {"type": "string", "default": "",
      "description": "Where people find the agent, for links to it; its host is one of allowed_hosts"},
    "links": {"type": "object", "additionalProperties": {"type": "string"},
      "description": "Where else to look: grafana, prometheus, jaeger and the like, each a URL"},
    "state_dir": {"type": "string", "minLength": 1,
      "description": "Journal, snapshots and spools; relative to this file"},
    "store": {"type": "string", "default": "sqlite:heald.db", "minLength": 1,
      "description": "The journal: sqlite:FILE, in state_dir unless absolute; or postgresql://user@host:5432/database, with ?schema=NAME (heald) and libpq's parameters"},
    "store_sync": {"type": "string", "enum": ["normal", "full"], "default": "normal",
      "description": "full keeps the promises of an SQLite journal through power loss too"},
    "act_without_store": {"type": "boolean", "default": false,
      "description": "Goes on acting while the store is away, by a file in state_dir; else it only detects and tells until the store is back. Not before the store was read once. Only for an agent that is alone: another one that takes the store over meanwhile would act too"},
    "retention": {"type": "object", "description": "How long the journal keeps what is over; 0: for ever", "properties": {
      "incidents": {"type": "string", "x-unit": "duration", "default": "90d", "minimum": "0s",
        "description": "Incidents after their end, with all that was decided and done"},
      "audit": {"type": "string", "x-unit": "duration", "default": "400d", "minimum": "0s",
        "description": "Rows of the audit trail; what is left can still be verified"}}},
    "dry_run": {"type": "boolean", "default": false,
      "description": "Simulate every action"},
    "auto_remediation": {"type": "boolean",
      "description": "First state of the global switch; AUTO_REMEDIATION_ENABLED where absent, else true"},
    "approval": {"type": "object", "description": "How people answer decisions that wait for them", "properties": {
      "expires": {"type": "string", "x-unit": "duration", "default": "15m", "minimum": "1s",
        "maximum": "7d", "description": "An answer counts so long; a policy may say otherwise"},
      "links": {"type": "boolean", "default": false,
        "description": "Notifiers get a signed link to each decision that waits, by which whoever has it may approve or deny that one; needs public_url"},
      "link_secret": {"type": "string", "x-secret": true, "minLength": 32,
        "description": "What links are signed with, for several agents behind one address; else a key that is made in state_dir"}}},
    "group_by": {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1,
      "default": ["namespace", "service"],
      "description": "Labels that make findings one incident"},
    "reopen_within": {"type": "string", "x-unit": "duration", "default": "5m", "maximum": "1d",
      "description": "What begins again so soon after its incident's end opens that one again, which then ends when it has been quiet for so long; 0s: always a new one"},
    "storm": {"type": "object",
      "description": "So many new incidents at once stop all automatic action until it is calm; further ones are only counted",
      "properties": {
      "incidents": {"type": "integer", "minimum": 0, "maximum": 10000, "default": 50,
        "description": "More new ones than this make a storm; 0: never"},
      "within": {"type": "string", "x-unit": "duration", "default": "1m", "minimum": "1s",
        "maximum": "1h", "description": "... in this time"},
      "pause": {"type": "string", "x-unit": "duration", "default": "10m", "minimum": "10s",
        "maximum": "1d", "description": "Nothing is done until it has been calm for so long"}}},
    "windows": {"type": "array", "items": WINDOW,
      "description": "All policies act only within one of these times, beside their own"},
    "deny_windows": {"type": "array", "items": WINDOW,
      "description": "Times at which no policy acts"},
    "log": {"type": "object", "description": "The agent's own log", "properties": {
      "format": {"type": "string", "enum": ["text", "json"], "default": "text",
        "description": "One line each, for people or for machines"},
      "level": {"type": "string", "enum": ["debug", "info", "warning", "error"], "default": "info",
        "description": "The least that is logged"}}},
    "traces": {"type": "object",
      "description": "A trace of each incident, by OpenTelemetry's protocol (OTLP over HTTP, in JSON)",
      "properties": {
      "endpoint": {"type": "string", "minLength": 1,
        "description": "The receiver, such as http://jaeger:4318; OTEL_EXPORTER_OTLP_ENDPOINT where absent, else traces go nowhere"},
      "headers": {"type": "object", "additionalProperties": {"type": "string", "x-secret": true},
        "description": "Sent with each request, such as authorization"}}},
    "series_ttl": {"type": "string", "x-unit": "duration", "default": "1h", "minimum": "1m",
      "description": "Forget a series after this long without a sample"},
    "backfill": {"type": "string", "x-unit": "duration", "default": "0s",
      "description": "Prime detectors with this much history at start"},
    "drain": {"type": "string", "x-unit": "duration", "default": "10s", "minimum": "100ms",
      "maximum": "10m", "description": "Finish within this after SIGTERM"},
    "plugin_dirs": {"type": "array", "items": {"type": "string", "minLength": 1},
      "description": "More folders with plugins; relative to this file"}
  }
})json";

constexpr std::string_view kPolicy = R"json({
  "type": "object",
  "description": "When to act, and how carefully",
  "properties": {
    "enabled": {"type": "boolean", "default": true, "description": "false parks it"},
    "inputs": {"type": "array", "items": {"type": "string", "minLength": 1},
      "description": "Detectors, and sources of findings, that it judges"},
    "when": {"type": "string",
      "description": "Condition on the finding, its labels and the latest samples"},
    "action": {"type": "string", "minLength": 1,
      "description": "An action's name, or alert; short for a single step"},
    "steps": {"type": "array", "minItems": 1, "maxItems": 16, "items": STEP,
      "description": "What to do, one after the other until one helps; guard and verify of the policy hold for each"},
    "recommended_actions": {"type": "object",
      "additionalProperties": {"type": "string", "minLength": 1},
      "description": "What a finding recommends, and the action that does it; without a match it is action"},
    "mode": {"type": "string", "enum": ["shadow", "approve", "enforce"], "default": "shadow",
      "description": "Only tell, ask first, or act"},
    "guard": GUARD,
    "verify": {"type": "object", "description": "When an action has worked", "properties": {
      "within": {"type": "string", "x-unit": "duration", "default": "2m",
        "description": "The finding must clear within this after the action; without any data by then the end is inconclusive, which neither counts as a failure nor is undone"}}},
    "approval": {"type": "object", "description": "How people are asked in mode approve", "properties": {
      "expires": {"type": "string", "x-unit": "duration", "minimum": "1s", "maximum": "7d",
        "description": "An answer counts so long; agent.approval.expires where absent"}}},
    "undo": UNDO,
    "canary": CANARY,
    "allow_on_prediction": {"type": "boolean", "default": false,
      "description": "Irreversible actions on a prediction alone"},
    "allow_self": {"type": "boolean", "default": false,
      "description": "It may act on heald itself, its store and its metrics source"}
  },
  "x-elsewhere": {
    "for": "write guard: {for: …}",
    "cooldown": "write guard: {cooldown: …}",
    "max_per_hour": "write guard: {max_per_hour: …}",
    "excluded": "write guard: {excluded: […]}",
    "max_targets": "write guard: {max_targets: …}",
    "min_healthy": "write guard: {min_healthy: …}",
    "breaker": "write guard: {breaker: {failures: …, for: …}}",
    "demote": "write guard: {demote: {failures: …, of: …}}",
    "windows": "write guard: {windows: […]}",
    "deny_windows": "write guard: {deny_windows: […]}",
    "guards": "did you mean 'guard'?",
    "within": "write verify: {within: …}",
    "recommended_action": "write recommended_actions: {what the finding says: an action}",
    "expires": "write approval: {expires: …}",
    "config": "a policy has none: configure its action",
    "plugin": "a policy has none: it names an action",
    "on_refused": "it belongs to a step: write steps: [{action: …, on_refused: next}, …]",
    "escalate": "did you mean 'steps'?"
  }
})json";

// Where it says STEP. Nothing here has a default: what a step doesn't say, its policy does.
constexpr std::string_view kStep = R"json({"type": "object", "properties": {
      "action": {"type": "string", "minLength": 1, "description": "An action's name, or alert"},
      "mode": {"type": "string", "enum": ["shadow", "approve", "enforce"],
        "description": "No bolder than the policy's"},
      "guard": OWN_GUARD,
      "verify": {"type": "object", "description": "When this step has worked", "properties": {
        "within": {"type": "string", "x-unit": "duration",
          "description": "The finding must clear within this after the action"}}},
      "on_refused": {"type": "string", "enum": ["wait", "next"],
        "description": "Refused by a guard of its own: wait until it may (the default), or go to the next step"},
      "undo": UNDO,
      "canary": CANARY},
    "required": ["action"],
    "x-elsewhere": {
      "when": "the condition stands in the policy",
      "inputs": "inputs stand in the policy",
      "within": "write verify: {within: …}",
      "for": "write guard: {for: …}",
      "cooldown": "write guard: {cooldown: …}",
      "max_per_hour": "write guard: {max_per_hour: …}",
      "steps": "steps have no steps of their own",
      "config": "a step has none: configure its action",
      "plugin": "a step has none: it names an action",
      "check": "write canary: {check: …}"}})json";

constexpr std::string_view kUndo = R"json({"type": "object",
      "description": "When its change is taken back, where the action can do that", "properties": {
      "on_failure": {"type": "boolean",
        "description": "After it has failed, before the next step (true unless written)"},
      "after": {"type": "string", "x-unit": "duration", "minimum": "1s", "maximum": "7d",
        "description": "So long after it healed; it stays unless written"}}})json";

constexpr std::string_view kCanary = R"json({"type": "object",
      "description": "A part of the target first, then a look at it, then the rest",
      "properties": {
      "check": {"type": "string", "minLength": 1,
        "description": "Condition on the target's samples, such as error_rate < 0.05; beside it no finding may get worse"},
      "for": {"type": "string", "x-unit": "duration", "minimum": "1s", "maximum": "1h",
        "description": "It must hold this long without a break (30s unless written); if it doesn't hold for as long, it has failed"},
      "within": {"type": "string", "x-unit": "duration", "minimum": "2s", "maximum": "1d",
        "description": "Decided by then, else it has failed (10m unless written)"}}})json";

// Where it says GUARD.
constexpr std::string_view kGuard =
    R"json({"type": "object", "description": "What holds it back", "properties": {
      "for": {"type": "string", "x-unit": "duration", "default": "0s",
        "description": "The condition must hold this long"},
      "cooldown": {"type": "string", "x-unit": "duration", "default": "0s",
        "description": "Pause per target after an action"},
      "max_per_hour": {"type": "integer", "minimum": 1, "maximum": 3600,
        "description": "Actions per target in a sliding hour"},
      "excluded": {"type": "array", "items": {"type": "string", "minLength": 1},
        "description": "Targets never touched: a name, or label=value"},
      "max_targets": {"type": "string", "minLength": 1,
        "description": "How many targets it may act on at once: a number, or a part of all such as 20%, at least one"},
      "min_healthy": {"type": "string", "minLength": 1,
        "description": "It acts only while so many targets are healthy, a number or a part of all such as 51%; what runs goes on"},
      "breaker": {"type": "object",
        "description": "Stops it on a target where it keeps failing; then one more try is allowed",
        "properties": {
        "failures": {"type": "integer", "minimum": 0, "maximum": 100, "default": 3,
          "description": "Failed actions in a row on one target; 0: no breaker"},
        "for": {"type": "string", "x-unit": "duration", "default": "30m", "minimum": "1s",
          "maximum": "3d", "description": "Pause after the last of them"}}},
      "demote": {"type": "object",
        "description": "A policy that keeps failing asks from then on, until a person sets its mode again",
        "properties": {
        "failures": {"type": "integer", "minimum": 0, "maximum": 100, "default": 5,
          "description": "Failed executions, whatever their targets; 0: never"},
        "of": {"type": "integer", "minimum": 1, "maximum": 100, "default": 10,
          "description": "... among so many of the latest"}}},
      "windows": {"type": "array", "items": WINDOW,
        "description": "Acts only within one of these times"},
      "deny_windows": {"type": "array", "items": WINDOW,
        "description": "Times at which it doesn't act"}}})json";

// Pieces that node kinds share; each kind takes those that mean something to it.
constexpr std::string_view kCommon = R"json(
    "plugin": {"type": "string", "minLength": 1, "x-order": 0,
      "description": "`heald plugins` lists them"},
    "enabled": {"type": "boolean", "default": true, "description": "false parks it"},
    "config": {"x-order": 100, "description": "The plugin's own settings"},
    "deadline": {"type": "string", "x-unit": "duration", "default": "30s", "minimum": "10ms",
      "maximum": "1h", "description": "The longest that one call may take"})json";
constexpr std::string_view kInputs = R"json(,
    "inputs": {"type": "array", "items": {"type": "string", "minLength": 1}, "x-order": 1,
      "description": "Nodes it reads; source.query for one query"},
    "queue": {"type": "integer", "default": 256, "minimum": 1, "maximum": 65536,
      "description": "Batches that may wait"},
    "when_full": {"type": "string", "enum": ["block", "drop_oldest"], "default": "drop_oldest",
      "description": "What gives when the queue is full"})json";
constexpr std::string_view kSeries = R"json(,
    "max_series": {"type": "integer", "default": 100000, "minimum": 1, "maximum": 4000000,
      "description": "Further series are refused and counted"})json";

std::string Replaced(std::string_view schema, std::string_view place, std::string_view with) {
  std::string out(schema);
  for (size_t at = out.find(place); at != std::string::npos; at = out.find(place, at + with.size()))
    out.replace(at, place.size(), with);
  return out;
}

std::string WithWindows(std::string_view schema) {
  return Replaced(schema, "WINDOW", kWindow);
}

std::string WithoutDefaults(std::string_view schema) {
  constexpr std::string_view kKey = "\"default\": ";
  std::string out(schema);
  for (size_t at = out.find(kKey); at != std::string::npos; at = out.find(kKey, at))
    out.erase(at, out.find(',', at) + 1 - at);
  return out;
}

std::string PolicyText() {
  std::string out = Replaced(kPolicy, "STEP", kStep);
  out = Replaced(out, "OWN_GUARD", WithoutDefaults(kGuard));
  out = Replaced(out, "GUARD", kGuard);
  out = Replaced(out, "UNDO", kUndo);
  return WithWindows(Replaced(out, "CANARY", kCanary));
}

SchemaPtr Parsed(std::string_view text) {
  Result<SchemaPtr> schema = ParseSchema(text);
  if (!schema.ok()) std::fprintf(stderr, "%s\n", schema.error().message.c_str());
  HEALD_CHECK(schema.ok(), "heald's own schema is readable");
  return *schema;
}

}  // namespace

const std::vector<std::string>& SectionNames() {
  static const std::vector<std::string> kNames = {"version", "include",   "vars",     "agent",
                                                  "sources", "detectors", "policies", "inhibit",
                                                  "actions", "notifiers", "tests"};
  return kNames;
}

std::string_view SectionOf(Kind kind) {
  constexpr std::array<std::string_view, 4> kNames = {"sources", "detectors", "actions",
                                                      "notifiers"};
  return kNames[static_cast<size_t>(kind)];
}

std::string_view AgentSchemaText() {
  static const std::string kText = WithWindows(kAgent);
  return kText;
}
std::string_view PolicySchemaText() {
  static const std::string kText = PolicyText();
  return kText;
}

std::string NodeSchemaText(Kind kind) {
  std::string text = R"({"type": "object", "required": ["plugin"], "properties": {)";
  text += kCommon;
  if (kind == Kind::kDetector || kind == Kind::kNotifier) text += kInputs;
  if (kind == Kind::kDetector || kind == Kind::kSource) text += kSeries;
  text += "}";
  if (kind == Kind::kSource)
    text += R"(, "x-elsewhere": {"inputs": "a source reads none: detectors name it in theirs",
               "interval": "settings of the plugin stand under config"})";
  if (kind == Kind::kAction)
    text += R"(, "x-elsewhere": {"inputs": "an action has none: policies name it in 'action'",
               "guard": "guards stand in the policy"})";
  return text + "}";
}

const Schema& AgentSchema() {
  static const SchemaPtr kSchema = Parsed(AgentSchemaText());
  return *kSchema;
}

const Schema& PolicySchema() {
  static const SchemaPtr kSchema = Parsed(PolicySchemaText());
  return *kSchema;
}

const Schema& NodeSchema(Kind kind) {
  static const std::array<SchemaPtr, 4> kSchemas = {
      Parsed(NodeSchemaText(Kind::kSource)), Parsed(NodeSchemaText(Kind::kDetector)),
      Parsed(NodeSchemaText(Kind::kAction)), Parsed(NodeSchemaText(Kind::kNotifier))};
  return *kSchemas[static_cast<size_t>(kind)];
}

}  // namespace heald
