// What the runner knows of a running component: one interface per kind, and the emitter through
// which it says something. core/plugin implements them over the C tables; tests implement them
// directly. Thread rule: as in heald/abi/types.h: calls on one instance never overlap unless it is
// reentrant; Emitter is safe from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/model/incident.h"
#include "core/pipeline/batch.h"
#include "core/pipeline/spec.h"

namespace heald {

struct LogLine {
  uint32_t stream = kNoSeries;
  Severity severity = Severity::kNormal;
  int64_t ts_ns = 0;
  std::string line;
  Labels attributes;
};

class Emitter {
 public:
  virtual ~Emitter() = default;
  // kFull: a consumer is behind; the error says when to come back.
  virtual Result<SampleBatch*> Reserve(uint64_t rows) = 0;
  // Takes the batch over. kStaleSeries: some rows were left out.
  virtual Status Commit(SampleBatch* batch, uint64_t rows) = 0;
  virtual Status Logs(std::vector<LogLine> lines) = 0;
  // Finding::id holds the detector's own number as text; the runner makes it unique.
  virtual Status Findings(std::vector<Finding> findings) = 0;
};

class Instance {
 public:
  virtual ~Instance() = default;
};

class SourceInstance : public Instance {
 public:
  virtual Status Start(Emitter& emitter) = 0;
  virtual void Stop() = 0;
  virtual bool polled() const = 0;
  virtual int64_t IntervalNs() = 0;
  virtual Status Poll(int64_t deadline_ns) = 0;
  virtual bool can_backfill() const = 0;
  virtual Status Backfill(int64_t from_ns, int64_t to_ns) = 0;
};

// How unusual one moment is in a detector's opinion; see heald/abi/score.h.
struct MomentScore {
  uint32_t series = kNoSeries;  // none: several, judged together
  int64_t ts_ns = 0;
  double score = 0;  // finite, not negative
  std::vector<Contributor> contributors;
};

class DetectorInstance : public Instance {
 public:
  virtual Status Samples(const SampleBatch& batch, Emitter& emitter) = 0;
  // Samples, with an opinion of each moment in it, appended to `scores`.
  virtual bool can_score() const { return false; }
  virtual Status Score(const SampleBatch&, Emitter&, std::vector<MomentScore>*) {
    return MakeError(Code::kUnsupported, "this detector has no score for each moment");
  }
  virtual Status Logs(std::span<const LogLine> lines, Emitter& emitter) = 0;
  virtual Status Tick(int64_t now_ns, Emitter& emitter) = 0;
  virtual void Expired(std::span<const uint32_t> series, Emitter& emitter) = 0;
  virtual bool can_snapshot() const = 0;
  virtual Result<std::string> Snapshot() = 0;
  virtual Status Restore(std::string_view state) = 0;
};

struct ActionCall {
  std::string decision;
  std::string policy;
  uint64_t incident = 0;
  std::string trace_id;
  Labels target;
  Value params;  // config with ${…} filled in
  const Finding* finding = nullptr;
  int64_t deadline_ns = 0;
  Part part = Part::kAll;
};

enum class EffectState : uint8_t { kPending = 0, kDone = 1, kFailed = 2, kAbsent = 3 };
struct Effect {
  EffectState state = EffectState::kPending;
  std::string detail;
  std::vector<Call> calls = {};  // made for it, oldest first
};

class ActionInstance : public Instance {
 public:
  virtual Status Start() = 0;
  virtual void Stop(bool leaving) = 0;
  virtual Result<Plan> MakePlan(const ActionCall& call) = 0;
  virtual bool can_dry_run() const = 0;
  virtual Result<Effect> DryRun(const ActionCall& call, const Plan& plan) = 0;
  virtual Result<Effect> Execute(const ActionCall& call, const Plan& plan) = 0;
  virtual Result<Effect> Observe(const ActionCall& call, const Plan& plan) = 0;
  virtual Result<Effect> Undo(const ActionCall& call, const Plan& plan) = 0;
};

struct Notification {
  enum class Kind : uint8_t { kFinding = 0, kIncident = 1, kDecision = 2, kOutcome = 3 };
  Kind kind = Kind::kFinding;
  std::string event_id;  // the same when delivered again
  std::string node;      // detector or policy
  int64_t ts_ns = 0;
  std::string text;
  std::string url;  // where people see its incident; may be empty
  std::shared_ptr<const Finding> finding;
  std::shared_ptr<const Incident> incident;
  std::shared_ptr<const Decision> decision;
  std::shared_ptr<const Outcome> outcome;
};

class NotifierInstance : public Instance {
 public:
  virtual Status Start() = 0;
  virtual void Stop(bool leaving) = 0;
  // One status per item, in order. What the first failure says holds for that one alone; those
  // after it may just not have been tried.
  virtual std::vector<Status> Notify(std::span<const Notification> items,
                                     std::span<const Value> params) = 0;
};

// A request that a node takes on the agent's listener; see heald/abi/http.h.
struct PushRequest {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  std::string path;  // below the node's name: "" or "/word"
  Pairs query;
  Pairs headers;  // names in lower case
  std::string body;
  std::string actor;
};
struct PushAnswer {
  int status = 204;
  std::string content_type;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  int64_t retry_after_ns = 0;
};
struct PushRoute {
  std::string path;
  uint64_t max_body_bytes = 0;
  std::function<Result<PushAnswer>(const PushRequest&)> handler;
};

// What the runner tells a new instance about itself; outlives it.
class NodeContext {
 public:
  virtual ~NodeContext() = default;
  virtual uint32_t index() const = 0;
  virtual const NodeSpec& spec() const = 0;
  virtual bool cancelled() const = 0;
  // kUnavailable where nobody listens: everywhere but in a running agent.
  virtual Result<uint64_t> Mount(PushRoute) {
    return MakeError(
        Code::kUnavailable,
        "it waits for others to push, and nothing listens here: only `heald run` does");
  }
  virtual void Unmount(uint64_t) {}
};

class InstanceFactory {
 public:
  virtual ~InstanceFactory() = default;
  // No side effects but the state folder.
  virtual Result<std::unique_ptr<SourceInstance>> MakeSource(NodeContext& node) = 0;
  virtual Result<std::unique_ptr<DetectorInstance>> MakeDetector(NodeContext& node) = 0;
  virtual Result<std::unique_ptr<ActionInstance>> MakeAction(NodeContext& node) = 0;
  virtual Result<std::unique_ptr<NotifierInstance>> MakeNotifier(NodeContext& node) = 0;
};

}  // namespace heald
