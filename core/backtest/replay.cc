#include "core/backtest/replay.h"

#include <algorithm>
#include <set>

namespace heald::backtest {
namespace {

constexpr int64_t kTickNs = kSecond;
constexpr size_t kMaxGone = 100'000;  // expired series that may come back under their old handles

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
      if (history_) {
        if (finding.state == FindingState::kClear)
          held_.erase(finding.id);
        else
          held_.insert(finding.id);
        continue;
      }
      if (held_.erase(finding.id) != 0) {
        if (finding.state == FindingState::kClear) continue;
        finding.state = FindingState::kOpen;
      }
      replay_.TellEngine(finding);
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
  Status Samples(const SampleBatch& batch) {
    history_ = batch.backfill;
    return Checked(instance_->Samples(batch, *this));
  }
  void Expired(const std::vector<uint32_t>& series) { instance_->Expired(series, *this); }
  Status TakeLogs(const std::vector<LogLine>& lines) {
    history_ = false;
    return Checked(instance_->Logs(lines, *this));
  }
  Status Tick(int64_t now_ns) {
    const Status status = instance_->Tick(now_ns, *this);
    // It isn't well, which ends no run of the agent either.
    if (!status && status.error().code == Code::kUnavailable) return {};
    return Checked(status);
  }

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
  bool history_ = false;        // what it saw last
  std::set<std::string> held_;  // found in history
};

// Hands on, and notes whether predictions wait to be judged by samples.
class Replay::Sink final : public remedy::EventSink {
 public:
  explicit Sink(remedy::EventSink* next) : next_(*next) {}
  void OnNotice(const remedy::Notice& notice) override { next_.OnNotice(notice); }
  void OnProblem(const Error& error) override { next_.OnProblem(error); }
  void OnJudged(const Forecast& forecast) override { next_.OnJudged(forecast); }
  void OnWatch(const std::vector<std::string>& metrics) override {
    watched_ = !metrics.empty();
    next_.OnWatch(metrics);
  }
  bool watched() const { return watched_; }

