#include "core/plugin/instances.h"

#include <sys/stat.h>

#include <deque>
#include <filesystem>
#include <utility>

#include "core/model/template.h"
#include "core/plugin/convert.h"

namespace heald::plugin {
namespace {

// One created component with its host table. Base of the four kinds.
class Created {
 public:
  Created(const heald_component& component, const Shared& shared, NodeContext& node,
          std::string state_dir)
      : component_(component), host_(shared, node, std::move(state_dir)) {}
  Created(const Created&) = delete;
  Created& operator=(const Created&) = delete;
  ~Created() {
    if (self_ != nullptr) component_.destroy(self_);
  }
  Status Create(const Value& config) {
    Views views;
    const heald_value value = views.Of(config);
    heald_error error = NewError();
    const int32_t code = component_.create(host_.table(), &value, &self_, &error);
    if (code == HEALD_OK && self_ != nullptr) return {};
    self_ = nullptr;
    return FromC(code == HEALD_OK ? HEALD_INTERNAL : code, error);
  }
  void* self() const { return self_; }
  // All zero where the component doesn't have it.
  template <typename T>
  T Extension(std::string_view id) const {
    T table{};
    const void* found =
        component_.get_extension == nullptr ? nullptr : component_.get_extension(ToC(id));
    if (found == nullptr) return table;
    uint32_t size = 0;
    std::memcpy(&size, found, sizeof size);
    ReadSized(found, size, &table);
    return table;
  }

  template <typename T>
  T Table() const {
    T table;
    uint32_t size = 0;
    std::memcpy(&size, component_.vtable, sizeof size);
    ReadSized(component_.vtable, size, &table);
    return table;
  }

 private:
  const heald_component component_;
  NodeHost host_;
  void* self_ = nullptr;
};

// Calls a hook that takes a heald_error last; null is success.
template <typename F, typename... Args>
Status Call(F hook, Args... args) {
  heald_error error = NewError();
  const int32_t code = hook(args..., &error);
  if (code == HEALD_OK) return {};
  return FromC(code, error);
}

template <typename F>
Status CallOptional(F hook, void* self) {
  if (hook == nullptr) return {};
  return Call(hook, self);
}

class Source final : public SourceInstance {
 public:
  explicit Source(std::unique_ptr<Created> created)
      : created_(std::move(created)), table_(created_->Table<heald_source_vtable>()) {}
  Status Start(Emitter& emitter) override {
    sink_.emplace(emitter);
    return Call(table_.start, created_->self(), sink_->table());
  }
  void Stop() override { table_.stop(created_->self()); }
  bool polled() const override { return table_.poll != nullptr; }
  int64_t IntervalNs() override { return table_.interval_ns(created_->self()); }
  Status Poll(int64_t deadline_ns) override {
    return Call(table_.poll, created_->self(), deadline_ns);
  }
  bool can_backfill() const override { return table_.backfill != nullptr; }
  Status Backfill(int64_t from_ns, int64_t to_ns) override {
    return Call(table_.backfill, created_->self(), from_ns, to_ns);
  }

