#include "core/backtest/replay.h"

#include <algorithm>

namespace heald::backtest {
namespace {

constexpr int64_t kTickNs = kSecond;

Error Named(const NodeSpec& spec, const Error& error) {
  Error named = error;
  named.message = std::string(ToString(spec.kind)) + " " + spec.name + ": " + error.message;
  return named;
}

}  // namespace

// A detector and what it emits.
class Replay::Node final : public NodeContext, public Emitter {
 public:
  Node(uint32_t index, const NodeSpec& spec, Replay* replay)
      : index_(index), spec_(spec), replay_(*replay) {}

  // NodeContext
  uint32_t index() const override { return index_; }
  const NodeSpec& spec() const override { return spec_; }
  bool cancelled() const override { return false; }

  // Emitter
  Result<SampleBatch*> Reserve(uint64_t) override { return NotASource(); }
  Status Commit(SampleBatch*, uint64_t) override { return NotASource(); }
  Status Logs(std::vector<LogLine>) override { return NotASource(); }
  Status Findings(std::vector<Finding> findings) override {
    for (Finding& finding : findings) {
      finding.node = spec_.name;
      finding.id = spec_.name + "/replay/" + finding.id;
      replay_.engine_->OnFinding(finding);
    }
    return {};
  }

  Status Create(InstanceFactory& factory) {
    Result<std::unique_ptr<DetectorInstance>> made = factory.MakeDetector(*this);
    if (!made) return Named(spec_, made.error());
    instance_ = std::move(*made);
    return {};
  }
  bool Reads(const std::string& source, std::string_view output) const {
    return std::any_of(spec_.inputs.begin(), spec_.inputs.end(), [&](const InputRef& input) {
      return input.node == source && (input.output.empty() || input.output == output);
    });
  }
  Status Samples(const SampleBatch& batch) { return Checked(instance_->Samples(batch, *this)); }
  Status Tick(int64_t now_ns) { return Checked(instance_->Tick(now_ns, *this)); }

 private:
  Status Checked(const Status& status) const {
    return status ? status : Status(Named(spec_, status.error()));
  }
  Error NotASource() const {
    return MakeError(Code::kUnsupported, "a detector emits findings only");
  }

  const uint32_t index_;
  const NodeSpec& spec_;
  Replay& replay_;
  std::unique_ptr<DetectorInstance> instance_;
};

Replay::Replay(const Deps& deps, const PipelineSpec& spec)
    : deps_(deps), spec_(spec), next_tick_ns_(deps.clock->NowNs() + kTickNs) {}

Replay::~Replay() = default;

Result<std::unique_ptr<Replay>> Replay::Create(const Deps& deps, const PipelineSpec& spec) {
  std::unique_ptr<Replay> replay(new Replay(deps, spec));
  for (const NodeSpec& node : replay->spec_.nodes)
    if (const Value* interval = node.config.Find("interval");
        node.kind == Kind::kSource && interval != nullptr && interval->AsInt() != nullptr)
      replay->latest_.SetStaleness(node.name, 3 * *interval->AsInt());
  Result<std::unique_ptr<remedy::Engine>> engine = remedy::Engine::Create(
      {deps.clock, deps.store, deps.gateway, deps.sink, &replay->latest_}, replay->spec_);
  if (!engine) return engine.error();
  replay->engine_ = std::move(*engine);
  for (size_t i = 0; i < replay->spec_.nodes.size(); ++i) {
    const NodeSpec& node = replay->spec_.nodes[i];
    if (node.kind != Kind::kDetector || !node.enabled) continue;
    auto& made = replay->detectors_.emplace_back(
        std::make_unique<Node>(static_cast<uint32_t>(i), node, replay.get()));
    if (Status status = made->Create(*deps.factory); !status) return status.error();
  }
  return replay;
}

Result<uint32_t> Replay::Intern(const std::string& source, const std::string& output,
                                const Labels& labels) {
  for (size_t i = 0; i < spec_.nodes.size(); ++i) {
    if (spec_.nodes[i].name != source) continue;
    Labels named = labels;
    named.Set("__name__", output);
    return deps_.series->Intern(static_cast<uint32_t>(i), named, spec_.nodes[i].max_series,
                                deps_.clock->MonotonicNs());
  }
  return MakeError(Code::kNotFound, "there is no source '" + source + "'");
}

Status Replay::Feed(const std::string& source, const std::vector<ReplaySample>& samples) {
  for (const auto& detector : detectors_) {
    const BatchRef batch(new SampleBatch(0, samples.size(), false));
    for (const ReplaySample& sample : samples) {
      const SeriesTable::Series* series = deps_.series->Get(sample.series);
      if (series == nullptr || !detector->Reads(source, series->labels.Get("__name__"))) continue;
      batch->series[batch->rows] = sample.series;
      batch->ts_ns[batch->rows] = sample.ts_ns;
      batch->value[batch->rows++] = sample.value;
    }
    if (batch->rows == 0) continue;
    if (Status status = detector->Samples(*batch); !status) return status;
  }
  // After the detectors, as conditions read findings and samples of the same moment.
  for (const ReplaySample& sample : samples)
    if (const SeriesTable::Series* series = deps_.series->Get(sample.series))
      latest_.Record(source, series->labels.Get("__name__"), series->labels, sample.value,
                     sample.ts_ns);
  return {};
}

Status Replay::TickDetectors() {
  for (const auto& detector : detectors_)
    if (Status status = detector->Tick(deps_.clock->NowNs()); !status) return status;
  return {};
}

Status Replay::AdvanceTo(int64_t ts_ns, const std::function<int64_t()>& next_due,
                         const std::function<void()>& deliver) {
  for (;;) {
    deliver();
    const int64_t due_ns = std::min({engine_->Tick(), next_due(), next_tick_ns_});
    if (due_ns > ts_ns) break;
    deps_.clock->Set(std::max(due_ns, deps_.clock->NowNs()));
    if (deps_.clock->NowNs() < next_tick_ns_) continue;
    next_tick_ns_ += kTickNs;
    if (Status status = TickDetectors(); !status) return status;
  }
  deps_.clock->Set(ts_ns);
  return {};
}

}  // namespace heald::backtest
