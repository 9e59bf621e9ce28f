// The composition root: joins plugins, runner, remedy engine, store, telemetry and API into one
// agent. Used by `heald run` and by tests that want a whole agent in the process. Thread rule:
// Start, Reload and Stop belong to one thread at a time; api::Backend is safe from any.
//
//   agent.cc    start, stop, what nodes tell          reload.cc   another file while it runs
//   lane.cc     the engine's lane, the journal at start, the time before it is there
//   backend.cc  the agent for the API                 watched.cc  what was found and done, for it
//   commands.cc what people command                   notices.cc  log, notifiers, stream
//   upkeep.cc   the store: outages, retention         reports.cc  labels, weeks in numbers
//   receive.cc  what others push to a source          counts.cc   what happened, for /metrics
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "core/agent/engine_work.h"
#include "core/agent/finding_shelf.h"
#include "core/agent/followers.h"
#include "core/agent/gateway.h"
#include "core/agent/services.h"
#include "core/agent/store_opener.h"
#include "core/agent/targets.h"
#include "core/agent/traces.h"
#include "core/api/backend.h"
#include "core/api/json.h"
#include "core/api/server.h"
#include "core/base/clock.h"
#include "core/config/loader.h"
#include "core/model/series.h"
#include "core/pipeline/runner.h"
#include "core/plugin/instances.h"
#include "core/remedy/engine.h"
#include "core/store/open.h"
#include "core/telemetry/metrics.h"

namespace heald::agent {

struct Options {
  std::string file;  // empty: `text` is the pipeline
  std::string text;
  std::string plugin_dir;  // of the plugins that come with heald
  std::string probe;       // this program, to try foreign plugins with
  std::string listen;      // overrides agent.listen when not empty
};

class Agent final : public api::Backend, private NodeEvents, private remedy::EventSink {
 public:
  explicit Agent(Options options);
  ~Agent() override;
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  // Reads the pipeline file; empty when it has errors, which `diagnostics` then tells.
  std::optional<PipelineSpec> Load(std::vector<Diagnostic>* diagnostics);
  // Takes the port, opens the store, starts everything. Nothing is left running after an error.
  heald::Status Start(const PipelineSpec& spec);
  // Sources first, then what is on its way, then the rest, within agent.drain. False: some plugin
  // call doesn't return, so the process should end without destroying the agent.
  bool Stop();
  std::string url() const { return server_->url(); }
  const plugin::Loader& plugins() const { return *loader_; }

  // api::Backend
  api::StatusReport Status() override;
  api::PipelineReport Pipeline() override;
  std::vector<api::ServiceHealth> Services() override;
  Result<api::FindingPage> Findings(const api::FindingQuery& query) override;
  Result<api::IncidentPage> Incidents(const api::IncidentQuery& query) override;
  Result<api::IncidentChain> FindIncident(uint64_t id) override;
  Result<Incident> LabelIncident(uint64_t id, const IncidentLabel& label) override;
  Result<WeeklyReport> Weekly(int weeks) override;
  Result<EfficacyReport> Efficacy() override;
  std::vector<api::ActionStatus> Actions() override;
  Result<api::ExecutionPage> Executions(uint64_t before, size_t limit) override;
  Result<api::AuditPage> Audit(uint64_t before, size_t limit) override;
  std::vector<api::PluginEntry> Plugins() override;
  api::ConfigReport Config() override;
  api::SwitchState Switch() override;
  Result<api::SwitchState> SetSwitch(bool enabled, const std::string& actor) override;
  std::vector<api::PolicyStatus> Policies() override;
  Result<api::PolicyStatus> SetPolicy(const std::string& name, const api::PolicyChange& change,
                                      const std::string& actor) override;
  std::vector<Decision> Approvals() override;
  std::vector<WaitingUndo> WaitingUndos() override;
  Result<Decision> WaitingApproval(const std::string& decision) override;
  Result<void> Approve(const api::ApprovalAnswer& answer) override;
  std::shared_ptr<const api::ApprovalLinks> Links() override;
  std::vector<api::SilenceEntry> Silences() override;
  Result<api::SilenceEntry> AddSilence(const api::SilenceRequest& request,
                                       const std::string& actor) override;
  Result<api::SilenceEntry> EndSilence(const std::string& id, const std::string& actor) override;
  Result<api::DetectionReport> Detect(const std::string& actor) override;
  Result<api::ReloadReport> Reload(const std::string& actor) override;
  Result<api::Response> Receive(std::string_view node, const std::string& path,
                                const api::Request& request, const std::string& actor) override;
  Result<uint64_t> ReceiveLimit(std::string_view node, const std::string& path) override;
  std::vector<api::Check> Health() override;
  std::vector<api::Check> Ready() override;
  std::string MetricsPage() override;
  void OnRequest(const api::RequestRecord& record) override;

