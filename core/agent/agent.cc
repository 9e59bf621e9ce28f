#include "core/agent/agent.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <filesystem>
#include <future>
#include <thread>

#include "core/agent/notice_codec.h"
#include "core/agent/version.h"
#include "core/pipeline/placeholders.h"
#include "core/telemetry/log.h"
#include "core/telemetry/names.h"
#include "core/telemetry/process_metrics.h"

namespace heald::agent {
namespace {

constexpr std::string_view kSelf = "heald";

LogLevel LevelOf(const remedy::Notice& notice) {
  if (notice.outcome != nullptr && notice.outcome->state == OutcomeState::kFailed)
    return LogLevel::kError;
  if (notice.kind == remedy::NoticeKind::kIncident &&
      notice.incident->state == IncidentState::kEscalated)
    return LogLevel::kError;
  const bool refused =
      notice.decision != nullptr && notice.decision->verdict == DecisionVerdict::kRefused;
  const bool bad = notice.finding != nullptr && notice.finding->state != FindingState::kClear &&
                   notice.finding->severity >= Severity::kWarning;
  return refused || bad ? LogLevel::kWarning : LogLevel::kInfo;
}

template <typename T>
std::shared_ptr<const T> Share(const T* record) {
  return record == nullptr ? nullptr : std::make_shared<const T>(*record);
}

// "3 nodes added, 1 restarted"
std::string Difference(const PipelineSpec& before, const PipelineSpec& after) {
  size_t added = 0;
  size_t changed = 0;
  size_t removed = 0;
  for (const NodeSpec& node : after.nodes) {
    const NodeSpec* old = before.FindNode(node.name);
    if (old == nullptr)
      ++added;
    else if (old->plugin != node.plugin || old->config != node.config ||
             old->enabled != node.enabled)
      ++changed;
  }
  for (const NodeSpec& node : before.nodes)
    if (after.FindNode(node.name) == nullptr) ++removed;
  return std::to_string(added) + (added == 1 ? " node" : " nodes") + " added, " +
         std::to_string(changed) + " restarted, " + std::to_string(removed) + " removed";
}

api::Diagnostic ForApi(const Diagnostic& d) {
  return {d.file, d.line, d.column, d.level == Level::kError ? "error" : "warning",
          d.hint.empty() ? d.message : d.message + " (" + d.hint + ")"};
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
  const ProcessEnvironment environment;
  LoadResult result =
      options_.file.empty()
          ? LoadPipelineText(options_.text, "<built-in>", std::filesystem::current_path().string(),
                             *loader_, environment)
          : LoadPipeline(options_.file, *loader_, environment);
  *diagnostics = std::move(result.diagnostics);
  if (result.spec && !options_.listen.empty()) result.spec->agent.listen = options_.listen;
  return std::move(result.spec);
}

StoreLocation Agent::Location(const PipelineSpec& spec) const {
  return {spec.agent.store, spec.agent.state_dir, spec.agent.store_full_sync};
}

heald::Status Agent::Start(const PipelineSpec& spec) {
  started_ns_ = healthy_since_ns_ = clock_.NowNs();
  // What can be refused cheaply comes first: the port, the state folder, the store.
  Result<std::unique_ptr<api::Server>> server = api::Server::Bind(
      {spec.agent.listen, spec.agent.token, spec.agent.allowed_hosts, api::Limits()});
  if (!server) return server.error();
  server_ = std::move(*server);
  std::error_code error;
  std::filesystem::create_directories(spec.agent.state_dir, error);
  if (error)
    return MakeError(Code::kUnavailable,
                     "can't make the state folder " + spec.agent.state_dir + ": " +
                         error.message() +
                         "; set agent.state_dir to a folder that this user may write");
  Result<std::unique_ptr<Store>> store = OpenStore(Location(spec));
  if (!store) return store.error();
  store_ = std::move(*store);
  Result<std::unique_ptr<StoreReader>> reader = OpenStoreReader(Location(spec));
  if (!reader) return reader.error();
  reader_ = std::move(*reader);

  factory_ = std::make_unique<plugin::Factory>(
      *loader_, plugin::Shared{&series_, &clock_, &services_, spec.agent.state_dir});
  RunnerOptions runner;
  runner.state_dir = spec.agent.state_dir;
  runner.delivery.codec = JsonNotices();
  runner.pool_threads = std::clamp(std::thread::hardware_concurrency(), 1u, 8u);
  runner_ =
      std::make_unique<Runner>(runner, clock_, series_, *factory_, static_cast<NodeEvents&>(*this));
  engine_lane_ = std::make_unique<Lane>("heald-engine", 1);
  tick_ = std::make_unique<boost::asio::steady_timer>(engine_lane_->context());
  gateway_ = std::make_unique<Gateway>(
      *runner_, clock_, *engine_lane_,
      [this](std::function<void()> work) { OnEngine(std::move(work)); },
      metrics_.Get(names::kSampleToAction), [this](uint64_t incident) { return UrlOf(incident); });
  ApplySpec(spec);
  Result<std::unique_ptr<remedy::Engine>> engine =
      remedy::Engine::Create({&clock_, store_.get(), gateway_.get(), this, &latest_}, spec);
  if (!engine) return engine.error();
  engine_ = std::move(*engine);
  running_ = true;
  if (heald::Status s = runner_->Start(spec); !s) {
    static_cast<void>(Stop());
    return s;
  }
  OnEngine([this] {
    if (!engine_->switch_on())
      Log(LogLevel::kWarning, kSelf,
          "automatic remediation is off, by " + engine_->switch_actor() +
              ": nothing is repaired until PUT /api/v1/switch {\"enabled\": true}");
    if (const size_t open = engine_->incidents().all().size(); open != 0)
      Log(LogLevel::kInfo, kSelf,
          "takes up open incidents: " + std::to_string(open) +
              ", unfinished executions: " + std::to_string(engine_->running_executions()));
    engine_->Tick();
  });

  AddProcessMetrics(metrics_, kVersion);
  metrics_.Get(names::kReloadOk).Record(1);
  metrics_.AddCollector([this] { CollectNodes(); });
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
  const auto left_ns = [&] {
    return std::max<int64_t>(until_ns - clock_.MonotonicNs(), kSecond / 10);
  };
  bool clean = runner_->StopSources(left_ns());
  clean &= runner_->Drain(left_ns());
  clean &= runner_->Stop(left_ns());
  boost::asio::post(engine_lane_->context(), [this] { tick_->cancel(); });
  clean &= engine_lane_->Stop(left_ns());
  if (!clean) return false;
  engine_.reset();
  runner_.reset();
  {
    // The last connection to close brings the journal's log into its file.
    const std::lock_guard lock(reader_mutex_);
    reader_.reset();
  }
  store_.reset();
  return true;
}

void Agent::ApplySpec(const PipelineSpec& spec) {
  std::map<std::string, std::vector<uint32_t>, std::less<>> tapped;
  for (const PolicySpec& policy : spec.policies) {
    for (const std::string& wanted : policy.when.names()) {
      const size_t dot = wanted.find('.');
      for (const NodeSpec& node : spec.nodes) {
        if (node.kind != Kind::kSource) continue;
        const bool qualified = dot != std::string::npos && wanted.substr(0, dot) == node.name;
        if (dot != std::string::npos && !qualified) continue;
        tapped[node.name].push_back(series_.NameId(qualified ? wanted.substr(dot + 1) : wanted));
      }
    }
  }
  // A value three polls old is stale.
  for (const NodeSpec& node : spec.nodes)
    if (const Value* interval = node.config.Find("interval");
        node.kind == Kind::kSource && interval != nullptr && interval->AsInt() != nullptr)
      latest_.SetStaleness(node.name, 3 * *interval->AsInt());
  const std::lock_guard lock(mutex_);
  tapped_ = std::move(tapped);
  spec_ = spec;
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
    if (series == nullptr || std::find(wanted.begin(), wanted.end(), series->name) == wanted.end())
      continue;
    latest_.Record(source.name, series->labels.Get("__name__"), series->labels, batch.value[i],
                   batch.ts_ns[i]);
  }
}

void Agent::OnFinding(Finding finding) {
  if (finding.state == FindingState::kOpen)
    metrics_
        .Get(names::kFindings,
             {{"node", finding.node}, {"severity", std::string(ToString(finding.severity))}},
             Lifetime::kTouched)
        .Increment();
  OnEngine([this, finding = std::move(finding)] { engine_->OnFinding(finding); });
}

void Agent::OnHealth(const NodeSpec& node, const Error* error) {
  static LogLimiter limiter(kMinute);
  if (error == nullptr)
    Log(LogLevel::kInfo, node.name, "works again");
  else
    limiter.Log(clock_.MonotonicNs(), node.name + error->message, LogLevel::kWarning, node.name,
                error->message);
}

void Agent::OnCall(const NodeSpec& node, int64_t took_ns) {
  metrics_
      .Get(names::kNodeCall, {{"node", node.name}, {"kind", std::string(ToString(node.kind))}},
           Lifetime::kTouched)
      .Record(static_cast<double>(took_ns) / 1e9);
}

void Agent::OnGone(const NodeSpec& node) {
  OnEngine([this, name = node.name] { engine_->OnNodeGone(name); });
}

// ---- the engine's lane ----

void Agent::OnEngine(std::function<void()> work) {
  engine_lane_->Post([this, work = std::move(work)] {
    if (engine_ == nullptr) return;
    work();
    ScheduleTick();
  });
}

template <typename T>
T Agent::AskEngine(std::function<T()> work) {
  auto answer = std::make_shared<std::promise<T>>();
  std::future<T> future = answer->get_future();
  OnEngine([answer, work = std::move(work)] { answer->set_value(work()); });
  return future.get();
}

void Agent::ScheduleTick() {
  const size_t open = engine_->incidents().all().size();
  metrics_.Get(names::kIncidentsOpen).Record(static_cast<double>(open));
  metrics_.Get(names::kRemediationEnabled).Record(engine_->switch_on() ? 1 : 0);
  {
    const std::lock_guard lock(mutex_);
    if (open != 0)
      healthy_since_ns_ = 0;
    else if (healthy_since_ns_ == 0)
      healthy_since_ns_ = clock_.NowNs();
  }
  const int64_t due_ns = engine_->next_due_ns();
  if (due_ns == INT64_MAX || !running_) return;
  // The wall clock may jump, so never sleep for long on its word.
  const int64_t wait_ns = std::clamp<int64_t>(due_ns - clock_.NowNs(), 0, kSecond);
  tick_->expires_after(std::chrono::nanoseconds(wait_ns));
  tick_->async_wait([this](const boost::system::error_code& error) {
    if (error || engine_ == nullptr) return;
    engine_->Tick();
    ScheduleTick();
  });
}

void Agent::OnNotice(const remedy::Notice& notice) {
  const std::string node = notice.node.empty() ? std::string(kSelf) : notice.node;
  CountNotice(notice);
  Log(LevelOf(notice), node, notice.text);
  Notification out;
  out.kind = static_cast<Notification::Kind>(notice.kind);
  out.event_id = notice.event_id;
  out.node = notice.node;
  out.ts_ns = notice.ts_ns;
  out.text = notice.text;
  if (notice.incident != nullptr) out.url = UrlOf(notice.incident->id);
  out.finding = Share(notice.finding);
  out.incident = Share(notice.incident);
  out.decision = Share(notice.decision);
  out.outcome = Share(notice.outcome);
  // An incident's own events go to those who follow a policy that watches it.
  std::vector<std::string> also;
  if (notice.kind == remedy::NoticeKind::kIncident && notice.incident != nullptr) {
    const std::lock_guard lock(mutex_);
    for (const PolicySpec& policy : spec_.policies)
      for (const InputRef& input : policy.inputs)
        for (const Finding& finding : notice.incident->findings)
          if (finding.node == input.node) also.push_back(policy.name);
  }
  runner_->Notify(out, also);
}

void Agent::CountNotice(const remedy::Notice& notice) {
  const auto count = [this](const MetricDef& def, const Labels& labels) {
    metrics_.Get(def, labels, Lifetime::kTouched).Increment();
  };
  if (notice.kind == remedy::NoticeKind::kIncident && notice.incident != nullptr)
    count(names::kIncidents, {{"state", std::string(ToString(notice.incident->state))}});
  if (notice.kind == remedy::NoticeKind::kDecision && notice.decision != nullptr) {
    const Decision& d = *notice.decision;
    count(names::kDecisions, {{"policy", d.policy},
                              {"mode", std::string(ToString(d.mode))},
                              {"verdict", std::string(ToString(d.verdict))}});
    if (d.verdict == DecisionVerdict::kRefused)
      for (const GuardVerdict& guard : d.guards)
        if (!guard.allowed) count(names::kRefusals, {{"policy", d.policy}, {"guard", guard.guard}});
  }
  if (notice.kind == remedy::NoticeKind::kOutcome && notice.outcome != nullptr &&
      notice.decision != nullptr) {
    const std::string& policy = notice.decision->policy;
    count(names::kOutcomes,
          {{"policy", policy}, {"state", std::string(ToString(notice.outcome->state))}});
    if (notice.outcome->state == OutcomeState::kVerified && notice.incident != nullptr)
      metrics_.Get(names::kHeal, {{"policy", policy}}, Lifetime::kTouched)
          .Record(static_cast<double>(notice.ts_ns - notice.incident->opened_ns) / 1e9);
  }
}

void Agent::OnProblem(const Error& error) {
  static LogLimiter limiter(kMinute);
  limiter.Log(clock_.MonotonicNs(), error.message, LogLevel::kError, "store", error.message);
  const std::lock_guard lock(mutex_);
  problem_ = error.message;
}

// ---- api::Backend ----

api::StatusReport Agent::Status() {
  api::StatusReport report;
  report.version = kVersion;
  report.now_ns = clock_.NowNs();
  report.started_ns = started_ns_;
  report.remediation = Switch();
  report.open_incidents = AskEngine<size_t>([this] { return engine_->incidents().all().size(); });
  std::map<std::string, NodeStats> stats;
  for (NodeStats& s : runner_->stats()) stats.emplace(s.name, std::move(s));
  // A detector learns until it has seen enough of every series; see `learning_series` in the SDK.
  report.learning = services_.Sum("learning_series") > 0;
  for (const auto& [name, s] : stats) report.learning |= s.kind == Kind::kDetector && s.in == 0;
  const std::lock_guard lock(mutex_);
  report.pipeline_file = spec_.file;
  report.dry_run = spec_.agent.dry_run;
  report.healthy_since_ns = healthy_since_ns_;
  report.reloaded_ns = reloaded_ns_;
  report.reload_error = reload_error_;
  for (const NodeSpec& node : spec_.nodes) {
    api::NodeStatus out;
    out.name = node.name;
    out.kind = node.kind;
    out.plugin = node.plugin;
    out.enabled = node.enabled;
    if (const auto at = stats.find(node.name); at != stats.end()) {
      const NodeStats& s = at->second;
      out.ok = s.ok && s.state != NodeState::kHung && s.state != NodeState::kFailed;
      if (!out.ok) out.detail = s.last_error;
      out.records_in = s.in;
      out.records_out = s.out;
      out.errors = s.errors;
      out.dropped = s.dropped;
    }
    report.nodes.push_back(std::move(out));
  }
  for (const PolicySpec& policy : spec_.policies)
    report.policies.push_back({policy.name, policy.enabled, policy.mode, policy.action});
  return report;
}

Result<api::IncidentPage> Agent::Incidents(const api::IncidentQuery& query) {
  IncidentFilter filter;
  if (query.state) filter.states = {*query.state};
  filter.before = query.before_id;
  filter.limit = query.limit;
  const std::lock_guard lock(reader_mutex_);
  Result<IncidentPage> page = reader_->Incidents(filter);
  if (!page) return page.error();
  return api::IncidentPage{std::move(page->incidents), page->next != 0};
}

Result<api::IncidentChain> Agent::FindIncident(uint64_t id) {
  const std::lock_guard lock(reader_mutex_);
  Result<std::optional<Chain>> chain = reader_->ChainOf(id);
  if (!chain) return chain.error();
  if (!*chain) return MakeError(Code::kNotFound, "there is no incident " + std::to_string(id));
  api::IncidentChain out;
  out.incident = std::move((*chain)->incident);
  out.decisions = std::move((*chain)->decisions);
  for (const Execution& e : (*chain)->executions) {
    Outcome outcome;
    outcome.decision = e.decision;
    outcome.incident = e.incident;
    constexpr OutcomeState kStates[] = {OutcomeState::kIssued,   OutcomeState::kIssued,
                                        OutcomeState::kObserved, OutcomeState::kVerified,
                                        OutcomeState::kFailed,   OutcomeState::kUndone,
                                        OutcomeState::kDryRun};
    outcome.state = kStates[static_cast<size_t>(e.state)];
    outcome.detail = e.detail;
    outcome.ts_ns = std::max({e.planned_ns, e.issued_ns, e.observed_ns, e.ended_ns});
    out.outcomes.push_back(std::move(outcome));
  }
  for (const AuditEvent& e : (*chain)->events) {
    const bool of_decision = std::any_of(out.decisions.begin(), out.decisions.end(),
                                         [&](const Decision& d) { return d.id == e.subject; });
    out.timeline.push_back({e.ts_ns, e.actor, e.kind, of_decision ? e.subject : "", e.detail});
  }
  return out;
}

api::SwitchState Agent::Switch() {
  api::SwitchState state = AskEngine<api::SwitchState>([this] {
    api::SwitchState s;
    s.enabled = engine_->switch_on();
    s.actor = engine_->switch_actor();
    return s;
  });
  const std::lock_guard lock(mutex_);
  state.changed_ns = switch_changed_ns_;
  return state;
}

Result<api::SwitchState> Agent::SetSwitch(bool enabled, const std::string& actor) {
  const heald::Status set = AskEngine<heald::Status>(
      [this, enabled, actor] { return engine_->SetSwitch(enabled, actor); });
  if (!set) return set.error();
  {
    const std::lock_guard lock(mutex_);
    switch_changed_ns_ = clock_.NowNs();
  }
  return Switch();
}

std::vector<Decision> Agent::Approvals() {
  return AskEngine<std::vector<Decision>>([this] {
    std::vector<Decision> waiting;
    for (const Decision* decision : engine_->AwaitingApproval()) waiting.push_back(*decision);
    return waiting;
  });
}

Result<void> Agent::Approve(const std::string& decision, bool approve, const std::string& actor) {
  return AskEngine<heald::Status>([this, decision, approve, actor] {
    return approve ? engine_->Approve(decision, actor) : engine_->Deny(decision, actor);
  });
}

Result<api::ReloadReport> Agent::Reload(const std::string& actor) {
  const std::unique_lock reloading(reload_mutex_, std::try_to_lock);
  if (!reloading) return MakeError(Code::kConflict, "another reload is running");
  api::ReloadReport report;
  std::vector<Diagnostic> diagnostics;
  const std::optional<PipelineSpec> spec = Load(&diagnostics);
  for (const Diagnostic& d : diagnostics) report.diagnostics.push_back(ForApi(d));
  PipelineSpec before;
  {
    const std::lock_guard lock(mutex_);
    before = spec_;
  }
  heald::Status applied;
  if (!spec)
    applied = MakeError(Code::kInvalid, FormatText(diagnostics));
  else
    applied = runner_->Reload(*spec);
  metrics_.Get(names::kReloads, {{"result", applied ? "applied" : "failed"}}).Increment();
  metrics_.Get(names::kReloadOk).Record(applied ? 1 : 0);
  if (!applied) {
    report.summary = spec ? applied.error().message : "the file has errors";
    Log(LogLevel::kError, kSelf,
        "reload by " + actor + " failed, the old pipeline goes on: " + report.summary);
    for (const Diagnostic& d : diagnostics)
      Log(d.level == Level::kError ? LogLevel::kError : LogLevel::kWarning, kSelf,
          d.file + ":" + std::to_string(d.line) + ":" + std::to_string(d.column) + ": " +
              ForApi(d).message);
    const std::lock_guard lock(mutex_);
    reload_error_ = applied.error().message;
    return report;
  }
  ApplySpec(*spec);
  static_cast<void>(AskEngine<bool>([this, &spec, &actor] {
    engine_->SetPolicies(*spec, actor);
    return true;
  }));
  report.applied = true;
  report.summary = Difference(before, *spec);
  if (before.agent.listen != spec->agent.listen ||
      before.agent.state_dir != spec->agent.state_dir || before.agent.store != spec->agent.store ||
      before.agent.token != spec->agent.token)
    report.summary += "; agent.listen, token, state_dir and store change with the next start";
  metrics_.Get(names::kReloadTime).Record(static_cast<double>(clock_.NowNs()) / 1e9);
  Log(LogLevel::kInfo, kSelf, "reloaded by " + actor + ": " + report.summary);
  const std::lock_guard lock(mutex_);
  reload_error_.clear();
  reloaded_ns_ = clock_.NowNs();
  return report;
}

std::vector<api::Check> Agent::Health() {
  std::vector<api::Check> checks;
  {
    const std::lock_guard lock(mutex_);
    checks.push_back({"store", problem_.empty(), problem_});
  }
  for (const NodeStats& s : runner_->stats())
    if (s.state == NodeState::kHung)
      checks.push_back({std::string(ToString(s.kind)) + " " + s.name, false, s.last_error});
  return checks;
}

std::vector<api::Check> Agent::Ready() {
  std::vector<api::Check> checks = Health();
  for (const NodeStats& s : runner_->stats()) {
    if (s.state == NodeState::kHung) continue;
    const bool ok = s.ok && s.state != NodeState::kFailed;
    checks.push_back({std::string(ToString(s.kind)) + " " + s.name, ok, ok ? "" : s.last_error});
  }
  return checks;
}

std::string Agent::MetricsPage() {
  return metrics_.Exposition();
}

void Agent::OnRequest(const api::RequestRecord& record) {
  metrics_
      .Get(names::kApiRequests,
           {{"route", std::string(record.route)},
            {"method", std::string(record.method)},
            {"code", std::to_string(record.status)}},
           Lifetime::kTouched)
      .Increment();
  metrics_.Get(names::kApiDuration, {{"route", std::string(record.route)}}, Lifetime::kTouched)
      .Record(static_cast<double>(record.duration_ns) / 1e9);
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
  const std::lock_guard lock(mutex_);
  for (const NodeStats& s : all) {
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
  metrics_.Expire(clock_.NowNs());
}

}  // namespace heald::agent
