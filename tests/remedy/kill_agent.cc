// A small agent that the kill test kills: the real engine on a real store, a clock and a target
// that live in files beside it, so that they outlive the process as real ones do.
//   remedy_kill_agent DIR SCENARIO STORE    exits 0 once the incident is closed
//                                           and nothing is left to be undone
// SCENARIO "away": the store is away from the start, and the agent may act without it.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/remedy/engine.h"
#include "core/store/open.h"
#include "tests/remedy/outage_store.h"

namespace heald::remedy {
namespace {

constexpr int64_t kStart = 1'767'225'600 * kSecond;
constexpr int64_t kLimit = kStart + 20 * kMinute;
constexpr int64_t kExpires = kMinute;    // an answer to what is asked
constexpr int64_t kAway = 10 * kMinute;  // longer than all that is to happen
// "undo_away": when what is to be undone can be looked at again, and undone.
constexpr int64_t kReadable = kStart + kMinute;
constexpr int64_t kWritable = kStart + 2 * kMinute;

// A service in two files: one line for each execution and each undo, with the decision behind it,
// the part that was meant, the action and the time.
class FileTarget final : public ActionGateway {
 public:
  FileTarget(std::string path, const Clock* clock, const std::string& scenario)
      : path_(std::move(path)),
        clock_(clock),
        may_undo_(scenario != "undo_fails"),
        goes_away_(scenario == "undo_away") {}

  void Plan(const ActionRequest& request, PlanDone done) override {
    heald::Plan plan;
    plan.summary = request.node + " payments";
    plan.target_uid = "c1";
    plan.effect_within_ns = 3 * kSecond;
    plan.reversible = plan.can_canary = true;
    done(plan);
  }
  void DryRun(const ActionRequest&, const heald::Plan&, EffectDone done) override {
    done(Effect{EffectState::kDone, "would restart"});
  }
  void Execute(const ActionRequest& request, const heald::Plan&, EffectDone done) override {
    Write(path_ + "/done", request);
    done(Effect{EffectState::kPending, "204"});
  }
  void Observe(const ActionRequest& request, const heald::Plan&, EffectDone done) override {
    if (request.node == "restart" && IsAway(kReadable))
      return done(MakeError(Code::kUnavailable, "connection refused"));
    const int64_t at_ns = DoneNs(KeyOf(request));
    if (at_ns == 0 || DoneNs(KeyOf(request), "/undone") != 0)
      return done(Effect{EffectState::kAbsent, "not restarted"});
    if (clock_->NowNs() < at_ns + kSecond) return done(Effect{EffectState::kPending, "starting"});
    done(Effect{EffectState::kDone, "ready"});
  }
  void Undo(const ActionRequest& request, const heald::Plan&, EffectDone done) override {
    if (!may_undo_) return done(MakeError(Code::kDenied, "may not be undone"));
    if (IsAway(kWritable)) return done(MakeError(Code::kUnavailable, "connection refused"));
    Write(path_ + "/undone", request);
    done(Effect{EffectState::kPending, "going back"});
  }
  // When something whose line has this text in it was done; empty: anything.
  int64_t DoneNs(const std::string& what = {}, const std::string& file_name = "/done") const {
    std::ifstream file(path_ + file_name);
    std::string line;
    while (std::getline(file, line))
      if (line.find(what) != std::string::npos) return std::stoll(line.substr(line.rfind(' ') + 1));
    return 0;
  }

 private:
  static std::string KeyOf(const ActionRequest& request) {
    return request.decision + ':' + std::string(ToString(request.part)) + ' ';
  }
  void Write(const std::string& path, const ActionRequest& request) const {
    std::ofstream(path, std::ios::app)
        << KeyOf(request) << request.node << ' ' << clock_->NowNs() << std::endl;
  }

  // From when the first step has its effect.
  bool IsAway(int64_t until_ns) const {
    return goes_away_ && clock_->NowNs() > kStart + 8 * kSecond && clock_->NowNs() < until_ns;
  }

  const std::string path_;
  const Clock* clock_;
  const bool may_undo_;
  const bool goes_away_;
};

class Quiet final : public EventSink {
 public:
  void OnNotice(const Notice&) override {}
  void OnProblem(const Error& error) override {
    if (error.message != last_) std::fprintf(stderr, "%s\n", error.message.c_str());
    last_ = error.message;
  }

 private:
  std::string last_;
};

class Agent {
 public:
  Agent(std::string dir, std::string scenario, std::string store)
      : dir_(std::move(dir)), scenario_(std::move(scenario)), store_(std::move(store)) {
    std::ifstream file(dir_ + "/clock");
    int64_t now_ns = 0;
    clock_.Set(file >> now_ns ? now_ns : kStart);
  }

