#include "core/pipeline/runner.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>

namespace heald {
namespace {

constexpr int64_t kStopOneNs = 5 * kSecond;
// How long an end waits for notifiers; what they don't tell by then is told after the next start.
constexpr int64_t kDrainNoticesNs = 2 * kSecond;

// Everything but what the runner wires anew is the same.
bool SameNode(const NodeSpec& a, const NodeSpec& b) {
  return a.kind == b.kind && a.plugin == b.plugin && a.version == b.version &&
         a.config == b.config && a.queue == b.queue && a.when_full == b.when_full &&
         a.max_series == b.max_series && a.deadline_ns == b.deadline_ns &&
         (a.kind != Kind::kNotifier || a.inputs == b.inputs);  // Notify reads them from the node
}

bool DebuggerAttached() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("TracerPid:", 0) == 0)
      return line.find_first_of("123456789") != std::string::npos;
  return false;
}

std::string Base36(int64_t value) {
  std::string out;
  for (auto rest = static_cast<uint64_t>(value); rest != 0; rest /= 36)
    out += "0123456789abcdefghijklmnopqrstuvwxyz"[rest % 36];
  std::reverse(out.begin(), out.end());
  return out;
}

Error OfNode(const NodeSpec& spec, Error error) {
  error.message = std::string(ToString(spec.kind)) + " " + spec.name + ": " + error.message;
  return error;
}

}  // namespace

Runner::Runner(RunnerOptions options, const Clock& clock, SeriesTable& series,
               InstanceFactory& factory, NodeEvents& events)
    : options_(std::move(options)),
      clock_(clock),
      series_(series),
      factory_(factory),
      events_(events),
      pool_("heald-pool", options_.pool_threads) {}

Runner::~Runner() {
  Stop(kStopOneNs);
}

Runner::Nodes Runner::nodes() const {
  const std::lock_guard lock(mutex_);
  return nodes_;
}

std::string Runner::SnapshotPath(const NodeSpec& spec) const {
  return (std::filesystem::path(options_.state_dir) / "nodes" / spec.name / "snapshot").string();
}

// A spool belongs to a node and its plugin: what was meant for another kind of place stays where it
// is until the node goes back to that plugin.
Status Runner::GiveSpool(Node& node) {
  const NodeSpec& spec = node.spec();
  const std::filesystem::path folder =
      std::filesystem::path(options_.state_dir) / "nodes" / spec.name;
  std::error_code ignored;  // opening says it better
  std::filesystem::create_directories(folder, ignored);
  const std::string path = (folder / ("spool." + spec.plugin)).string();
  std::shared_ptr<Spool> spool = spools_[path].lock();
  if (spool == nullptr) {
    Result<std::unique_ptr<Spool>> opened = Spool::Open(path, options_.delivery.max_bytes);
    if (!opened) return opened.error();
    spool = std::move(*opened);
    spools_[path] = spool;
    if (!spool->damage().empty()) {
      const Error error = MakeError(Code::kCorrupt, spool->damage());
      events_.OnHealth(spec, &error);
    }
  }
  node.SetDelivery(std::make_unique<Delivery>(spec, options_.delivery, std::move(spool)));
  return {};
}

Result<std::shared_ptr<Node>> Runner::Make(const NodeSpec& spec, Node* before) {
  auto node = std::make_shared<Node>(next_index_++, spec, clock_, series_, events_);
  node->SetEpoch(Base36(clock_.NowNs() / kMillisecond) + Base36(node->index() + 1));
  node->SetListener(options_.listener);
  // A source's ids come from outside and mean the same after a restart.
  if (spec.kind == Kind::kSource) node->SetEpoch("0");
  if (Status s = node->Create(factory_); !s) return OfNode(spec, s.error());
  if (spec.kind == Kind::kNotifier)
    if (Status s = GiveSpool(*node); !s) return OfNode(spec, s.error());
  if (DetectorInstance* detector = node->detector();
      detector != nullptr && detector->can_snapshot() && before == nullptr)
    GoOn(*node, LoadSnapshot(SnapshotPath(spec), Fingerprint(spec)));
  return node;
}

bool Runner::GoOn(Node& node, const Result<Snapshot>& from) {
  const Status restored = from ? node.detector()->Restore(from->state) : Status(from.error());
  if (restored) {
    node.SetEpoch(from->epoch);
    return true;
  }
  if (!from && from.error().code == Code::kNotFound) return false;
  const Error error = OfNode(node.spec(), restored.error());
  events_.OnHealth(node.spec(), &error);
  return false;
}

