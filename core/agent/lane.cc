// The engine's lane: what waits for it, its timer, and how it comes to its journal. The store may
// be away at the start; then there is no engine yet, and so nobody who could act.
#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <future>

#include "core/agent/agent.h"
#include "core/agent/identity.h"
#include "core/agent/policy_status.h"
#include "core/agent/self_name.h"
#include "core/agent/switch_note.h"
#include "core/telemetry/log.h"
#include "core/telemetry/names.h"

namespace heald::agent {
namespace {

// Timers and whoever posts to the lane itself come in between.
constexpr int64_t kTurnNs = 5 * kMillisecond;
constexpr int64_t kStatusWithinNs = 100 * kMillisecond;

std::string NextAttempt() {
  return "; next attempt in " + FormatDuration(StoreOpener::kEveryNs);
}

}  // namespace

// ---- turns --------------------------------------------------------------------------------------

void Agent::OnEngine(EngineWork::Kind kind, std::function<void()> work) {
  if (work_.Push(kind, std::move(work))) engine_lane_->Post([this] { Turn(); });
}

void Agent::Turn() {
  const int64_t began_ns = clock_.MonotonicNs();
  const int64_t findings_until_ns = findings_until_ns_;
  if (findings_until_ns != 0 && began_ns > findings_until_ns)
    if (const size_t dropped = work_.DropFindings(); dropped != 0)
      Log(LogLevel::kWarning, kSelf,
          "stops before it has looked at " + std::to_string(dropped) +
              " findings: they come again after the next start");
  while (const EngineWork::Work work = work_.Pop()) {
    work();
    TickIfDue();
    if (clock_.MonotonicNs() - began_ns < kTurnNs) continue;
    engine_lane_->Post([this] { Turn(); });
    return;
  }
  ScheduleTick();
}

// In between findings, for a decision must not wait for the last of them; but with at most half of
// the lane's time, or they would wait for ever.
void Agent::TickIfDue() {
  if (engine_ == nullptr || !running_ || engine_->next_due_ns() > clock_.NowNs()) return;
  const int64_t began_ns = clock_.MonotonicNs();
  if (began_ns < next_tick_ns_) return;
  engine_->Tick();
  const int64_t ended_ns = clock_.MonotonicNs();
  next_tick_ns_ = ended_ns + (ended_ns - began_ns);
}

void Agent::ScheduleTick() {
  if (engine_ == nullptr) return;
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
  if (!running_) return;
  // The wall clock may jump, so never sleep for long on its word, also with nothing to wait for.
  const int64_t wait_ns = std::clamp<int64_t>(due_ns - clock_.NowNs(), 0, kSecond);
  tick_->expires_after(std::chrono::nanoseconds(wait_ns));
  tick_->async_wait([this](const boost::system::error_code& error) {
    if (error || engine_ == nullptr) return;
    engine_->Tick();
    ScheduleTick();
  });
}

// ---- what Status tells --------------------------------------------------------------------------

std::vector<api::PolicyStatus> Agent::PoliciesNow() const {
  std::vector<api::PolicyStatus> out;
  if (engine_ != nullptr) {
    for (const PolicySpec& policy : engine_->policies())
      out.push_back(PolicyStatusOf(policy, *engine_));
    return out;
  }
  const std::lock_guard lock(mutex_);
  for (const PolicySpec& policy : spec_.policies)
    out.push_back(PolicyStatusOf(policy, spec_.agent));
  return out;
}

Agent::EngineView Agent::ViewEngine() const {
  EngineView out;
  out.policies = PoliciesNow();
  if (engine_ == nullptr) {
    out.remediation = SwitchBeforeEngine();
    return out;
  }
  out.remediation = {engine_->switch_on(), engine_->switch_actor(), engine_->switch_changed_ns()};
  out.incidents = engine_->incidents().all().size();
  out.awaiting = engine_->AwaitingApproval().size() + engine_->HeldCanaries().size();
  for (const remedy::Silence& silence : engine_->silences().all())
    out.silences += silence.ActiveAt(clock_.NowNs());
  if (const remedy::Storm& storm = engine_->storm(); storm.on())
    out.storm = {storm.since_ns(), storm.until_ns(), engine_->storm_incident(),
                 storm.merged_total()};
  for (const auto& [id, open] : engine_->incidents().all())
    for (const Finding& finding : open->incident.findings)
      out.predictions +=
          finding.kind == FindingKind::kPrediction && finding.state != FindingState::kClear;
  return out;
}

void Agent::KeepView() {
  EngineView view = ViewEngine();
  const std::lock_guard lock(mutex_);
  view_ = std::move(view);
  view_ns_ = clock_.MonotonicNs();
}

// As it is now; where the engine takes long over something, as it was a moment ago.
Agent::EngineView Agent::StatusView() {
  const auto kept = std::make_shared<std::promise<void>>();
  std::future<void> future = kept->get_future();
  OnEngine(EngineWork::Kind::kAsk, [this, kept] {
    KeepView();
    kept->set_value();
  });
  future.wait_for(std::chrono::nanoseconds(kStatusWithinNs));
  const std::lock_guard lock(mutex_);
  return view_;
}

// ---- the journal --------------------------------------------------------------------------------

heald::Status Agent::Adopt(OpenStores stores) {
  if (!stores.held->note().empty()) Log(LogLevel::kError, "store", stores.held->note());
  if (!stores.held->empty())
    Log(LogLevel::kInfo, "store",
        "writes what was held back while it was away: " + std::to_string(stores.held->size()) +
            " changes");
  // For the services' page: which incident of a target ended last.
  constexpr size_t kMany = 1000;
  const Result<IncidentPage> ended =
      stores.reader->Incidents({{IncidentState::kResolved}, 0, kMany});
  if (!ended) return ended.error();
  PipelineSpec spec;
  {
    const std::lock_guard lock(mutex_);
    spec = spec_;
  }
  remedy::EngineOptions options;
  options.process = ThisProcess();
  Result<std::unique_ptr<remedy::Engine>> engine = remedy::Engine::Create(
      {&clock_, stores.store.get(), gateway_.get(), this, &latest_, stores.held.get()}, spec,
      options);
  if (!engine) return engine.error();
  store_ = std::move(stores.store);
  held_ = std::move(stores.held);
  engine_ = std::move(*engine);
  // Before anything else: it must not act on what it finds in the journal.
  if (switch_off_by_) {
    heald::Status off = engine_->SetSwitch(false, *switch_off_by_);
    if (off) off = RemoveSwitchNote(spec.agent.state_dir);
    if (!off)
      Log(LogLevel::kError, kSelf,
          off.error().message + "; while that file is there, every start switches off");
    switch_off_by_.reset();
  }
  {
    const std::lock_guard lock(reader_mutex_);
    reader_ = std::move(stores.reader);
  }
  {
    const std::lock_guard lock(report_mutex_);
    report_reader_ = std::move(stores.report_reader);
  }
  const std::lock_guard lock(mutex_);
  spec_.policies = engine_->policies();
  for (const Incident& incident : ended->incidents)
    last_incidents_.try_emplace(incident.target.ToString(), incident.id);
  return {};
}

void Agent::BeginEngine() {
  metrics_.Get(names::kStoreUp).Record(1);
  if (!engine_->switch_on())
    Log(LogLevel::kWarning, kSelf,
        "automatic remediation is off, by " + engine_->switch_actor() +
            ": nothing is repaired until PUT /api/v1/switch {\"enabled\": true}");
  SayWhosePolicies();
  if (const size_t open = engine_->incidents().all().size(); open != 0)
    Log(LogLevel::kInfo, kSelf,
        "takes up open incidents: " + std::to_string(open) +
            ", unfinished executions: " + std::to_string(engine_->running_executions()));
  engine_->Tick();
}

// What the file says isn't what is done: that should surprise nobody.
void Agent::SayWhosePolicies() {
  for (const auto& [name, change] : engine_->overrides()) {
    std::string text = "policy " + name + ": ";
    text += change.enabled ? "mode " + std::string(ToString(change.mode)) : "disabled";
    text += ", set by " + change.actor + " " + FormatTime(change.changed_ns);
    if (!change.reason.empty()) text += " (" + change.reason + ")";
    text += "; the file says " +
            (change.file_enabled ? "mode " + std::string(ToString(change.file_mode)) : "disabled");
    Log(LogLevel::kWarning, kSelf, text);
  }
}

void Agent::AwaitStore(const Error& why) {
  metrics_.Get(names::kStoreUp).Record(0);
  OnProblem(MakeError(why.code, why.message +
                                    ". Until the journal can be read heald finds and tells, and "
                                    "does nothing" +
                                    NextAttempt()));
  PipelineSpec spec;
  {
    const std::lock_guard lock(mutex_);
    spec = spec_;
  }
  const auto on_lane = [this](std::function<void()> work) {
    OnEngine(EngineWork::Kind::kAsk, std::move(work));
  };
  opener_ = std::make_unique<StoreOpener>(
      Location(spec),
      [this, on_lane](OpenStores stores) {
        const auto opened = std::make_shared<OpenStores>(std::move(stores));
        on_lane([this, opened] { OnStoreOpened(std::move(*opened)); });
      },
      [this, on_lane](const Error& error) {
        on_lane([this, error] { OnProblem(MakeError(error.code, error.message + NextAttempt())); });
      });
}

void Agent::OnStoreOpened(OpenStores stores) {
  if (!running_) return;
  opener_.reset();
  if (const heald::Status adopted = Adopt(std::move(stores)); !adopted)
    return AwaitStore(adopted.error());
  {
    const std::lock_guard lock(mutex_);
    problem_.clear();
  }
  const uint64_t lost = shelf_.lost_total();
  const std::vector<Finding> found = shelf_.Take();
  Log(LogLevel::kInfo, "store",
      "is there, the journal is read: takes up " + std::to_string(found.size()) +
          " findings and endings of findings since the start" +
          (lost == 0 ? "" : "; " + std::to_string(lost) + " more had no room"));
  // All of them before the first tick: what is over by now isn't acted on.
  for (const Finding& finding : found) engine_->OnFinding(finding);
  BeginEngine();
}

void Agent::KeepFinding(const Finding& finding) {
  if (!shelf_.Put(finding)) return;
  remedy::Notice notice;
  notice.kind = remedy::NoticeKind::kFinding;
  notice.event_id = finding.id + "/" + std::string(ToString(finding.state)) + "/" +
                    std::string(ToString(finding.severity));
  notice.node = finding.node;
  notice.ts_ns = finding.ts_ns;
  notice.text = Describe(finding) + "  (nothing is done: the journal can't be read yet)";
  notice.finding = &finding;
  OnNotice(notice);
}

Error Agent::NoJournal() const {
  const std::lock_guard lock(mutex_);
  Error error = MakeError(Code::kUnavailable, "the journal hasn't been read yet: " + problem_);
  error.retryable = true;
  return error;
}

api::SwitchState Agent::SwitchBeforeEngine() const {
  if (switch_off_by_) return {false, *switch_off_by_, 0};
  return {false, "heald: the journal hasn't been read yet", 0};
}

}  // namespace heald::agent