 private:
  std::unique_ptr<Created> created_;
  heald_source_vtable table_;
  std::optional<NodeSink> sink_;
};

heald_samples ViewOf(const SampleBatch& batch) {
  return {sizeof(heald_samples),
          0,
          batch.series.data(),
          batch.ts_ns.data(),
          batch.value.data(),
          batch.rows,
          const_cast<SampleBatch*>(&batch)};
}

void TakeScores(void* ctx, const heald_score* scores, uint64_t count, uint64_t stride) {
  auto& out = *static_cast<std::vector<MomentScore>*>(ctx);
  for (uint64_t i = 0; i < count; ++i) {
    heald_score score;
    ReadSized(reinterpret_cast<const char*>(scores) + i * stride, stride, &score);
    out.push_back(FromC(score));
  }
}

class Detector final : public DetectorInstance {
 public:
  explicit Detector(std::unique_ptr<Created> created)
      : created_(std::move(created)),
        table_(created_->Table<heald_detector_vtable>()),
        score_(created_->Extension<heald_score_extension>(HEALD_EXT_SCORE)) {}
  Status Samples(const SampleBatch& batch, Emitter& emitter) override {
    if (table_.samples == nullptr) return {};
    const NodeSink sink(emitter);
    const heald_samples samples = ViewOf(batch);
    return Call(table_.samples, created_->self(), &samples, sink.table());
  }
  bool can_score() const override { return score_.score != nullptr; }
  Status Score(const SampleBatch& batch, Emitter& emitter,
               std::vector<MomentScore>* scores) override {
    if (!can_score()) return DetectorInstance::Score(batch, emitter, scores);
    const NodeSink sink(emitter);
    const heald_samples samples = ViewOf(batch);
    const heald_score_sink to{sizeof to, 0, scores, &TakeScores};
    return Call(score_.score, created_->self(), &samples, sink.table(), &to);
  }
  Status Logs(std::span<const LogLine> lines, Emitter& emitter) override {
    if (table_.logs == nullptr) return {};
    const NodeSink sink(emitter);
    Views views;
    std::vector<heald_log_line> out;
    out.reserve(lines.size());
    for (const LogLine& line : lines) out.push_back(views.Of(line));
    return Call(table_.logs, created_->self(), out.data(), uint64_t{out.size()},
                uint64_t{sizeof(heald_log_line)}, sink.table());
  }
  Status Tick(int64_t now_ns, Emitter& emitter) override {
    if (table_.tick == nullptr) return {};
    const NodeSink sink(emitter);
    return Call(table_.tick, created_->self(), now_ns, sink.table());
  }
  void Expired(std::span<const uint32_t> series, Emitter& emitter) override {
    if (table_.expired == nullptr) return;
    const NodeSink sink(emitter);
    table_.expired(created_->self(), series.data(), series.size(), sink.table());
  }
  bool can_snapshot() const override {
    return table_.snapshot != nullptr && table_.restore != nullptr;
  }
  Result<std::string> Snapshot() override {
    heald_str state{};
    if (Status s = Call(table_.snapshot, created_->self(), &state); !s) return s.error();
    return std::string(FromC(state));
  }
  Status Restore(std::string_view state) override {
    return Call(table_.restore, created_->self(), ToC(state));
  }

 private:
  std::unique_ptr<Created> created_;
  heald_detector_vtable table_;
  heald_score_extension score_;
};

class Action final : public ActionInstance {
 public:
  explicit Action(std::unique_ptr<Created> created)
      : created_(std::move(created)), table_(created_->Table<heald_action_vtable>()) {}
  Status Start() override { return CallOptional(table_.start, created_->self()); }
  void Stop(bool leaving) override {
    if (table_.stop != nullptr) table_.stop(created_->self(), leaving ? 1 : 0);
  }
  Result<Plan> MakePlan(const ActionCall& call) override {
    Views views;
    heald_finding finding;
    heald_value params;
    const heald_action_request request = Request(call, views, &finding, &params);
    heald_plan plan{};
    plan.size = sizeof plan;
    if (Status s = Call(table_.plan, created_->self(), &request, &plan); !s) return s.error();
    return FromC(plan);
  }
  bool can_dry_run() const override { return table_.dry_run != nullptr; }
  Result<Effect> DryRun(const ActionCall& call, const Plan& plan) override {
    return Run(table_.dry_run, call, plan);
  }
  Result<Effect> Execute(const ActionCall& call, const Plan& plan) override {
    return Run(table_.execute, call, plan);
  }
  Result<Effect> Observe(const ActionCall& call, const Plan& plan) override {
    return Run(table_.observe, call, plan);
  }
  Result<Effect> Undo(const ActionCall& call, const Plan& plan) override {
    return Run(table_.undo, call, plan);
  }

 private:
  using EffectHook = int32_t (*)(void*, const heald_action_request*, const heald_plan*,
                                 heald_effect*, heald_error*);

  static heald_action_request Request(const ActionCall& call, Views& views, heald_finding* finding,
                                      heald_value* params) {
    heald_action_request request{};
    request.size = sizeof request;
    request.decision = ToC(call.decision);
    request.policy = ToC(call.policy);
    request.incident = call.incident;
    request.trace_id = ToC(call.trace_id);
    request.target = views.Of(call.target);
    *params = views.Of(call.params);
    request.params = params;
    if (call.finding != nullptr) {
      *finding = views.Of(*call.finding);
      request.finding = finding;
    }
    request.deadline_ns = call.deadline_ns;
    request.part = static_cast<uint32_t>(call.part);
    return request;
  }
  Result<Effect> Run(EffectHook hook, const ActionCall& call, const Plan& plan) {
    if (hook == nullptr)
      return MakeError(Code::kUnsupported, "this action doesn't have that operation");
    Views views;
    heald_finding finding;
    heald_value params;
    const heald_action_request request = Request(call, views, &finding, &params);
    const heald_plan c_plan = views.Of(plan);
    heald_effect effect{};
    effect.size = sizeof effect;
    if (Status s = plugin::Call(hook, created_->self(), &request, &c_plan, &effect); !s) {
      s.error().calls = CallsFromC(effect);
      return s.error();
    }
    return FromC(effect);
  }

