// A pipeline as plain data: what config reads from YAML, graph checks, and the runner and the
// remedy engine are built from. Every path is RFC 6901 into the file ("/policies/p/inputs/0"), so
// that whoever finds a mistake can name the line. Thread rule: immutable once loaded.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/units.h"
#include "core/model/component.h"
#include "core/model/incident.h"
#include "core/model/value.h"
#include "core/model/when.h"
#include "core/pipeline/guard_spec.h"
#include "core/pipeline/step_spec.h"
#include "core/pipeline/test_spec.h"

namespace heald {

enum class WhenFull : uint8_t { kBlock, kDropOldest };

// "prom.latency_p99" -> {prom, latency_p99}; "spikes" -> {spikes, ""}: everything that node emits.
struct InputRef {
  std::string node;
  std::string output;
  std::string path;

  friend bool operator==(const InputRef& a, const InputRef& b) {
    return a.node == b.node && a.output == b.output;
  }
};

struct NodeSpec {
  Kind kind = Kind::kSource;
  std::string name;
  std::string plugin;
  bool enabled = true;
  Value config;  // typed: defaults filled in, units applied; ${target…} still in place
  bool templated =
      false;  // config has run-time placeholders (${target…}, ${finding…}, ${incident…})
  std::vector<std::string> keeps_state;  // keys of config that a detector's state doesn't depend on
  std::vector<InputRef> inputs;
  std::vector<std::string> outputs;  // a source's output names; empty with open_outputs
  size_t queue = 256;                // batches waiting for this node
  WhenFull when_full = WhenFull::kDropOldest;
  uint64_t max_series = 100'000;
  int64_t deadline_ns = 30 * kSecond;  // of one call
  bool deadline_given = false;         // an action that gives none has what its plan says beside it
  std::string version;                 // of the plugin, as its component says
  bool blocking = false;               // the component's flags
  bool reentrant = false;
  std::string path;  // "/sources/prom"
};

// What a finding recommends, and the action node that does it.
struct RecommendedAction {
  std::string recommendation;
  std::string action;
  std::string path;

  friend bool operator==(const RecommendedAction& a, const RecommendedAction& b) {
    return a.recommendation == b.recommendation && a.action == b.action;
  }
};

struct PolicySpec {
  std::string name;
  bool enabled = true;
  std::vector<InputRef> inputs;
  When when;           // always true when the file has none
  std::string action;  // node name; "alert" notifies only. Of a chain: the first step's
  std::string action_path;
  std::vector<RecommendedAction> recommended_actions;  // go before `action`
  Mode mode = Mode::kShadow;
  GuardSpec guard;
  int64_t verify_within_ns = 2 * kMinute;
  int64_t approval_expires_ns = 0;  // mode approve: an answer counts so long; 0: as the agent says
  bool allow_on_prediction = false;
  bool allow_self = false;  // may act on heald itself, its store and its metrics source
  std::string path;         // "/policies/p"
  UndoSpec undo;
  CanarySpec canary;
  std::vector<StepSpec> steps;  // empty: the one that `action` and the like say
  // Of one step, see AtStep:
  uint32_t step = 1;
  GuardSpec own;  // limits of the step itself, beside the policy's
  bool skip_refused = false;

