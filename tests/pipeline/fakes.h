// Instances written directly against the runner's interfaces, and a factory that hands them out.
// Used by the pipeline tests. Thread rule: counters are atomic or locked.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/pipeline/runner.h"

namespace heald::fakes {

// Waits until the condition holds; false after ten seconds.
inline bool Eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 5000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return condition();
}

// What the fake instances share with the test.
struct World {
  explicit World(SeriesTable& table) : series(table) {}
  SeriesTable& series;
  std::mutex mutex;
  std::map<std::string, int> created;  // node -> instances made
  std::map<std::string, std::vector<std::string>> calls;
  std::map<std::string, std::vector<double>> seen;  // detector -> values
  std::string fail_create;                          // node
  std::string fail_start;
  std::atomic<bool> unwell{false};                                      // what detectors' ticks say
  std::map<std::string, std::function<Status(NodeContext&)>> on_start;  // sources
  std::map<std::string, std::function<Status(const NodeContext&, Emitter&)>> on_poll;
  std::map<std::string, std::function<Status(const SampleBatch&, Emitter&)>> on_samples;
  std::map<std::string, std::function<Status(Emitter&)>> on_logs;
  std::map<std::string, std::function<Status(const Notification&)>> on_notify;
  std::map<std::string, std::function<void(Emitter&)>> on_backfill;

  void Note(const std::string& node, const std::string& call) {
    const std::lock_guard lock(mutex);
    calls[node].push_back(call);
  }
  std::vector<std::string> CallsOf(const std::string& node) {
    const std::lock_guard lock(mutex);
    return calls[node];
  }
  std::vector<double> Seen(const std::string& node) {
    const std::lock_guard lock(mutex);
    return seen[node];
  }
  int Created(const std::string& node) {
    const std::lock_guard lock(mutex);
    return created[node];
  }
};

// One row under this name, from the node with this index.
inline Status EmitOne(World& world, const NodeContext& node, Emitter& out, const std::string& name,
                      double value) {
  const Result<uint32_t> series =
      world.series.Intern(node.index(), {{"__name__", name}, {"service", "a"}}, 100, 0);
  if (!series) return series.error();
  Result<SampleBatch*> batch = out.Reserve(1);
  if (!batch) return batch.error();
  (*batch)->series[0] = *series;
  (*batch)->ts_ns[0] = 1;
  (*batch)->value[0] = value;
  return out.Commit(*batch, 1);
}

// A notification as lines of text: id, node, text, and the service its finding is about.
inline NoticeCodec TextNotices() {
  return {[](const Notification& n) {
            return n.event_id + "\n" + n.node + "\n" + n.text + "\n" +
                   (n.finding ? std::string(n.finding->target.Get("service")) : "") + "\n";
          },
          [](std::string_view text) -> Result<Notification> {
            Notification n;
            std::string service;
            for (std::string* part : {&n.event_id, &n.node, &n.text, &service}) {
              const size_t end = text.find('\n');
              if (end == std::string_view::npos) return MakeError(Code::kCorrupt, "no such line");
              *part = text.substr(0, end);
              text.remove_prefix(end + 1);
            }
            if (!service.empty()) {
              Finding finding;
              finding.target = {{"service", service}};
              n.finding = std::make_shared<const Finding>(finding);
            }
            return n;
          }};
}

class FakeSource final : public SourceInstance {
 public:
  FakeSource(World& world, NodeContext& node) : world_(world), node_(node) {}
  Status Start(Emitter& emitter) override {
    world_.Note(node_.spec().name, "start");
    emitter_ = &emitter;
    if (world_.fail_start == node_.spec().name) return MakeError(Code::kUnavailable, "no port");
    const auto at = world_.on_start.find(node_.spec().name);
    return at == world_.on_start.end() ? Status() : at->second(node_);
  }
  void Stop() override { world_.Note(node_.spec().name, "stop"); }
  bool polled() const override { return true; }
  int64_t IntervalNs() override { return 5 * kMillisecond; }
  Status Poll(int64_t) override {
    const auto at = world_.on_poll.find(node_.spec().name);
    return at == world_.on_poll.end() ? Status() : at->second(node_, *emitter_);
  }
  bool can_backfill() const override { return world_.on_backfill.contains(node_.spec().name); }
  Status Backfill(int64_t, int64_t) override {
    world_.on_backfill.at(node_.spec().name)(*emitter_);
    return {};
  }

 private:
  World& world_;
  NodeContext& node_;
  Emitter* emitter_ = nullptr;
};

class FakeDetector final : public DetectorInstance {
 public:
  FakeDetector(World& world, const NodeContext& node) : world_(world), node_(node) {}
  Status Samples(const SampleBatch& batch, Emitter& emitter) override {
    {
      const std::lock_guard lock(world_.mutex);
      for (uint64_t i = 0; i < batch.rows; ++i)
        world_.seen[node_.spec().name].push_back(batch.value[i]);
    }
    state_ += batch.rows;
    const auto at = world_.on_samples.find(node_.spec().name);
    return at == world_.on_samples.end() ? Status() : at->second(batch, emitter);
  }
  Status Logs(std::span<const LogLine> lines, Emitter& emitter) override {
    for (const LogLine& line : lines) world_.Note(node_.spec().name, "line " + line.line);
    const auto at = world_.on_logs.find(node_.spec().name);
    return at == world_.on_logs.end() ? Status() : at->second(emitter);
  }
  Status Tick(int64_t, Emitter&) override {
    world_.Note(node_.spec().name, "tick");
    return world_.unwell ? MakeError(Code::kUnavailable, "it is full") : Status();
  }
  void Expired(std::span<const uint32_t> series, Emitter&) override {
    world_.Note(node_.spec().name, "expired " + std::to_string(series.size()));
  }
  bool can_snapshot() const override { return true; }
  Result<std::string> Snapshot() override { return std::to_string(state_); }
  Status Restore(std::string_view state) override {
    world_.Note(node_.spec().name, "restore " + std::string(state));
    return {};
  }