  int Live() {
    Result<std::unique_ptr<Store>> opened = OpenStore({store_, dir_, false});
    if (!opened) return Complain(opened.error());
    OutageStore store(std::move(*opened));
    // Not at the very start, which needs the store; nor at one after a kill.
    bool started = false;
    if (scenario_ == "away")
      store.away = [&] { return started && clock_.NowNs() < kStart + kAway; };
    Result<std::unique_ptr<HeldChanges>> held = HeldChanges::Open(dir_, store);
    if (!held) return Complain(held.error());
    const Engine::Deps deps{&clock_, &store, &target_, &sink_, &latest_, held->get()};
    Result<std::unique_ptr<Engine>> engine = Engine::Create(deps, Spec());
    if (!engine) return Complain(engine.error());
    engine_ = engine->get();
    started = true;
    if (scenario_ == "switch" && !engine_->SetSwitch(true, "user:anna")) return 1;
    while (clock_.NowNs() < kLimit) {
      Sense();
      People();
      const int64_t due_ns = engine_->Tick();
      if (!Bad() && !reported_ && engine_->incidents().all().empty() && engine_->undos().empty()) {
        const Result<uint64_t> last = store.LastIncidentId();
        if (last && *last > 0 && engine_->journal_held() == 0) return 0;
      }
      // Time goes on also while nothing is due: samples keep coming.
      clock_.Set(
          std::clamp(due_ns, clock_.NowNs() + kMillisecond, clock_.NowNs() + 500 * kMillisecond));
      std::ofstream(dir_ + "/clock", std::ios::trunc) << clock_.NowNs();
    }
    std::fprintf(stderr, "the incident did not end\n");
    return 1;
  }

 private:
  static int Complain(const Error& error) {
    std::fprintf(stderr, "%s\n", error.message.c_str());
    return 1;
  }

  PipelineSpec Spec() const {
    PipelineSpec spec;
    NodeSpec source;
    source.name = "prom";
    source.outputs = {"latency_p99"};
    NodeSpec action;
    action.kind = Kind::kAction;
    action.name = "restart";
    spec.nodes = {source, action};
    spec.agent.dry_run = scenario_ == "dry";
    spec.agent.act_without_store = scenario_ == "away";
    PolicySpec policy;
    policy.name = "latency";
    policy.inputs = {{"spikes", "", ""}};
    policy.when = std::get<When>(When::Parse("latency_p99 > 0.5 and severity >= warning"));
    policy.action = "restart";
    const bool asks = scenario_ == "approve" || scenario_ == "deny" || scenario_ == "expire";
    policy.mode = scenario_ == "shadow" ? Mode::kShadow : asks ? Mode::kApprove : Mode::kEnforce;
    policy.approval_expires_ns = kExpires;
    policy.guard.cooldown_ns = 5 * kMinute;
    policy.verify_within_ns = 10 * kSecond;
    if (scenario_ == "fail") policy.undo.on_failure = false;
    if (Chained()) {
      StepSpec step;
      step.action = "restart";
      step.guard = policy.guard;
      step.verify_within_ns = policy.verify_within_ns;
      if (scenario_.find("canary") == 0) {
        step.canary.set = true;
        step.canary.check = std::get<When>(
            When::Parse(scenario_ == "canary" ? "latency_p99 < 5" : "latency_p99 < 0.1"));
        step.canary.for_ns = 3 * kSecond;
      }
      policy.steps = {step, step};
      policy.steps[1].action = "scale_out";
      policy.steps[1].canary = {};
      action.name = "scale_out";
      spec.nodes.push_back(action);
    }
    spec.policies = {policy};
    return spec;
  }

  bool Chained() const {
    return scenario_ == "chain" || scenario_.starts_with("undo_") || scenario_.find("canary") == 0;
  }

  // Repaired by a restart, or by itself where the scenario has none.
  bool Bad() const {
    const bool repairable = scenario_ == "heal" || scenario_ == "approve" ||
                            scenario_ == "expire" || scenario_ == "switch" || scenario_ == "away";
    if (!repairable && !Chained()) return clock_.NowNs() < kStart + 100 * kSecond;
    const int64_t done_ns = target_.DoneNs(!Chained()              ? ""
                                           : scenario_ == "canary" ? ":rest "
                                                                   : "scale_out");
    return done_ns == 0 || clock_.NowNs() < done_ns + 2 * kSecond;
  }

  // What a source and a detector would say now.
  void Sense() {
    latest_.Record("prom", "latency_p99", {{"service", "payments"}}, Bad() ? 1.8 : 0.05,
                   clock_.NowNs());
    if (Bad() == reported_) return;
    Finding finding;
    finding.node = "spikes";
    finding.id = "spikes/" + std::to_string(clock_begin_ns_) + "/1";
    finding.state = Bad() ? FindingState::kOpen : FindingState::kClear;
    finding.severity = Severity::kCritical;
    finding.target = {{"service", "payments"}};
    finding.metric = "latency_p99";
    finding.began_ns = finding.ts_ns = clock_.NowNs();
    reported_ = Bad();
    engine_->OnFinding(finding);
  }

  void People() {
    // Nobody looks before the first question is over.
    if (scenario_ == "expire" && clock_.NowNs() < kStart + kExpires + kSecond) return;
    for (const Decision* decision : engine_->AwaitingApproval()) {
      const std::string id = decision->id;
      const Status status =
          scenario_ == "deny" ? engine_->Deny(id, "user:anna") : engine_->Approve(id, "user:anna");
      static_cast<void>(status);  // asked again at the next step
      return;
    }
  }

  const std::string dir_;
  const std::string scenario_;
  const std::string store_;
  VirtualClock clock_;
  const int64_t clock_begin_ns_ = SystemClock().MonotonicNs();  // another in each life
  FileTarget target_{dir_, &clock_, scenario_};
  Quiet sink_;
  LatestSamples latest_;
  Engine* engine_ = nullptr;
  bool reported_ = false;
};

}  // namespace
}  // namespace heald::remedy

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  return heald::remedy::Agent(argv[1], argv[2], argv[3]).Live();
}