  uint32_t step_count() const { return std::max<uint32_t>(1, static_cast<uint32_t>(steps.size())); }
  // What a policy needs before it may enforce: something that bounds how often it acts.
  bool guarded() const {
    if (guard.cooldown_ns != 0 || guard.max_per_hour != 0) return true;
    const auto held = [](const StepSpec& s) {
      return s.action == "alert" || s.mode.value_or(Mode::kEnforce) != Mode::kEnforce ||
             s.bounded();
    };
    return steps.empty() ? action == "alert" && recommended_actions.empty()
                         : std::all_of(steps.begin(), steps.end(), held);
  }
  // The policy while that step, from 1 on, is its turn.
  PolicySpec AtStep(uint32_t number) const;
};

inline PolicySpec PolicySpec::AtStep(uint32_t number) const {
  PolicySpec out = *this;
  if (steps.empty()) return out;
  const StepSpec& s = steps[std::clamp<size_t>(number, 1, steps.size()) - 1];
  out.steps.clear();
  if (number > 1) out.recommended_actions.clear();
  out.step = number;
  out.action = s.action;
  out.action_path = s.action_path;
  out.mode = std::min(mode, s.mode.value_or(mode));
  out.guard = s.guard;
  out.own = s.own;
  out.verify_within_ns = s.verify_within_ns;
  out.skip_refused = s.skip_refused;
  out.undo = s.undo;
  out.canary = s.canary;
  return out;
}

// Files in PEM, absolute; whether key and certificate belong together is seen at bind.
struct TlsSpec {
  std::string cert_file;  // empty: plain HTTP
  std::string key_file;
  std::string client_ca_file;  // empty: clients need no certificate

  bool enabled() const { return !cert_file.empty(); }
  friend bool operator==(const TlsSpec&, const TlsSpec&) = default;
};

// Where a trace of each incident goes.
struct TracesSpec {
  std::string url;  // that they are posted to; empty: nowhere
  std::vector<std::pair<std::string, std::string>> headers;
  std::string service_name;                                   // empty: heald
  std::vector<std::pair<std::string, std::string>> resource;  // more attributes of it
  bool operator==(const TracesSpec&) const = default;
};

struct AgentSpec {
  std::string listen = "127.0.0.1:8080";
  std::string token;  // admin token of the API, beside those of the tokens file; may be empty
  TlsSpec tls;
  bool allow_no_token = false;  // waived by name for a listener that isn't loopback
  bool allow_no_tls = false;
  std::vector<std::string> allowed_hosts;  // Host header values beside the listen address
  std::string public_url;                  // where people find the agent; no slash at its end
  std::vector<std::pair<std::string, std::string>> links;  // name -> URL, in the file's order
  std::string state_dir;                                   // absolute
  std::string store = "sqlite:heald.db";
  bool store_full_sync = false;           // keep promises through power loss too
  bool act_without_store = false;         // while it is away, by a file in state_dir
  int64_t keep_incidents_ns = 90 * kDay;  // after their end; 0: for ever
  int64_t keep_audit_ns = 400 * kDay;
  bool dry_run = false;
  bool auto_remediation = true;  // first state of the global switch
  int64_t approval_expires_ns = 15 * kMinute;
  bool approval_links = false;       // notifiers get a signed link by which to answer
  std::string approval_link_secret;  // empty: made and kept in state_dir
  std::vector<std::string> group_by = {"namespace", "service"};
  int64_t reopen_within_ns = 5 * kMinute;  // of an incident's end: it opens again; 0: never
  StormSpec storm;
  std::vector<WindowSpec> windows;  // for all policies, beside their own
  std::vector<WindowSpec> deny_windows;
  TracesSpec traces;
  std::string log_format = "text";  // text | json
  std::string log_level = "info";
  int64_t series_ttl_ns = kHour;
  int64_t backfill_ns = 0;               // prime detectors with this much history at start
  int64_t drain_ns = 10 * kSecond;       // SIGTERM: finish within this
  std::vector<std::string> plugin_dirs;  // beside the built-in one; absolute
};

struct PipelineSpec {
  std::string file;  // absolute path, or "<built-in>"
  AgentSpec agent;
  std::vector<NodeSpec> nodes;  // sources, detectors, actions, notifiers in the file's order
  std::vector<PolicySpec> policies;
  std::vector<InhibitRule> inhibit;
  std::vector<PipelineTest> tests;

  const NodeSpec* FindNode(std::string_view name) const {
    for (const NodeSpec& node : nodes)
      if (node.name == name) return &node;
    return nullptr;
  }
  const PolicySpec* FindPolicy(std::string_view name) const {
    for (const PolicySpec& policy : policies)
      if (policy.name == name) return &policy;
    return nullptr;
  }
};

}  // namespace heald