bool Runner::MakeWay(const std::shared_ptr<Node>& node, Node* heir) {
  const auto learnt = std::make_shared<Result<Snapshot>>(MakeError(Code::kNotFound, "nothing"));
  std::function<void()> last;
  if (heir != nullptr && heir->detector() != nullptr && node->detector() != nullptr &&
      node->detector()->can_snapshot() && Fingerprint(node->spec()) == Fingerprint(heir->spec()))
    last = [node, learnt] {
      const Result<std::string> state = node->detector()->Snapshot();
      *learnt = state ? Result<Snapshot>({node->epoch(), *state}) : state.error();
    };
  const bool hands_on = last != nullptr;
  if (node->Stop(heir == nullptr, kStopOneNs, std::move(last)))
    return hands_on && GoOn(*heir, *learnt);
  const Error error =
      MakeError(Code::kDeadline, "a call doesn't return; its thread is left behind");
  events_.OnHealth(node->spec(), &error);
  return false;
}

void Runner::Wire(const PipelineSpec& spec, const Nodes& nodes) {
  for (const auto& [name, node] : nodes) {
    auto edges = std::make_shared<Edges>();
    for (const NodeSpec& consumer : spec.nodes) {
      const auto to = nodes.find(consumer.name);
      if (!consumer.enabled || consumer.kind != Kind::kDetector || to == nodes.end()) continue;
      Edge edge{to->second, {}};
      bool all = false;
      for (const InputRef& input : consumer.inputs) {
        if (input.node != name) continue;
        if (input.output.empty())
          all = true;
        else
          edge.names.push_back(series_.NameId(input.output));
      }
      if (!all && edge.names.empty()) continue;
      if (all) edge.names.clear();
      edges->push_back(std::move(edge));
    }
    node->SetEdges(std::move(edges));
  }
}

Status Runner::StartNodes(const std::vector<std::shared_ptr<Node>>& fresh) {
  // Consumers first, so that nothing is emitted into the void.
  for (const Kind kind : {Kind::kNotifier, Kind::kAction, Kind::kDetector, Kind::kSource})
    for (const auto& node : fresh) {
      if (node->spec().kind != kind) continue;
      if (Status s = node->Start(pool_); !s) return OfNode(node->spec(), s.error());
    }
  return {};
}

void Runner::Begin(const std::vector<std::shared_ptr<Node>>& fresh, int64_t backfill_ns) {
  const int64_t now_ns = clock_.NowNs();
  for (const auto& node : fresh)
    if (node->spec().kind == Kind::kSource) node->StartBackfill(now_ns - backfill_ns, now_ns);
}

Status Runner::Start(const PipelineSpec& spec) {
  Nodes made;
  std::vector<std::shared_ptr<Node>> fresh;
  for (const NodeSpec& node : spec.nodes) {
    if (!node.enabled) continue;
    Result<std::shared_ptr<Node>> result = Make(node, nullptr);
    if (!result) return result.error();
    fresh.push_back(*result);
    made.emplace(node.name, std::move(*result));
  }
  series_ttl_ns_ = spec.agent.series_ttl_ns;
  Wire(spec, made);
  if (Status s = StartNodes(fresh); !s) {
    for (const auto& node : fresh) node->Stop(true, kStopOneNs);
    return s;
  }
  {
    const std::lock_guard lock(mutex_);
    nodes_ = made;
  }
  spec_ = spec;
  Begin(fresh, spec.agent.backfill_ns);
  watchdog_ = std::thread([this] { Watch(); });
  return {};
}

Result<Reloaded> Runner::Reload(const PipelineSpec& spec) {
  const Nodes before = nodes();
  Reloaded reloaded;
  Nodes after;
  std::vector<std::shared_ptr<Node>> fresh;
  for (const NodeSpec& node : spec.nodes) {
    if (!node.enabled) continue;
    const auto old = before.find(node.name);
    if (old != before.end() && SameNode(old->second->spec(), node)) {
      after.emplace(*old);
      continue;
    }
    Result<std::shared_ptr<Node>> made =
        Make(node, old == before.end() ? nullptr : old->second.get());
    if (!made) return made.error();
    fresh.push_back(*made);
    after.emplace(node.name, std::move(*made));
    if (old == before.end())
      ++reloaded.added;
    else
      reloaded.restarted.push_back(node.name);
  }
  // Nothing has been touched so far. From here on the replaced nodes make way for their successors.
  std::vector<std::shared_ptr<Node>> replaced;
  std::vector<uint32_t> gone;
  for (const auto& [name, node] : before) {
    const auto successor = after.find(name);
    if (successor != after.end() && successor->second == node) continue;
    replaced.push_back(node);
    gone.push_back(node->index());
    reloaded.removed += successor == after.end() ? 1 : 0;
    if (MakeWay(node, successor == after.end() ? nullptr : successor->second.get()))
      reloaded.went_on.push_back(name);
    events_.OnGone(node->spec());
  }
  if (Status s = StartNodes(fresh); !s) {
    // Back to the old pipeline: its replaced nodes are made again from their own specs.
    for (const auto& node : fresh) node->Stop(false, kStopOneNs);
    Nodes restored = before;
    std::vector<std::shared_ptr<Node>> again;
    for (const auto& node : replaced) {
      Result<std::shared_ptr<Node>> made = Make(node->spec(), nullptr);
      if (!made) continue;
      again.push_back(*made);
      restored[node->spec().name] = std::move(*made);
    }
    const Status restarted = StartNodes(again);
    Wire(spec_, restored);
    {
      const std::lock_guard lock(mutex_);
      nodes_ = restored;
    }
    Begin(again, 0);
    Error error = s.error();
    if (!restarted)
      error.message +=
          "; and the old pipeline could not be brought back in full: " + restarted.error().message;
    return error;
  }
  Wire(spec, after);
  series_ttl_ns_ = spec.agent.series_ttl_ns;
  {
    const std::lock_guard lock(mutex_);
    nodes_ = after;
  }
  spec_ = spec;
  // What reached the predecessors while they made way.
  for (const auto& node : fresh) node->Wake();
  Begin(fresh, spec.agent.backfill_ns);
  ExpireSeries(gone);
  return reloaded;
}

