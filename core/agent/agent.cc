#include "core/agent/agent.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>

#include "core/agent/api_metrics.h"
#include "core/agent/environment.h"
#include "core/agent/identity.h"
#include "core/agent/notice_codec.h"
#include "core/agent/switch_note.h"
#include "core/agent/version.h"
#include "core/api/tokens.h"
#include "core/config/listener.h"
#include "core/pipeline/placeholders.h"
#include "core/telemetry/log.h"
#include "core/telemetry/names.h"
#include "core/telemetry/process_metrics.h"

namespace heald::agent {
namespace {

constexpr int64_t kLastFindingsNs = kSecond;  // of a stop: for those that have come in
constexpr int64_t kCancelNs = 2 * kSecond;    // of a stop: for calls that are cancelled to end

api::ServerOptions ServerOptionsOf(const AgentSpec& agent) {
  api::ServerOptions options;
  options.listen = agent.listen;
  options.token = agent.token;
  options.allowed_hosts = agent.allowed_hosts;
  options.tokens_file = api::TokensFile(agent.state_dir);
  options.allow_no_token = agent.allow_no_token;
  options.tls = {agent.tls.cert_file, agent.tls.key_file, agent.tls.client_ca_file};
  options.allow_no_tls = agent.allow_no_tls;
  options.tokens_notice = options.tls_notice = [](bool bad, const std::string& text) {
    Log(bad ? LogLevel::kError : LogLevel::kInfo, "api", text);
  };
  options.version = kVersion;
  return options;
}

}  // namespace

Agent::Agent(Options options)
    : options_(std::move(options)),
      loader_(std::make_unique<plugin::Loader>(options_.plugin_dir, std::vector<std::string>(),
                                               options_.probe)) {}

Agent::~Agent() {
  static_cast<void>(Stop());
}

std::optional<PipelineSpec> Agent::Load(std::vector<Diagnostic>* diagnostics) {
  const AgentEnvironment environment;
  LoadResult result =
      options_.file.empty()
          ? LoadPipelineText(options_.text, "<built-in>", std::filesystem::current_path().string(),
                             *loader_, environment)
          : LoadPipeline(options_.file, *loader_, environment);
  *diagnostics = std::move(result.diagnostics);
  if (result.spec && !options_.listen.empty()) {
    // What the file's address needs was checked with the file; this one needs the same.
    AgentSpec& agent = result.spec->agent;
    agent.listen = options_.listen;
    for (ListenerFinding& f : CheckListener(agent, environment.LiveTokens(agent.state_dir)))
      diagnostics->push_back({f.level, "--listen", 0, 0, 1, std::move(f.message), std::move(f.hint),
                              "", std::move(f.path)});
    if (HasErrors(*diagnostics)) return std::nullopt;
  }
  if (result.spec) loaded_yaml_ = FormatYaml(EffectiveConfig(result));
  return std::move(result.spec);
}

StoreLocation Agent::Location(const PipelineSpec& spec) const {
  return {spec.agent.store, spec.agent.state_dir, spec.agent.store_full_sync};
}

heald::Status Agent::Start(const PipelineSpec& spec) {
  started_ns_ = healthy_since_ns_ = clock_.NowNs();
  view_ns_ = clock_.MonotonicNs();
  next_owed_ns_ = view_ns_ + kTakeOverNs;
  // What can be refused cheaply comes first: the port, the state folder, the store.
  Result<std::unique_ptr<api::Server>> server = api::Server::Bind(ServerOptionsOf(spec.agent));
  if (!server) return server.error();
  server_ = std::move(*server);
  std::error_code error;
  std::filesystem::create_directories(spec.agent.state_dir, error);
  if (error)
    return MakeError(Code::kUnavailable,
                     "can't make the state folder " + spec.agent.state_dir + ": " +
                         error.message() +
                         "; set agent.state_dir to a folder that this user may write");
  Result<std::shared_ptr<const api::ApprovalLinks>> links = MakeLinks(spec.agent);
  if (!links) return links.error();
  links_ = std::move(*links);
  Result<OpenStores> stores = OpenStoresAt(Location(spec));
  if (!stores && !MayComeBack(stores.error())) return stores.error();

  factory_ = std::make_unique<plugin::Factory>(
      *loader_, plugin::Shared{&series_, &clock_, &services_, spec.agent.state_dir});
  RunnerOptions runner;
  runner.state_dir = spec.agent.state_dir;
  runner.delivery.codec = JsonNotices();
  runner.delivery.approval_url = [this](const Decision& decision, std::string_view notifier) {
    const auto signer = Links();
    return signer == nullptr ? std::string() : signer->UrlFor(decision, notifier);
  };
  runner.listener = true;
  runner.pool_threads = std::clamp(std::thread::hardware_concurrency(), 1u, 8u);
  runner_ =
      std::make_unique<Runner>(runner, clock_, series_, *factory_, static_cast<NodeEvents&>(*this));
  engine_lane_ = std::make_unique<Lane>("heald-engine", 1);
  tick_ = std::make_unique<boost::asio::steady_timer>(engine_lane_->context());
  sample_ = std::make_unique<boost::asio::steady_timer>(engine_lane_->context());
  gateway_ = std::make_unique<Gateway>(
      *runner_, clock_, *engine_lane_,
      [this](std::function<void()> work) {
        OnEngine(EngineWork::Kind::kAnswer, [this, work = std::move(work)] {
          if (engine_ != nullptr) work();
        });
      },
      metrics_.Get(names::kSampleToAction), [this](uint64_t incident) { return UrlOf(incident); });
  ApplySpec(spec);
  SetTraces(spec.agent);
  switch_off_by_ = ReadSwitchNote(spec.agent.state_dir);
  if (stores) {
    if (heald::Status adopted = Adopt(std::move(*stores)); !adopted) return adopted;
  } else {
    AwaitStore(stores.error());
  }
  running_ = true;
  if (heald::Status s = runner_->Start(spec); !s) {
    static_cast<void>(Stop());
    return s;
  }
  OnEngine(EngineWork::Kind::kAsk, [this] {
    if (engine_ != nullptr) BeginEngine();
    ScheduleSample();
  });

  AddProcessMetrics(metrics_, kVersion);
  RecordReload(metrics_, true, clock_.NowNs());
  metrics_.AddCollector([this] { CollectNodes(); });
  metrics_.AddCollector([this] { CollectCounts(); });
  metrics_.AddCollector([this] { CollectReports(); });
  metrics_.AddCollector([this] { CollectApi(metrics_, server_->stats()); });
  metrics_.AddCollector([this] {
    if (const auto traces = TracesNow()) traces->Collect(&metrics_);
  });
  return server_->Serve(*this);
}

bool Agent::Stop() {
  if (server_) server_->Stop();
  if (!running_.exchange(false)) {
    runner_.reset();
    return true;
  }
  const std::lock_guard reloading(reload_mutex_);
  int64_t drain_ns = 0;
  {
    const std::lock_guard lock(mutex_);
    drain_ns = spec_.agent.drain_ns;
  }
  const int64_t until_ns = clock_.MonotonicNs() + drain_ns;
  findings_until_ns_ = clock_.MonotonicNs() + std::min(kLastFindingsNs, drain_ns / 2);
  const auto left_ns = [&] {
    return std::max<int64_t>(until_ns - clock_.MonotonicNs(), kSecond / 10);
  };
  bool clean = runner_->StopSources(left_ns());
  // What hasn't ended by itself by then is cancelled, and has the rest of the time to end.
  static_cast<void>(
      runner_->Drain(std::max<int64_t>(left_ns() - std::min(kCancelNs, drain_ns / 2), 0)));
  clean &= runner_->Stop(left_ns());
  boost::asio::post(engine_lane_->context(), [this] {
    tick_->cancel();
    sample_->cancel();
  });
  clean &= engine_lane_->Stop(left_ns());
  // The last that is in the journal; what the receiver doesn't take now comes after the next start.
  if (const auto traces = TracesNow()) traces->Stop(left_ns());
  if (!clean) return false;
  opener_.reset();
  engine_.reset();
  runner_.reset();
  // The last connection to close, the writer's, brings the journal's log into its file.
  {
    const std::lock_guard lock(mutex_);
    traces_.reset();
  }
  {
    const std::lock_guard lock(reader_mutex_);
    reader_.reset();
  }
  {
    const std::lock_guard lock(report_mutex_);
    report_reader_.reset();
  }
  held_.reset();
  store_.reset();
  return true;
}

Result<std::shared_ptr<const api::ApprovalLinks>> Agent::MakeLinks(const AgentSpec& agent) {
  if (!agent.approval_links) return std::shared_ptr<const api::ApprovalLinks>();
  Result<std::string> key = agent.approval_link_secret.empty()
                                ? api::ReadLinkKey(agent.state_dir)
                                : Result<std::string>(agent.approval_link_secret);
  if (!key) return key.error();
  return std::make_shared<const api::ApprovalLinks>(std::move(*key), agent.public_url);
}

void Agent::SetTraces(const AgentSpec& agent) {
  std::shared_ptr<Traces> before;
  {
    const std::lock_guard lock(mutex_);
    before = std::exchange(traces_, nullptr);
  }
  // One at a time, as each remembers in state_dir how far it is.
  if (before != nullptr) before->Stop(0);
  before.reset();
  if (agent.traces.url.empty()) return;
  auto traces = std::make_shared<Traces>(agent, clock_);
  const std::lock_guard lock(mutex_);
  traces_ = std::move(traces);
}

std::shared_ptr<Traces> Agent::TracesNow() const {
  const std::lock_guard lock(mutex_);
  return traces_;
}

void Agent::ApplySpec(const PipelineSpec& spec) {
  // A value three polls old is stale.
  for (const NodeSpec& node : spec.nodes)
    if (const Value* interval = node.config.Find("interval");
        node.kind == Kind::kSource && interval != nullptr && interval->AsInt() != nullptr)
      latest_.SetStaleness(node.name, 3 * *interval->AsInt());
  const std::lock_guard lock(mutex_);
  spec_ = spec;
  followers_ = std::make_shared<const Followers>(spec.policies);
  TapSources();
  config_yaml_ = loaded_yaml_;
}

void Agent::TapSources() {
  std::map<std::string, std::vector<uint32_t>, std::less<>> tapped;
  std::vector<std::string> names = remedy::WantedSamples(spec_);
  names.insert(names.end(), judged_by_.begin(), judged_by_.end());
  for (const std::string& wanted : names) {
    const size_t dot = wanted.find('.');
    for (const NodeSpec& node : spec_.nodes) {
      if (node.kind != Kind::kSource) continue;
      const bool qualified = dot != std::string::npos && wanted.substr(0, dot) == node.name;
      if (dot != std::string::npos && !qualified) continue;
      tapped[node.name].push_back(series_.NameId(qualified ? wanted.substr(dot + 1) : wanted));
    }
  }
  for (auto& [source, ids] : tapped) {
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  }
  tapped_ = std::move(tapped);
}

// ---- from the nodes ----

bool Agent::WantsSamples(const NodeSpec& source) {
  const std::lock_guard lock(mutex_);
  return tapped_.contains(source.name);
}

void Agent::OnSamples(const NodeSpec& source, const SampleBatch& batch) {
  std::vector<uint32_t> wanted;
  {
    const std::lock_guard lock(mutex_);
    const auto at = tapped_.find(source.name);
    if (at != tapped_.end()) wanted = at->second;
  }
  for (uint64_t i = 0; i < batch.rows; ++i) {
    const SeriesTable::Series* series = series_.Get(batch.series[i]);
    if (series == nullptr || !std::binary_search(wanted.begin(), wanted.end(), series->name))
      continue;
    latest_.Record(source.name, series->labels.Get("__name__"), series->labels, batch.value[i],
                   batch.ts_ns[i]);
  }
}

void Agent::OnCall(const NodeSpec& node, int64_t took_ns) {
  metrics_
      .Get(names::kNodeCall, {{"node", node.name}, {"kind", std::string(ToString(node.kind))}},
           Lifetime::kTouched)
      .Record(static_cast<double>(took_ns) / 1e9);
}

void Agent::OnGone(const NodeSpec& node) {
  OnEngine(EngineWork::Kind::kFinding, [this, name = node.name] {
    if (engine_ != nullptr) engine_->OnNodeGone(name);
  });
}

std::string Agent::UrlOf(uint64_t incident) const {
  const std::lock_guard lock(mutex_);
  return IncidentUrl(spec_.agent.public_url.empty() ? server_->url() : spec_.agent.public_url,
                     incident);
}

// Nodes count for themselves; what was added since the last page goes into the registry.
void Agent::CollectNodes() {
  if (!running_) return;
  const std::vector<NodeStats> all = runner_->stats();
  std::set<std::string_view> nodes;
  const std::lock_guard lock(mutex_);
  for (const NodeStats& s : all) {
    nodes.insert(s.name);
    const Labels labels{{"node", s.name}, {"kind", std::string(ToString(s.kind))}};
    NodeStats& before = counted_[s.name];
    if (s.calls < before.calls) before = NodeStats();  // the node was made anew
    const auto add = [&](const MetricDef& def, uint64_t now, uint64_t then) {
      metrics_.Get(def, labels, Lifetime::kTouched)
          .Add(static_cast<double>(now - std::min(then, now)));
    };
    add(names::kNodeIn, s.in, before.in);
    add(names::kNodeOut, s.out, before.out);
    add(names::kNodeErrors, s.errors, before.errors);
    add(names::kNodeDropped, s.dropped, before.dropped);
    add(names::kNodeOverdue, s.overdue, before.overdue);
    metrics_.Get(names::kNodeQueue, labels, Lifetime::kTouched)
        .Record(static_cast<double>(s.queued));
    metrics_.Get(names::kNodeUp, labels, Lifetime::kTouched)
        .Record(s.ok && s.state == NodeState::kRunning ? 1 : 0);
    if (s.kind == Kind::kSource) {
      metrics_.Get(names::kNodeSeries, labels, Lifetime::kTouched)
          .Record(static_cast<double>(s.series));
      add(names::kNodeSeriesRefused, s.series_refused, before.series_refused);
    }
    if (s.kind == Kind::kNotifier) {
      const Labels node{{"node", s.name}};
      metrics_.Get(names::kSpoolNotices, node, Lifetime::kTouched)
          .Record(static_cast<double>(s.spool.items));
      metrics_.Get(names::kSpoolBytes, node, Lifetime::kTouched)
          .Record(static_cast<double>(s.spool.bytes));
      const auto dropped = [&](const char* reason, uint64_t now, uint64_t then) {
        metrics_
            .Get(names::kNoticesDropped, {{"node", s.name}, {"reason", reason}}, Lifetime::kTouched)
            .Add(static_cast<double>(now - std::min(then, now)));
      };
      dropped("full", s.spool.dropped, before.spool.dropped);
      dropped("refused", s.notices_refused, before.notices_refused);
    }
    before = s;
  }
  std::set<std::string_view> policies;
  for (const PolicySpec& policy : spec_.policies) policies.insert(policy.name);
  // What was counted stays true when nothing happens. So does the gauge of a whole node, which some
  // plugins set at a change only; one of a part of a node may be of a part that is gone.
  metrics_.Expire(clock_.NowNs(), [&](MetricKind kind, const Labels& labels) {
    if (kind == MetricKind::kGauge) return labels.size() == 1 && nodes.contains(labels.Get("node"));
    return nodes.contains(labels.Get("node")) || policies.contains(labels.Get("policy"));
  });
}

}  // namespace heald::agent