 private:
  remedy::EventSink& next_;
  bool watched_ = false;
};

Replay::Replay(const Deps& deps, const PipelineSpec& spec)
    : deps_(deps),
      spec_(spec),
      sink_(std::make_unique<Sink>(deps.sink)),
      next_tick_ns_(deps.clock->NowNs() + kTickNs) {}

Replay::~Replay() = default;

Result<std::unique_ptr<Replay>> Replay::Create(const Deps& deps, const PipelineSpec& spec) {
  std::unique_ptr<Replay> replay(new Replay(deps, spec));
  for (const NodeSpec& node : replay->spec_.nodes)
    if (const Value* interval = node.config.Find("interval");
        node.kind == Kind::kSource && interval != nullptr && interval->AsInt() != nullptr)
      replay->latest_.SetStaleness(node.name, 3 * *interval->AsInt());
  Result<std::unique_ptr<remedy::Engine>> engine = remedy::Engine::Create(
      {deps.clock, deps.store, deps.gateway, replay->sink_.get(), &replay->latest_}, replay->spec_,
      deps.engine);
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

uint32_t Replay::OutputOf(const SeriesTable::Series& series) {
  const auto [at, is_new] =
      output_of_.try_emplace({series.owner, std::string(series.labels.Get("__name__"))},
                             static_cast<uint32_t>(outputs_.size()));
  if (is_new) {
    Output& output = outputs_.emplace_back();
    output.source = spec_.nodes[series.owner].name;
    output.name = at->first.second;
    for (const auto& detector : detectors_)
      if (detector->Reads(output.source, output.name)) output.readers.push_back(detector.get());
    output.looked_up = latest_.Wanted(output.source, output.name);
  }
  return at->second;
}

Replay::Route* Replay::RouteOf(uint32_t handle) {
  uint32_t slot = SeriesTable::Slot(handle);
  if (slot < routes_.size() && routes_[slot].handle == handle) return &routes_[slot];
  handle = LiveHandle(handle);
  const SeriesTable::Series* series = deps_.series->Get(handle);
  if (series == nullptr) return nullptr;
  slot = SeriesTable::Slot(handle);
  if (slot >= routes_.size()) routes_.resize(slot + 1);
  Route& route = routes_[slot];
  if (route.handle == handle) return &route;
  route = {handle, series, OutputOf(*series), false, 0, 0};
  return &route;
}

uint32_t Replay::LiveHandle(uint32_t handle) {
  const auto at = gone_.find(handle);
  if (at == gone_.end()) return handle;
  Gone& gone = at->second;
  if (gone.again == kNoSeries || deps_.series->Get(gone.again) == nullptr) {
    const Result<uint32_t> again = deps_.series->Intern(
        gone.owner, gone.labels, spec_.nodes[gone.owner].max_series, deps_.clock->MonotonicNs());
    if (!again) return handle;
    gone.again = *again;
  }
  return gone.again;
}

Status Replay::Feed(const std::vector<ReplaySample>& samples, bool history) {
  for (Output& output : outputs_) output.looked_up = latest_.Wanted(output.source, output.name);
  const int64_t now_ns = deps_.clock->MonotonicNs();
  std::vector<Route*> routes(samples.size());
  for (const ReplaySample& sample : samples) RouteOf(sample.series);  // makes room for all
  for (size_t i = 0; i < samples.size(); ++i) {
    routes[i] = RouteOf(samples[i].series);
    if (routes[i] != nullptr)
      SeriesTable::Touch(routes[i]->series, now_ns, samples[i].value, samples[i].ts_ns);
  }
  for (const auto& detector : detectors_) {
    const BatchRef batch(new SampleBatch(0, samples.size(), history));
    for (size_t i = 0; i < samples.size(); ++i) {
      if (routes[i] == nullptr) continue;
      const std::vector<Node*>& readers = outputs_[routes[i]->output].readers;
      if (std::find(readers.begin(), readers.end(), detector.get()) == readers.end()) continue;
      batch->series[batch->rows] = routes[i]->handle;
      batch->ts_ns[batch->rows] = samples[i].ts_ns;
      batch->value[batch->rows++] = samples[i].value;
    }
    if (batch->rows == 0) continue;
    if (Status status = detector->Samples(*batch); !status) return status;
  }
  // After the detectors, as conditions read findings and samples of the same moment.
  for (size_t i = 0; i < samples.size(); ++i) {
    Route* const route = routes[i];
    if (route == nullptr || !outputs_[route->output].looked_up) continue;
    if (!route->unseen) unseen_.push_back(SeriesTable::Slot(route->handle));
    route->unseen = true;
    route->value = samples[i].value;
    route->ts_ns = samples[i].ts_ns;
  }
  if (sink_->watched() || !engine_->incidents().all().empty()) ShowLatest();
  return {};
}

// While nothing is going on nobody looks, and keeping up with every sample is dear.
void Replay::ShowLatest() {
  for (const uint32_t slot : unseen_) {
    Route& route = routes_[slot];
    if (!route.unseen) continue;
    route.unseen = false;
    const Output& output = outputs_[route.output];
    latest_.Record(output.source, output.name, route.series->labels, route.value, route.ts_ns);
  }
  unseen_.clear();
}

void Replay::TellEngine(const Finding& finding) {
  ShowLatest();
  if (deps_.on_finding) deps_.on_finding(finding);
  engine_->OnFinding(finding);
}

void Replay::Expire(int64_t before_ns) {
  ShowLatest();
  std::unordered_map<uint32_t, Gone> old;
  deps_.series->ForEach([&](const SeriesTable::Series& series) {
    if (series.touched_ns.load(std::memory_order_relaxed) < before_ns)
      old[series.handle] = {series.owner, series.labels, kNoSeries};
  });
  const std::vector<uint32_t> gone = deps_.series->Expire(before_ns);
  if (gone.empty()) return;
  for (const uint32_t handle : gone)
    if (const uint32_t slot = SeriesTable::Slot(handle); slot < routes_.size())
      routes_[slot] = Route();
  if (gone_.size() > kMaxGone) gone_.clear();
  gone_.merge(old);
  for (const auto& detector : detectors_) detector->Expired(gone);
}

void Replay::JumpTo(int64_t ts_ns) {
  deps_.clock->Set(ts_ns);
  next_tick_ns_ = ts_ns + kTickNs;
}

Status Replay::FeedLogs(const std::string& source, const std::vector<LogLine>& lines) {
  for (const auto& detector : detectors_) {
    std::vector<LogLine> read;
    for (const LogLine& line : lines) {
      const SeriesTable::Series* stream = deps_.series->Get(line.stream);
      if (stream != nullptr && detector->Reads(source, stream->labels.Get("__name__")))
        read.push_back(line);
    }
    if (read.empty()) continue;
    if (Status status = detector->TakeLogs(read); !status) return status;
  }
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