bool Runner::StopSources(int64_t within_ns) {
  bool clean = true;
  for (const auto& [name, node] : nodes())
    if (node->spec().kind == Kind::kSource) clean &= node->Stop(true, within_ns);
  return clean;
}

bool Runner::Drain(int64_t within_ns, bool detectors_only) {
  const auto began = std::chrono::steady_clock::now();
  const auto until = began + std::chrono::nanoseconds(within_ns);
  const Nodes all = nodes();
  for (;;) {
    const bool late =
        std::chrono::steady_clock::now() > began + std::chrono::nanoseconds(kDrainNoticesNs);
    const bool drained = std::all_of(all.begin(), all.end(), [&](const auto& entry) {
      const Kind kind = entry.second->spec().kind;
      return (detectors_only ? kind != Kind::kDetector : kind == Kind::kSource) ||
             entry.second->Drained() || (late && kind == Kind::kNotifier) ||
             entry.second->stats().state == NodeState::kHung;
    });
    if (drained) return true;
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

bool Runner::Stop(int64_t within_ns) {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    wake_.notify_all();
  }
  if (watchdog_.joinable()) watchdog_.join();
  Nodes all;
  {
    const std::lock_guard lock(mutex_);
    all.swap(nodes_);
    // What is decided from now on is told after the next start.
    for (const auto& [name, node] : all)
      if (node->spec().kind == Kind::kNotifier) retired_.push_back(node);
  }
  bool clean = true;
  for (const auto& [name, node] : all)
    if (node->spec().kind == Kind::kSource && node->stats().state != NodeState::kStopped)
      clean &= node->Stop(true, within_ns);
  SaveSnapshots(all, true);
  for (const Kind kind : {Kind::kDetector, Kind::kAction, Kind::kNotifier})
    for (const auto& [name, node] : all)
      if (node->spec().kind == kind) clean &= node->Stop(true, within_ns);
  for (const auto& [name, node] : all) node->SetEdges(std::make_shared<const Edges>());
  return pool_.Stop(clean ? within_ns : 0) && clean;
}

std::vector<Runner::Polled> Runner::PollNow(int64_t within_ns) {
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<Polled> polled;
    size_t left = 0;
  };
  const auto shared = std::make_shared<Shared>();
  const auto until = std::chrono::steady_clock::now() + std::chrono::nanoseconds(within_ns);
  for (const auto& [name, node] : nodes()) {
    if (node->spec().kind != Kind::kSource) continue;
    size_t index = 0;
    {
      const std::lock_guard lock(shared->mutex);
      index = shared->polled.size();
      shared->polled.push_back(
          {name, MakeError(Code::kDeadline, "did not answer in time; its samples come later"), 0});
      ++shared->left;
    }
    node->PollNow([shared, index, node = node, before = node->stats().out](const Status& status) {
      const std::lock_guard lock(shared->mutex);
      shared->polled[index].status = status;
      shared->polled[index].samples = node->stats().out - before;
      --shared->left;
      shared->changed.notify_all();
    });
  }
  {
    std::unique_lock lock(shared->mutex);
    shared->changed.wait_until(lock, until, [&] { return shared->left == 0; });
  }
  Drain(std::chrono::nanoseconds(until - std::chrono::steady_clock::now()).count(), true);
  const std::lock_guard lock(shared->mutex);
  return shared->polled;
}