  std::unique_ptr<Created> created_;
  heald_action_vtable table_;
};

class Notifier final : public NotifierInstance {
 public:
  explicit Notifier(std::unique_ptr<Created> created)
      : created_(std::move(created)), table_(created_->Table<heald_notifier_vtable>()) {}
  Status Start() override { return CallOptional(table_.start, created_->self()); }
  void Stop(bool leaving) override {
    if (table_.stop != nullptr) table_.stop(created_->self(), leaving ? 1 : 0);
  }
  std::vector<Status> Notify(std::span<const Notification> items,
                             std::span<const Value> params) override {
    Views views;
    std::deque<Records> records;
    std::vector<heald_notification> out;
    out.reserve(items.size());
    for (size_t i = 0; i < items.size(); ++i)
      out.push_back(ViewOf(items[i], params[i], views, records.emplace_back()));
    std::vector<int32_t> codes(items.size(), HEALD_CANCELLED);
    heald_error error = NewError();
    const int32_t code = table_.notify(created_->self(), out.data(), out.size(),
                                       sizeof(heald_notification), codes.data(), &error);
    std::vector<Status> results(items.size());
    bool first = true;
    for (size_t i = 0; i < items.size(); ++i) {
      const int32_t result = code != HEALD_OK ? code : codes[i];
      if (result == HEALD_OK) continue;
      // The error is about the first; for the others there is only the code.
      results[i] = std::exchange(first, false)
                       ? FromC(result, error)
                       : MakeError(Code::kCancelled, "not delivered with those before it");
    }
    return results;
  }

 private:
  // What a heald_notification points to.
  struct Records {
    heald_finding finding;
    heald_incident incident;
    heald_decision decision;
    heald_outcome outcome;
    heald_value params;
  };

  static heald_notification ViewOf(const Notification& in, const Value& params, Views& views,
                                   Records& records) {
    heald_notification out{};
    out.size = sizeof out;
    out.kind = static_cast<uint32_t>(in.kind);
    out.event_id = ToC(in.event_id);
    out.node = ToC(in.node);
    out.ts_ns = in.ts_ns;
    out.text = ToC(in.text);
    if (in.finding) out.finding = &(records.finding = views.Of(*in.finding));
    if (in.incident) out.incident = &(records.incident = views.Of(*in.incident));
    if (in.decision) out.decision = &(records.decision = views.Of(*in.decision));
    if (in.outcome) out.outcome = &(records.outcome = views.Of(*in.outcome));
    out.params = &(records.params = views.Of(params));
    return out;
  }

  std::unique_ptr<Created> created_;
  heald_notifier_vtable table_;
};

template <typename T, typename Interface>
Result<std::unique_ptr<Interface>> Make(const Loader& loader, const Shared& shared,
                                        NodeContext& node) {
  const NodeSpec& spec = node.spec();
  const LoadedComponent* component = loader.FindLoaded(spec.kind, spec.plugin);
  if (component == nullptr)
    return MakeError(Code::kNotFound,
                     "there is no " + std::string(ToString(spec.kind)) + " plugin " + spec.plugin);
  const std::filesystem::path dir = std::filesystem::path(shared.state_dir) / "nodes" / spec.name;
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error)
    return MakeError(Code::kUnavailable,
                     "can't make the state folder " + dir.string() + ": " + error.message());
  auto created = std::make_unique<Created>(component->table, shared, node, dir.string());
  // The plugin keeps the texts that are the same for every event as they are, without the escapes
  // of a template.
  if (Status s = created->Create(spec.templated ? RenderConstants(spec.config) : spec.config); !s)
    return s.error();
  return std::unique_ptr<Interface>(std::make_unique<T>(std::move(created)));
}

}  // namespace

Factory::Factory(const Loader& loader, Shared shared)
    : loader_(loader), shared_(std::move(shared)) {}

Result<std::unique_ptr<SourceInstance>> Factory::MakeSource(NodeContext& node) {
  return Make<Source, SourceInstance>(loader_, shared_, node);
}
Result<std::unique_ptr<DetectorInstance>> Factory::MakeDetector(NodeContext& node) {
  return Make<Detector, DetectorInstance>(loader_, shared_, node);
}
Result<std::unique_ptr<ActionInstance>> Factory::MakeAction(NodeContext& node) {
  return Make<Action, ActionInstance>(loader_, shared_, node);
}
Result<std::unique_ptr<NotifierInstance>> Factory::MakeNotifier(NodeContext& node) {
  return Make<Notifier, NotifierInstance>(loader_, shared_, node);
}

}  // namespace heald::plugin