 private:
  World& world_;
  const NodeContext& node_;
  uint64_t state_ = 0;
};

class FakeAction final : public ActionInstance {
 public:
  FakeAction(World& world, const NodeContext& node) : world_(world), node_(node) {}
  Status Start() override {
    world_.Note(node_.spec().name, "start");
    return {};
  }
  void Stop(bool leaving) override {
    world_.Note(node_.spec().name, leaving ? "stop leaving" : "stop");
  }
  Result<Plan> MakePlan(const ActionCall&) override {
    Plan plan;
    plan.summary = "plan";
    return plan;
  }
  bool can_dry_run() const override { return false; }
  Result<Effect> DryRun(const ActionCall&, const Plan&) override { return Effect{}; }
  Result<Effect> Execute(const ActionCall&, const Plan&) override { return Effect{}; }
  Result<Effect> Observe(const ActionCall&, const Plan&) override { return Effect{}; }
  Result<Effect> Undo(const ActionCall&, const Plan&) override { return Effect{}; }

 private:
  World& world_;
  const NodeContext& node_;
};

class FakeNotifier final : public NotifierInstance {
 public:
  FakeNotifier(World& world, const NodeContext& node) : world_(world), node_(node) {}
  Status Start() override { return {}; }
  void Stop(bool) override {}
  std::vector<Status> Notify(std::span<const Notification> items,
                             std::span<const Value> params) override {
    std::vector<Status> out;
    bool failed = false;
    for (size_t i = 0; i < items.size(); ++i) {
      const auto at = world_.on_notify.find(node_.spec().name);
      if (failed)
        out.push_back(MakeError(Code::kCancelled, "not tried"));
      else
        out.push_back(at == world_.on_notify.end() ? Status() : at->second(items[i]));
      failed = !out.back();
      const Value* channel = params[i].Find("channel");
      if (out.back())
        world_.Note(node_.spec().name,
                    items[i].text + (channel != nullptr ? " @" + *channel->AsString() : ""));
    }
    return out;
  }

 private:
  World& world_;
  const NodeContext& node_;
};

class FakeFactory final : public InstanceFactory {
 public:
  explicit FakeFactory(World& world) : world_(world) {}
  Result<std::unique_ptr<SourceInstance>> MakeSource(NodeContext& node) override {
    return Make<FakeSource, SourceInstance>(node);
  }
  Result<std::unique_ptr<DetectorInstance>> MakeDetector(NodeContext& node) override {
    return Make<FakeDetector, DetectorInstance>(node);
  }
  Result<std::unique_ptr<ActionInstance>> MakeAction(NodeContext& node) override {
    return Make<FakeAction, ActionInstance>(node);
  }
  Result<std::unique_ptr<NotifierInstance>> MakeNotifier(NodeContext& node) override {
    return Make<FakeNotifier, NotifierInstance>(node);
  }

 private:
  template <typename T, typename Interface>
  Result<std::unique_ptr<Interface>> Make(NodeContext& node) {
    const std::lock_guard lock(world_.mutex);
    if (world_.fail_create == node.spec().name) return MakeError(Code::kInvalid, "bad key");
    ++world_.created[node.spec().name];
    return std::unique_ptr<Interface>(std::make_unique<T>(world_, node));
  }
  World& world_;
};

struct Events final : NodeEvents {
  bool WantsSamples(const NodeSpec&) override { return tap; }
  void OnSamples(const NodeSpec&, const SampleBatch& batch) override { tapped += batch.rows; }
  void OnFinding(Finding finding) override {
    const std::lock_guard lock(mutex);
    findings.push_back(std::move(finding));
  }
  void OnHealth(const NodeSpec& node, const Error* error) override {
    const std::lock_guard lock(mutex);
    health.push_back(node.name + ": " + (error != nullptr ? error->message : "ok"));
  }
  void OnCall(const NodeSpec&, int64_t) override { ++calls; }
  void OnGone(const NodeSpec& node) override {
    const std::lock_guard lock(mutex);
    gone.push_back(node.name);
  }
  std::vector<Finding> Findings() {
    const std::lock_guard lock(mutex);
    return findings;
  }
  std::vector<std::string> Health() {
    const std::lock_guard lock(mutex);
    return health;
  }
  std::atomic<bool> tap{false};
  std::atomic<uint64_t> tapped{0};
  std::atomic<uint64_t> calls{0};
  std::mutex mutex;
  std::vector<Finding> findings;
  std::vector<std::string> health;
  std::vector<std::string> gone;
};

}  // namespace heald::fakes