 private:
  // NodeEvents, on data threads
  bool WantsSamples(const NodeSpec& source) override;
  void OnSamples(const NodeSpec& source, const SampleBatch& batch) override;
  void OnFinding(Finding finding) override;
  void OnHealth(const NodeSpec& node, const Error* error) override;
  void OnCall(const NodeSpec& node, int64_t took_ns) override;
  void OnGone(const NodeSpec& node) override;
  // remedy::EventSink, on the engine's lane
  void OnNotice(const remedy::Notice& notice) override;
  void OnProblem(const Error& error) override;
  bool IsNewState(const Incident& incident);
  void OnJudged(const Forecast& forecast) override;
  void OnWatch(const std::vector<std::string>& metrics) override;

  // Runs on the engine's lane, in turn with what else waits for it; then does what is due.
  void OnEngine(EngineWork::Kind kind, std::function<void()> work);
  // Waits for the engine's answer; before there is an engine for the error, or for nothing. A
  // question goes before the findings that wait, unless it is about them.
  template <typename T>
  T AskEngine(std::function<T()> work, EngineWork::Kind kind = EngineWork::Kind::kAsk) {
    return AskLane<T>(
        [this, work = std::move(work)]() -> T {
          if (engine_ != nullptr) return work();
          if constexpr (std::is_convertible_v<Error, T>)
            return NoJournal();
          else
            return T{};
        },
        kind);
  }
  template <typename T>
  T AskLane(std::function<T()> work, EngineWork::Kind kind = EngineWork::Kind::kAsk) {
    auto answer = std::make_shared<std::promise<T>>();
    std::future<T> future = answer->get_future();
    OnEngine(kind, [answer, work = std::move(work)] { answer->set_value(work()); });
    return future.get();
  }
  void Turn();
  void TickIfDue();
  // The journal is there: the engine is made from it, and goes on with what was found meanwhile.
  heald::Status Adopt(OpenStores stores);
  void BeginEngine();
  // It isn't: until then findings are kept and told, and nothing is done.
  void AwaitStore(const Error& why);
  void OnStoreOpened(OpenStores stores);
  void KeepFinding(const Finding& finding);
  Error NoJournal() const;
  void SayWhosePolicies();
  // What Status tells of the engine; on its lane.
  struct EngineView {
    api::SwitchState remediation;
    std::vector<api::PolicyStatus> policies;
    uint64_t incidents = 0;
    uint64_t awaiting = 0;
    uint64_t predictions = 0;
    uint64_t silences = 0;
    std::optional<api::StormStatus> storm;
  };
  EngineView ViewEngine() const;
  void KeepView();
  EngineView StatusView();
  std::vector<api::PolicyStatus> PoliciesNow() const;  // on the lane
  api::SwitchState SwitchBeforeEngine() const;         // likewise
  std::vector<TargetIncident> TargetsOnShelf() const;  // likewise
  std::optional<api::FindingPage> KeptFindings(const api::FindingQuery& query);
  template <typename T>
  Result<T> ReadStore(const std::function<Result<T>(StoreReader&)>& read) {
    {
      const std::lock_guard lock(reader_mutex_);
      if (reader_ != nullptr) return read(*reader_);
    }
    return NoJournal();
  }
  // What of them is silenced or muted now; the journal doesn't say.
  void ShowQuiet(std::vector<Incident>* incidents);
  void ScheduleTick();
  void ApplySpec(const PipelineSpec& spec);
  // Before it is applied: what approval links are made and checked with; null where there are none.
  static Result<std::shared_ptr<const api::ApprovalLinks>> MakeLinks(const AgentSpec& agent);
  void TapSources();  // under mutex_
  // What the metrics page says of weeks, once a minute.
  void CollectReports();
  Result<EfficacyReport> ReadEfficacy();
  void CollectNodes();
  // What can happen to nodes and policies is on the page before it does.
  void CollectCounts();
  void CollectPolicy(const PolicySpec& policy);
  Metric Counted(const MetricDef& def, const Labels& labels);
  // To where the file says; what still waits stays in the journal.
  void SetTraces(const AgentSpec& agent);
  std::shared_ptr<Traces> TracesNow() const;
  // What the listener didn't let through to a node.
  void CountRefusedPush(std::string_view node, int status);
  // Where people see the incident.
  std::string UrlOf(uint64_t incident) const;
  void CountNotice(const remedy::Notice& notice);
  void CountFinding(const Finding& finding);
  std::shared_ptr<const Followers> FollowersNow() const;
  std::vector<api::NodeStatus> NodeStatuses();
  // To the live stream's clients.
  void Publish(std::string_view event, const api::Json& data);
  void PublishNotice(const remedy::Notice& notice);
  // Every other second: rates, and the counters to the live stream.
  void ScheduleSample();
  void Sample();
  // Whether the store is there, what waits for it, what it may forget. On the engine's lane.
  void LookAfterStore();
  void NoteTokens();
  void Retain();
  // What nodes that are gone have left undone, for status; and once an hour in the log.
  std::vector<std::string> OwedNow();
  void TellOwed();
  StoreLocation Location(const PipelineSpec& spec) const;

