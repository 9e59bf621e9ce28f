// A small world for the engine: virtual clock, a real store in a temporary folder, a target that
// can be restarted, and everything that was told. Used by the tests of this folder.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/remedy/engine.h"
#include "core/store/open.h"

namespace heald::remedy {

inline constexpr int64_t kStart = 1'767'225'600 * kSecond;  // 2026-01-01T00:00:00Z

class TempDir {
 public:
  TempDir() {
    // In memory where possible: hundreds of stores are made here, and each waits for its disk.
    const bool shm = getenv("TMPDIR") == nullptr && access("/dev/shm", W_OK) == 0;
    const std::filesystem::path base =
        shm ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path();
    std::string pattern = (base / "heald-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Targets by service name. Calls are answered `latency_ns` later, when Deliver is called.
class FakeGateway final : public ActionGateway {
 public:
  struct Target {
    int executed = 0;
    std::map<std::string, int64_t> done_ns;  // by decision, as the target itself would show it
    int64_t effect_after_ns = 900 * kMillisecond;
    std::string uid = "c1";
    std::string before = "{}";
    bool reversible = false;
    std::optional<Error> plan_error;
    std::optional<Error> execute_error;  // instead of executing
    std::optional<Error> lost_reply;     // executes, then says this
    std::optional<Error> observe_error;  // instead of looking
    std::optional<Effect> effect;        // what observe says, whatever happened
    std::optional<Effect> reply;         // what execute says
    std::optional<Effect> dry_run;
    bool can_canary = false;
    std::optional<Effect> undo_reply;  // instead of "done"
    std::optional<Error> undo_error;   // ... without undoing
    bool undone_silently = false;      // undoes, but its answer is lost
  };

  explicit FakeGateway(const Clock* clock) : clock_(clock) {}

  void Plan(const ActionRequest& request, PlanDone done) override {
    ++plans;
    const Target& target = At(request);
    if (target.plan_error) return Answer([done, error = *target.plan_error] { done(error); });
    heald::Plan plan;
    plan.summary = "restart " + std::string(request.target.Get("service"));
    plan.target_uid = target.uid + "/" + std::string(request.target.Get("service"));
    plan.reversible = target.reversible;
    plan.can_canary = target.can_canary;
    plan.before = target.before;
    plan.effect_within_ns = 10 * kSecond;
    if (request.node != "restart")
      plan.summary = request.node + " " + std::string(request.target.Get("service"));
    Answer([done, plan] { done(plan); });
  }
  void DryRun(const ActionRequest& request, const heald::Plan&, EffectDone done) override {
    ++dry_runs;
    const std::optional<Effect> effect = At(request).dry_run;
    if (!effect) return Answer([done] { done(MakeError(Code::kUnsupported, "no dry run")); });
    Answer([done, effect = *effect] { done(effect); });
  }
  void Execute(const ActionRequest& request, const heald::Plan&, EffectDone done) override {
    ++executes;
    ++by_decision[KeyOf(request)];
    calls.push_back(request.node + PartText(request.part));
    if (on_execute) on_execute(request);
    Target& target = At(request);
    if (target.execute_error) return Answer([done, error = *target.execute_error] { done(error); });
    ++target.executed;
    target.done_ns[KeyOf(request)] = clock_->NowNs();
    if (target.lost_reply) return Answer([done, error = *target.lost_reply] { done(error); });
    const Effect reply = target.reply.value_or(Effect{EffectState::kPending, "204"});
    Answer([done, reply] { done(reply); }, execute_ns.value_or(latency_ns));
  }
  void Observe(const ActionRequest& request, const heald::Plan&, EffectDone done) override {
    ++observes;
    const Target& target = At(request);
    if (target.observe_error) return Answer([done, error = *target.observe_error] { done(error); });
    Effect effect;
    if (target.effect)
      effect = *target.effect;
    else if (const auto at = target.done_ns.find(KeyOf(request)); at == target.done_ns.end())
      effect = {EffectState::kAbsent, "never restarted"};
    else if (clock_->NowNs() >= at->second + target.effect_after_ns)
      effect = {EffectState::kDone, "ready after " + FormatElapsed(target.effect_after_ns)};
    Answer([done, effect] { done(effect); });
  }
  void Undo(const ActionRequest& request, const heald::Plan&, EffectDone done) override {
    calls.push_back("undo " + request.node + PartText(request.part));
    if (on_undo) on_undo(request);
    Target& target = At(request);
    if (target.undo_error) return Answer([done, error = *target.undo_error] { done(error); });
    ++undone[request.decision];
    for (const char* part : {"", " canary", " rest"}) target.done_ns.erase(request.decision + part);
    if (target.undone_silently)
      return Answer([done] { done(MakeError(Code::kDeadline, "timed out")); });
    Answer([done, reply = target.undo_reply.value_or(Effect{EffectState::kDone, "as before"})] {
      done(reply);
    });
  }
  static std::string PartText(Part part) {
    return part == Part::kAll ? "" : part == Part::kCanary ? " canary" : " rest";
  }
  // Executions are counted by decision and part.
  static std::string KeyOf(const ActionRequest& request) {
    return request.decision + PartText(request.part);
  }

  Target& At(const ActionRequest& request) {
    return targets[std::string(request.target.Get("service"))];
  }
  int64_t next_due_ns() const { return answers_.empty() ? INT64_MAX : answers_.begin()->first; }
  void Deliver() {
    while (!answers_.empty() && answers_.begin()->first <= clock_->NowNs()) {
      const std::function<void()> answer = answers_.begin()->second;
      answers_.erase(answers_.begin());
      answer();
    }
  }
  void Forget() { answers_.clear(); }  // the process that waited for them is gone

  std::map<std::string, Target> targets;
  std::map<std::string, int> by_decision;
  std::map<std::string, int> undone;  // by decision
  std::vector<std::string> calls;     // execute and undo, in order
  std::function<void(const ActionRequest&)> on_execute;
  std::function<void(const ActionRequest&)> on_undo;
  int64_t latency_ns = kMillisecond;
  std::optional<int64_t> execute_ns;  // how long that call takes, where it isn't latency_ns
  bool inline_answers = false;
  int plans = 0;
  int dry_runs = 0;
  int executes = 0;
  int observes = 0;

 private:
  void Answer(std::function<void()> answer) { Answer(std::move(answer), latency_ns); }
  void Answer(std::function<void()> answer, int64_t after_ns) {
    if (inline_answers) return answer();
    answers_.emplace(clock_->NowNs() + after_ns, std::move(answer));
  }

  const Clock* clock_;
  std::multimap<int64_t, std::function<void()>> answers_;
};

class Told final : public EventSink {
 public:
  void OnNotice(const Notice& notice) override {
    if (on_notice) on_notice(notice);
    ids.push_back(notice.event_id);
    lines.push_back(notice.text);
    if (!notice.quiet) loud.push_back(notice.text);
    if (notice.kind == NoticeKind::kDecision) decisions.push_back(*notice.decision);
    if (notice.kind == NoticeKind::kOutcome) outcomes.push_back(*notice.outcome);
    if (notice.incident != nullptr) last_incident = *notice.incident;
  }
  void OnProblem(const Error& error) override { problems.push_back(error.message); }
  void Forget() {
    for (auto* list : {&ids, &lines, &loud, &problems}) list->clear();
    decisions.clear();
    outcomes.clear();
  }

  std::function<void(const Notice&)> on_notice;
  std::vector<std::string> ids;
  std::vector<std::string> lines;
  std::vector<std::string> loud;  // of those what notifiers get
  std::vector<Decision> decisions;
  std::vector<Outcome> outcomes;
  std::vector<std::string> problems;
  Incident last_incident;
};

inline When Parsed(std::string_view text) {
  std::variant<When, WhenError> parsed = When::Parse(text);
  if (const auto* error = std::get_if<WhenError>(&parsed)) ADD_FAILURE() << error->message;
  return std::get<When>(std::move(parsed));
}

inline PolicySpec MakePolicy(std::string name = "latency", std::string_view when = {}) {
  PolicySpec policy;
  policy.name = std::move(name);
  policy.inputs = {{"spikes", "", ""}};
  policy.action = "restart";
  policy.mode = Mode::kEnforce;
  policy.guard.cooldown_ns = 5 * kMinute;
  policy.guard.max_per_hour = 3;
  policy.verify_within_ns = 2 * kMinute;
  if (!when.empty()) policy.when = Parsed(when);
  return policy;
}

inline PipelineSpec MakeSpec(std::vector<PolicySpec> policies) {
  PipelineSpec spec;
  spec.file = "pipeline.yaml";
  NodeSpec source;
  source.kind = Kind::kSource;
  source.name = "prom";
  source.outputs = {"latency_p99", "error_rate"};
  NodeSpec detector;
  detector.kind = Kind::kDetector;
  detector.name = "spikes";
  NodeSpec action;
  action.kind = Kind::kAction;
  action.name = "restart";
  action.plugin = "docker";
  spec.nodes = {source, detector, action};
  spec.policies = std::move(policies);
  return spec;
}

// The engine in its world. Move time with Run; a crash is Restart.
class World {
 public:
  explicit World(PipelineSpec spec, std::string store_url = "sqlite:heald.db")
      : spec(std::move(spec)), store_url(std::move(store_url)) {
    Restart();
  }

  // Kills the engine and starts another on the same store.
  void Restart() {
    engine.reset();
    store.reset();
    gateway.Forget();
    reported_.clear();
    held.reset();
    Result<std::unique_ptr<Store>> opened = OpenStore({store_url, dir.path(), false});
    ASSERT_TRUE(opened) << opened.error().message;
    store = wrap(std::move(*opened));
    Result<std::unique_ptr<HeldChanges>> taken_up = HeldChanges::Open(dir.path(), *store);
    ASSERT_TRUE(taken_up) << taken_up.error().message;
    held = std::move(*taken_up);
    Engine::Deps deps;
    deps.clock = &clock;
    deps.store = store.get();
    deps.gateway = &gateway;
    deps.sink = &told;
    deps.latest = &latest;
    deps.held = held.get();
    Result<std::unique_ptr<Engine>> created = Engine::Create(deps, spec, options);
    ASSERT_TRUE(created) << created.error().message;
    engine = std::move(*created);
  }

  void Run(int64_t duration_ns) {
    const int64_t end_ns = clock.NowNs() + duration_ns;
    while (true) {
      gateway.Deliver();
      ReportAgain();
      const int64_t due_ns = engine->Tick();  // may call the gateway
      int64_t next_ns = std::min(due_ns, gateway.next_due_ns());
      if (reports && !reported_.empty()) next_ns = std::min(next_ns, next_report_ns_);
      if (next_ns > end_ns) break;
      clock.Set(std::max(next_ns, clock.NowNs()));
    }
    clock.Set(end_ns);
  }

  Finding Make(const std::string& service, Severity severity = Severity::kCritical) {
    Finding finding;
    finding.node = "spikes";
    finding.id = "spikes/1/" + std::to_string(++last_finding_);
    finding.severity = severity;
    finding.target = {{"service", service}};
    finding.metric = "latency_p99";
    finding.unit = "s";
    finding.value = 1.84;
    finding.expected_low = 0.04;
    finding.expected_high = 0.09;
    finding.score = 9.1;
    finding.confidence = 0.9;
    finding.began_ns = clock.NowNs() - 2 * kSecond;
    finding.ts_ns = clock.NowNs();
    return finding;
  }
  Finding Open(const std::string& service, Severity severity = Severity::kCritical) {
    Finding finding = Make(service, severity);
    reported_.insert(finding.id);
    engine->OnFinding(finding);
    return finding;
  }
  void Clear(Finding finding) {
    finding.state = FindingState::kClear;
    finding.value = 0.06;
    finding.ts_ns = clock.NowNs();
    engine->OnFinding(finding);
  }
  void Sample(const std::string& service, double value) {
    latest.Record("prom", "latency_p99", {{"service", service}}, value, clock.NowNs());
  }

  Chain ChainOf(uint64_t incident) {
    Result<std::optional<Chain>> chain = store->ChainOf(incident);
    EXPECT_TRUE(chain && chain->has_value()) << "incident " << incident;
    return chain && *chain ? **chain : Chain();
  }
  std::vector<std::string> Kinds(uint64_t incident) {
    std::vector<std::string> kinds;
    for (const AuditEvent& event : ChainOf(incident).events) kinds.push_back(event.kind);
    return kinds;
  }
  // Reasons of refusals so far, one text per decision.
  std::vector<std::string> Refusals() const {
    std::vector<std::string> out;
    for (const Decision& decision : told.decisions)
      if (decision.verdict == DecisionVerdict::kRefused)
        for (const GuardVerdict& guard : decision.guards)
          if (!guard.allowed) out.push_back(guard.guard + ": " + guard.reason);
    return out;
  }

  TempDir dir;
  PipelineSpec spec;
  std::string store_url;
  EngineOptions options;
  VirtualClock clock{kStart};
  // Between the real store and the engine, from the next Restart on.
  std::function<std::unique_ptr<Store>(std::unique_ptr<Store>)> wrap =
      [](std::unique_ptr<Store> real) { return real; };
  std::unique_ptr<Store> store;
  std::unique_ptr<HeldChanges> held;
  FakeGateway gateway{&clock};
  Told told;
  LatestSamples latest;
  std::unique_ptr<Engine> engine;
  bool reports = true;  // detectors go on to tell of what Open began

 private:
  static constexpr int64_t kReportNs = 10 * kSecond;

  void ReportAgain() {
    const int64_t now_ns = clock.NowNs();
    if (now_ns < next_report_ns_ && next_report_ns_ <= now_ns + kReportNs) return;
    next_report_ns_ = now_ns + kReportNs;
    if (!reports) return;
    std::vector<Finding> open;
    for (const auto& [id, incident] : engine->incidents().all())
      for (size_t i = 0; i < incident->meta.size(); ++i)
        if (const Finding& finding = incident->incident.findings[i];
            finding.state != FindingState::kClear && !incident->meta[i].orphan &&
            reported_.contains(finding.id))
          open.push_back(finding);
    for (Finding& finding : open) {
      finding.state = FindingState::kUpdate;
      finding.ts_ns = now_ns;
      engine->OnFinding(finding);
    }
  }

  int last_finding_ = 0;
  std::set<std::string> reported_;
  int64_t next_report_ns_ = 0;
};

}  // namespace heald::remedy