bool Runner::CallAction(std::string_view name, std::string_view what, int64_t deadline_ns,
                        std::function<void(ActionInstance*)> work) {
  std::shared_ptr<Node> node;
  {
    const std::lock_guard lock(mutex_);
    const auto at = nodes_.find(name);
    if (at == nodes_.end() || at->second->spec().kind != Kind::kAction) return false;
    node = at->second;
  }
  node->CallAction(what, deadline_ns, std::move(work));
  return true;
}

std::shared_ptr<const NodeSpec> Runner::ActionSpec(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto at = nodes_.find(name);
  if (at == nodes_.end() || at->second->spec().kind != Kind::kAction) return nullptr;
  return {at->second, &at->second->spec()};
}

void Runner::Notify(const Notification& notification, const Listed& also) {
  std::vector<std::shared_ptr<Node>> notifiers;
  {
    const std::lock_guard lock(mutex_);
    notifiers = retired_;
    for (const auto& [name, node] : nodes_)
      if (node->spec().kind == Kind::kNotifier) notifiers.push_back(node);
  }
  for (const auto& node : notifiers) {
    const NodeSpec& spec = node->spec();
    const bool listed =
        std::any_of(spec.inputs.begin(), spec.inputs.end(), [&](const InputRef& input) {
          return input.node == notification.node || (also != nullptr && also(input.node));
        });
    if (!listed) continue;
    node->PushNotification(notification);
  }
}

std::vector<NodeStats> Runner::stats() const {
  std::vector<NodeStats> all;
  for (const auto& [name, node] : nodes()) all.push_back(node->stats());
  return all;
}

std::vector<std::string> Runner::Complaints() const {
  std::vector<std::string> out;
  for (const NodeStats& s : stats())
    if (!s.ok || s.state == NodeState::kHung || s.state == NodeState::kFailed)
      out.push_back(s.name + ": " +
                    (s.last_error.empty() ? std::string(ToString(s.state)) : s.last_error));
  return out;
}

// Every second and in a thread of its own: detectors' ticks, hung calls, expiry, snapshots.
void Runner::Watch() {
  const bool watch_calls = options_.watchdog && !DebuggerAttached();
  int64_t snapshot_ns = clock_.MonotonicNs() + options_.snapshot_every_ns;
  int64_t expire_ns = clock_.MonotonicNs();
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, std::chrono::nanoseconds(options_.tick_ns),
                         [this] { return ending_; })) {
    const Nodes all = nodes_;
    lock.unlock();
    const int64_t now_ns = clock_.MonotonicNs();
    for (const auto& [name, node] : all) {
      if (node->spec().kind == Kind::kDetector) node->PushTick();
      if (watch_calls && node->MarkHung(now_ns) && node->spec().kind == Kind::kDetector &&
          !node->spec().blocking)
        pool_.AddThread();
    }
    if (now_ns >= snapshot_ns) {
      snapshot_ns = now_ns + options_.snapshot_every_ns;
      SaveSnapshots(all, false);
    }
    if (now_ns >= expire_ns) {
      expire_ns = now_ns + std::max<int64_t>(series_ttl_ns_ / 8, 10 * kSecond);
      ExpireSeries({});
    }
    lock.lock();
  }
}

void Runner::ExpireSeries(const std::vector<uint32_t>& gone) {
  auto expired = std::make_shared<const std::vector<uint32_t>>(
      series_.Expire(clock_.MonotonicNs() - series_ttl_ns_, gone));
  if (expired->empty()) return;
  for (const auto& [name, node] : nodes())
    if (node->spec().kind == Kind::kDetector) node->PushExpired(expired);
}

// The state is taken on the node's lane, in order with its data.
void Runner::SaveSnapshots(const Nodes& all, bool wait) {
  struct Pending {
    std::mutex mutex;
    std::condition_variable changed;
    size_t left = 0;
  };
  const auto pending = std::make_shared<Pending>();
  for (const auto& [name, node] : all) {
    if (node->detector() == nullptr || !node->detector()->can_snapshot() ||
        node->stats().state == NodeState::kHung)
      continue;
    {
      const std::lock_guard lock(pending->mutex);
      ++pending->left;
    }
    node->PushWork([node = node, pending, path = SnapshotPath(node->spec()), &events = events_] {
      const Result<std::string> state = node->detector()->Snapshot();
      const Status saved =
          state ? SaveSnapshot(path, Fingerprint(node->spec()), {node->epoch(), *state})
                : Status(state.error());
      if (!saved) events.OnHealth(node->spec(), &saved.error());
      const std::lock_guard lock(pending->mutex);
      --pending->left;
      pending->changed.notify_all();
    });
  }
  if (!wait) return;
  std::unique_lock lock(pending->mutex);
  pending->changed.wait_for(lock, std::chrono::nanoseconds(kStopOneNs),
                            [&] { return pending->left == 0; });
}

}  // namespace heald