  const Options options_;
  SystemClock clock_;
  SeriesTable series_;
  Metrics metrics_;
  PluginServices services_{metrics_};
  std::unique_ptr<plugin::Loader> loader_;
  std::unique_ptr<api::Server> server_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<HeldChanges> held_;
  std::unique_ptr<plugin::Factory> factory_;
  std::unique_ptr<Runner> runner_;
  remedy::LatestSamples latest_;
  std::unique_ptr<Lane> engine_lane_;
  std::unique_ptr<Gateway> gateway_;
  EngineWork work_;
  std::atomic<int64_t> findings_until_ns_{0};  // when stopping: on the monotonic clock
  std::unique_ptr<boost::asio::steady_timer> tick_;
  std::unique_ptr<boost::asio::steady_timer> sample_;

  // On engine_lane_ only:
  std::unique_ptr<remedy::Engine> engine_;    // null: the journal hasn't been read
  int64_t next_tick_ns_ = 0;                  // monotonic
  FindingShelf shelf_;                        // while there is no engine
  std::optional<std::string> switch_off_by_;  // likewise: who asked for it
  std::unique_ptr<StoreOpener> opener_;       // likewise
  uint64_t lost_counted_ = 0;
  int64_t next_retain_ns_ = 0;
  std::optional<std::map<std::string, std::string>> noted_tokens_;  // id -> whose

  std::atomic<bool> running_{false};
  int64_t started_ns_ = 0;

  std::mutex reload_mutex_;
  std::mutex detect_mutex_;
  std::string loaded_yaml_;  // of the last Load without errors; of the thread that loads

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  PipelineSpec spec_;
  std::shared_ptr<const Followers> followers_ = std::make_shared<const Followers>();
  EngineView view_;
  int64_t view_ns_ = 0;  // monotonic
  std::shared_ptr<const api::ApprovalLinks> links_;
  std::shared_ptr<Traces> traces_;                                    // null: they go nowhere
  std::map<std::string, std::vector<uint32_t>, std::less<>> tapped_;  // source -> name numbers
  std::vector<std::string> judged_by_;  // metrics that predictions are about
  std::string reload_error_;
  int64_t reloaded_ns_ = 0;
  // Other nodes have this long to take over what is owed before the log says it.
  static constexpr int64_t kTakeOverNs = 30 * kSecond;
  int64_t next_owed_ns_ = 0;  // monotonic
  std::string problem_;       // of the journal
  int64_t problem_ns_ = 0;    // when it was last met
  std::string config_yaml_;   // in force, secrets masked
  int64_t healthy_since_ns_ = 0;
  struct Counts {
    uint64_t in = 0;
    uint64_t out = 0;
  };
  std::unordered_map<std::string, Counts> policy_counts_;
  std::map<std::string, Counts, std::less<>> sampled_;  // what the last Sample saw, by node
  std::map<std::string, api::Rates, std::less<>> rates_;
  int64_t sampled_ns_ = 0;
  std::map<std::string, uint64_t> last_incidents_;    // ended ones, by target
  std::map<uint64_t, IncidentState> counted_states_;  // of open incidents
  std::map<std::string, NodeStats> counted_;          // what CollectNodes has passed on
  std::set<std::string> predictors_;                  // detectors that have predicted

  std::mutex targets_mutex_;
  // Guarded by targets_mutex_:
  std::vector<api::ServiceHealth> targets_;
  int64_t targets_ns_ = 0;

  std::mutex report_mutex_;
  // Guarded by report_mutex_; a reader of their own, so that a report holds up no page:
  std::unique_ptr<StoreReader> report_reader_;
  std::optional<EfficacyReport> efficacy_;
  int64_t efficacy_ns_ = 0;
  int64_t reported_ns_ = 0;

  std::mutex reader_mutex_;
  std::unique_ptr<StoreReader> reader_;  // under reader_mutex_
};

}  // namespace heald::agent
