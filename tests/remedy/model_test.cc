// The engine under random findings, samples, times, crashes, outages, people and reloads. After
// every step and at every call the promises are checked. The seed is printed, and the same in every
// run that doesn't give HEALD_SEED; HEALD_SEEDS runs so many in a row, HEALD_STEPS that many steps
// of each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <tuple>

#include "tests/remedy/model_checks.h"

namespace heald::remedy {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kSteps = 15'000;
#elif defined(NDEBUG)
constexpr int kSteps = 100'000;
#else
constexpr int kSteps = 40'000;
#endif

constexpr uint64_t kSeed = 501;

class Model {
 public:
  explicit Model(uint64_t seed) : dice_(seed), world_(RandomSpec(&dice_)) {
    world_.gateway.on_execute = [this](const ActionRequest& request) {
      world_.looking = true;
      checks_.Call(request);
      world_.looking = false;
      treated_.insert(std::string(request.target.Get("service")));
    };
    world_.gateway.on_undo = [this](const ActionRequest& request) {
      world_.looking = true;
      checks_.Undo(request);
      world_.looking = false;
      ++undos_;
      // What was done in two parts is taken back, and looked at, as one.
      auto& done_ns = world_.gateway.At(request).done_ns;
      if (request.part == Part::kAll)
        for (const char* part : {" canary", " rest"})
          if (const auto done = done_ns.extract(request.decision + part))
            done_ns[request.decision] = done.mapped();
    };
    facts_.process_ns = world_.clock.NowNs();
    world_.told.on_notice = [this](const Notice& notice) { ledger_.Note(notice); };
  }

  void Step() {
    if (++steps_ % 1000 == 0) {
      NoDefects();
      world_.told.Forget();
      ledger_.Forget(world_.clock.NowNs() - 2 * kDay);
    }
    switch (dice_.Pick(20)) {
      case 0:
      case 1:
        return OpenOrUpdate();
      case 2:
        return ClearOne();
      case 3:
        return Recover();
      case 4:
      case 5:
        return Sample(Service(), dice_.OneIn(3) ? 0.05 : 1.8);
      case 6:
        return Errors(Service(), dice_.OneIn(3) ? 0.2 : 0.01);
      case 7:
        return dice_.OneIn(10) ? Crash() : Run(dice_.Pick(1000) * kMillisecond);
      case 8:
        if (dice_.OneIn(8)) return Settings();
        return dice_.OneIn(6) ? Silence() : Run(dice_.Pick(300) * kMillisecond);
      case 9:
        return Person();
      case 10:
        return Behave();
      case 11:
        return Store();
      case 12:
        if (dice_.OneIn(2)) return dice_.OneIn(3) ? Worsen() : TakeTurns();
        return dice_.OneIn(20) ? Clock() : Run(dice_.Pick(100) * kMillisecond);
      default:
        return Run(dice_.OneIn(4) ? dice_.Pick(30) * kSecond : dice_.Pick(2000) * kMillisecond);
    }
  }

  // Everything back to normal: whatever is left must come to an end.
  void Settle() {
    world_.away = world_.outage->gone = false;
    world_.outage->next_answer = OutageStore::Answer::kGiven;
    world_.gateway.targets.clear();
    for (auto& [id, finding] : open_) world_.Clear(finding);
    open_.clear();
    ASSERT_TRUE(world_.engine->SetSwitch(true, "user:anna"));
    world_.spec.agent.dry_run = false;
    world_.engine->SetPolicies(world_.spec);
    for (int minute = 0; minute < 500; ++minute) {
      for (const char* service : kServices) Sample(service, 0.05);
      Run(kMinute);
    }
    EXPECT_THAT(world_.engine->undos(), ::testing::IsEmpty());
    EXPECT_THAT(world_.engine->incidents().all(), ::testing::IsEmpty());
    EXPECT_EQ(world_.engine->running_executions(), 0u);
    checks_.Journal();
    NoDefects();
    std::printf("%d crashes, %d outages, %d answers lost, %d jumps of the clock, %d storms\n",
                crashes_, outages_, lost_, jumps_, storms_);
    int canaries = 0;
    int rest = 0;
    for (const auto& [key, calls] : world_.gateway.by_decision) {
      canaries += key.ends_with(" canary");
      rest += key.ends_with(" rest");
    }
    std::printf("%d canaries, %d with their rest, %d undos, %d made way\n", canaries, rest, undos_,
                facts_.made_way);
    EXPECT_GT(world_.gateway.by_decision.size(), static_cast<size_t>(steps_) / 1000)
        << "the model hardly did anything";
    EXPECT_GE(facts_.made_way, steps_ / 10'000) << "hardly anything made way";
  }

 private:
  std::string Service() { return kServices[dice_.Pick(kServiceCount)]; }
  void Run(int64_t duration_ns) { world_.Run(duration_ns); }

  void Sample(const std::string& service, double value) {
    const int64_t now_ns = world_.clock.NowNs();
    world_.latest.Record("prom", "latency_p99", TargetOf(service), value, now_ns);
    facts_.samples[service] = {value, now_ns};
  }

  // What the checks of canaries read.
  void Errors(const std::string& service, double value) {
    const int64_t now_ns = world_.clock.NowNs();
    world_.latest.Record("prom", "error_rate", TargetOf(service), value, now_ns);
    ModelFacts::Errors& errors = facts_.errors[service];
    const bool good = value < kErrorsAllowed;
    if (!good || !errors.good || now_ns - errors.ts_ns > 5 * kMinute) errors.since_ns = now_ns;
    errors.good = good;
    errors.ts_ns = now_ns;
  }

  void Report(const Finding& finding) {
    if (finding.severity < Severity::kCritical)
      facts_.critical_ns.erase(finding.id);
    else
      facts_.critical_ns.emplace(finding.id, world_.clock.NowNs());
    const bool stormy = world_.engine->storm().on();
    world_.engine->OnFinding(finding);
    storms_ += !stormy && world_.engine->storm().on();
    if (!world_.engine->storm().Knows(finding.id)) facts_.reported.insert(finding.id);
  }

  void OpenOrUpdate() {
    if (!open_.empty() && dice_.OneIn(3)) {
      Finding& finding = AnyOpen()->second;
      finding.state = FindingState::kUpdate;
      finding.ts_ns = world_.clock.NowNs();
      finding.severity = static_cast<Severity>(1 + dice_.Pick(3));
      return Report(finding);
    }
    const std::string service = Service();
    Finding finding = world_.Make(service, static_cast<Severity>(1 + dice_.Pick(3)));
    finding.target = TargetOf(service);
    if (dice_.OneIn(4)) finding.node = "other";
    // The same service, as a source sees it that knows namespaces.
    if (dice_.OneIn(6)) finding.target.Set("namespace", "shop");
    if (dice_.OneIn(3)) finding.metric = "error_rate";
    if (dice_.OneIn(6)) finding.kind = FindingKind::kPrediction;
    if (IsOpen(finding)) return;
    Report(finding);
    open_.emplace(finding.id, finding);
  }

  // Two signals of one target are wrong in turn, each for as long as something may come of it, and
  // mostly in one incident: something else keeps it open.
  void TakeTurns() {
    const std::string service = Service();
    Finding heap = world_.Make(service, Severity::kWarning);
    heap.node = "other";
    heap.metric = "heap";
    heap.target = TargetOf(service);
    const bool stays_open = !dice_.OneIn(3);
    if (stays_open) Report(heap);
    const int count = 3 + dice_.Pick(4);
    for (int i = dice_.Pick(2), end = i + count; i < end; ++i) {
      Finding finding = world_.Make(service);
      finding.target = TargetOf(service);
      finding.metric = i % 2 == 0 ? "latency_p99" : "error_rate";
      if (IsOpen(finding)) continue;
      Sample(service, 1.8);
      Report(finding);
      Run((dice_.OneIn(3) ? dice_.Pick(100) : 15 + dice_.Pick(30)) * kSecond);
      facts_.critical_ns.erase(finding.id);
      world_.Clear(finding);
      Run(dice_.Pick(5) * kSecond);
    }
    if (stays_open) world_.Clear(heap);
  }

  // Something graver begins while what was done about a warning is looked at.
  void Worsen() {
    const std::string service = Service();
    const bool favoured = dice_.OneIn(3);
    if (favoured) Favour(service);
    Finding slow = world_.Make(service, Severity::kWarning);
    slow.target = TargetOf(service);
    Finding heap = world_.Make(service, Severity::kCritical);
    heap.node = "other";
    heap.metric = "heap";
    heap.target = TargetOf(service);
    if (IsOpen(slow)) return;
    Sample(service, 1.8);
    Report(slow);
    Run((10 + dice_.Pick(20)) * kSecond);
    Report(heap);
    Run((5 + dice_.Pick(60)) * kSecond);
    for (const Finding& finding : {heap, slow}) {
      facts_.critical_ns.erase(finding.id);
      world_.Clear(finding);
      Run(dice_.Pick(40) * kSecond);
    }
    if (favoured) Rules(RandomSpec(&dice_));
  }

  // Both policies act, and what they do to the service goes well.
  void Favour(const std::string& service) {
    PipelineSpec spec = RandomSpec(&dice_);
    spec.agent.dry_run = false;
    for (PolicySpec& policy : spec.policies) {
      policy.mode = Mode::kEnforce;
      policy.enabled = true;
      policy.guard = {};
      policy.guard.max_per_hour = 100;
      policy.canary = {};
      for (StepSpec& step : policy.steps) {
        step.guard = policy.guard;
        step.own = {};
        step.mode.reset();
        step.canary = {};
      }
    }
    world_.away = world_.outage->gone = false;
    Rules(std::move(spec));
    static_cast<void>(world_.engine->SetSwitch(true, "user:anna"));
    for (const PolicySpec& policy : world_.spec.policies)
      static_cast<void>(
          world_.engine->ChangePolicy(policy.name, true, Mode::kEnforce, "user:anna"));
    FakeGateway::Target good;
    good.done_ns = world_.gateway.targets[service].done_ns;
    good.reversible = dice_.OneIn(2);
    world_.gateway.targets[service] = good;
  }

  // A detector has one finding per series.
  bool IsOpen(const Finding& finding) const {
    return std::any_of(open_.begin(), open_.end(), [&](const auto& entry) {
      return entry.second.node == finding.node && entry.second.metric == finding.metric &&
             entry.second.target == finding.target;
    });
  }

  void NoDefects() const {
    EXPECT_THAT(world_.told.problems,
                ::testing::Not(::testing::Contains(::testing::HasSubstr("defect"))));
  }

  std::map<std::string, Finding>::iterator AnyOpen() {
    return std::next(open_.begin(), dice_.Pick(static_cast<int>(open_.size())));
  }

  void ClearOne() {
    if (open_.empty()) return;
    const auto at = AnyOpen();
    facts_.critical_ns.erase(at->first);
    world_.Clear(at->second);
    open_.erase(at);
  }

  // What was done to a target mends it, mostly.
  void Recover() {
    if (treated_.empty()) return;
    const std::string service = *treated_.begin();
    treated_.erase(treated_.begin());
    if (dice_.OneIn(4)) return;
    for (auto at = open_.begin(); at != open_.end();) {
      const auto finding = at++;
      if (finding->second.target.Get("service") != service) continue;
      facts_.critical_ns.erase(finding->first);
      world_.Clear(finding->second);
      open_.erase(finding);
    }
  }

  // Detectors that start anew report again what they still see.
  void ReportAgain(const std::string& node) {
    std::map<std::string, Finding> before;
    before.swap(open_);
    for (auto& [id, finding] : before) {
      if (!node.empty() && finding.node != node) {
        open_.emplace(id, finding);
        continue;
      }
      facts_.critical_ns.erase(id);
      if (dice_.OneIn(3)) continue;
      finding.id = world_.Make("", finding.severity).id;
      finding.state = FindingState::kOpen;
      Report(finding);
      open_.emplace(finding.id, finding);
    }
  }

  void Crash() {
    ++crashes_;
    const size_t held = world_.engine->journal_held();
    const uint64_t last = world_.engine->incidents().all().empty()
                              ? 0
                              : world_.engine->incidents().all().rbegin()->first;
    world_.Crash();
    facts_.process_ns = world_.clock.NowNs();
    facts_.crashes_ns.push_back(facts_.process_ns);
    EXPECT_EQ(world_.held->note(), "") << held << " changes were held";
    EXPECT_EQ(world_.engine->journal_lost_total(), 0u) << held << " changes were held";
    EXPECT_TRUE(last == 0 || world_.engine->incidents().all().contains(last))
        << "incident " << last << " is forgotten; held " << held;
    ReportAgain("");
  }

  void Settings() {
    const char* const policy = dice_.OneIn(2) ? "one" : "two";
    switch (dice_.Pick(4)) {
      case 0:
        // Off counts at once, on only once it is written.
        static_cast<void>(world_.engine->SetSwitch(!dice_.OneIn(4), "user:anna"));
        return;
      case 1:
        static_cast<void>(world_.engine->ChangePolicy(
            policy, !dice_.OneIn(6), static_cast<Mode>(dice_.Pick(3)), "user:anna"));
        return;
      case 2:
        world_.engine->OnNodeGone("spikes");
        return ReportAgain("spikes");
      default:
        return Rules(RandomSpec(&dice_));
    }
  }

  // A reload.
  void Rules(PipelineSpec spec) {
    ++ledger_.rules;
    world_.spec = std::move(spec);
    world_.engine->SetPolicies(world_.spec);
  }

  void Silence() {
    const SilenceBook& book = world_.engine->silences();
    if (!book.all().empty() && dice_.OneIn(3)) {
      const size_t index = static_cast<size_t>(dice_.Pick(static_cast<int>(book.all().size())));
      const std::string id = book.all()[index].id;
      const auto ended = world_.engine->EndSilence(id, "user:ben");
      EXPECT_TRUE(ended || ended.error().code == Code::kConflict || world_.StoreIsGone());
      return;
    }
    std::vector<Matcher> matchers;
    matchers.push_back(std::move(*Matcher::Parse("service=" + Service())));
    if (dice_.OneIn(3)) matchers.push_back(std::move(*Matcher::Parse("policy=one")));
    if (dice_.OneIn(3)) matchers.push_back(std::move(*Matcher::Parse("metric!=error_rate")));
    const auto added = world_.engine->AddSilence(
        matchers, world_.clock.NowNs() + (1 + dice_.Pick(300)) * kSecond, "user:anna", "model");
    EXPECT_TRUE(added || world_.StoreIsGone() || world_.engine->journal_held() > 0)
        << added.error().message;
  }

  void Person() {
    if (dice_.OneIn(20)) return GiveUpUndos();
    std::vector<Decision> asked = world_.engine->HeldCanaries();
    for (const Decision* decision : world_.engine->AwaitingApproval()) asked.push_back(*decision);
    if (asked.empty()) return;
    // Their ids are other ones in each replay.
    std::sort(asked.begin(), asked.end(), [](const Decision& a, const Decision& b) {
      return std::tie(a.incident, a.policy) < std::tie(b.incident, b.policy);
    });
    const Decision& chosen = asked[static_cast<size_t>(dice_.Pick(static_cast<int>(asked.size())))];
    // Guards may speak against either.
    if (dice_.OneIn(3)) {
      if (!world_.engine->Deny(chosen.id, "user:ben")) return;
      for (const PolicySpec& policy : world_.engine->policies())
        if (policy.name == chosen.policy && policy.AtStep(chosen.step).mode == chosen.mode)
          facts_.denied[chosen.policy + chosen.trace_id] = {ledger_.rules,
                                                            policy.AtStep(chosen.step).mode};
      return;
    }
    facts_.let_go.insert(chosen.id);
    if (!world_.engine->Approve(chosen.id, "user:ben")) facts_.let_go.erase(chosen.id);
  }

  // Of targets that are away.
  void GiveUpUndos() {
    std::vector<std::string> away;
    for (const UndoTask* task : world_.engine->undos())
      if (task->undo().away_ns != 0) away.push_back(task->decision.id);
    for (const std::string& decision : away)
      if (world_.engine->Deny(decision, "user:ben")) ledger_.NoteDueAgain(decision);
  }

  // The store goes away and comes back; an answer of it gets lost on its way.
  void Store() {
    if (world_.StoreIsGone()) {
      if (dice_.OneIn(4)) world_.away = world_.outage->gone = false;
      return;
    }
    if (dice_.OneIn(20)) {
      ++outages_;
      world_.away = true;
    } else if (dice_.OneIn(20)) {
      ++lost_;
      world_.outage->next_answer =
          dice_.OneIn(2) ? OutageStore::Answer::kLostAfter : OutageStore::Answer::kLostBefore;
    }
  }

  // Somebody sets the clock.
  void Clock() {
    ++jumps_;
    Run(0);  // the engine knows of the time before
    const int64_t by_ns = dice_.OneIn(10) ? 2 * kHour : (2 + dice_.Pick(300)) * kSecond;
    const bool back = dice_.OneIn(2);
    world_.clock.Set(world_.clock.NowNs() + (back ? -by_ns : by_ns));
    const int64_t now_ns = world_.clock.NowNs();
    ledger_.ClockWentBack(now_ns);
    for (auto& [finding, since_ns] : facts_.critical_ns) since_ns = std::min(since_ns, now_ns);
    // What was called then may be journaled anew, as now.
    for (auto& [of, issues] : facts_.issued)
      for (auto& [decision, issue] : issues) issue.ts_ns = std::min(issue.ts_ns, now_ns);
    // Of a time that has yet to come; the engine forgets them too.
    std::erase_if(facts_.samples, [&](const auto& entry) { return entry.second.ts_ns > now_ns; });
    std::erase_if(facts_.errors, [&](const auto& entry) { return entry.second.ts_ns > now_ns; });
    for (auto& [service, errors] : facts_.errors)
      errors.since_ns = std::min(errors.since_ns, now_ns);
    facts_.process_ns = std::min(facts_.process_ns, now_ns);
    Run(0);
  }

  void Behave() {
    FakeGateway::Target& target = world_.gateway.targets[Service()];
    const auto done = target.done_ns;
    target = {};
    target.done_ns = done;
    target.reversible = dice_.OneIn(2);
    target.can_canary = !dice_.OneIn(4);
    if (dice_.OneIn(8)) target.undone_silently = true;
    if (dice_.OneIn(12)) {
      target.undo_error = MakeError(Code::kUnavailable, "connection refused");
      if (dice_.OneIn(2)) target.observe_error = target.undo_error;
    }
    world_.gateway.latency_ns = dice_.OneIn(4) ? dice_.Pick(3000) * kMillisecond : kMillisecond;
    switch (dice_.Pick(8)) {
      case 0:
        target.execute_error = MakeError(Code::kUnavailable, "connection refused");
        break;
      case 1:
        target.lost_reply = MakeError(Code::kDeadline, "timed out");
        break;
      case 2:
        target.effect = Effect{EffectState::kFailed, "exit code 1"};
        break;
      case 3:
        target.effect = Effect{EffectState::kPending, "starting"};
        break;
      case 4:
        target.plan_error = MakeError(Code::kNotFound, "gone");
        break;
      case 5:
        target.before = std::to_string(dice_.Pick(3));
        break;
      default:
        target.effect_after_ns = dice_.Pick(12'000) * kMillisecond;
        break;
    }
  }

  Dice dice_;
  ModelWorld world_;
  ModelFacts facts_;
  Ledger ledger_;
  ModelChecks checks_{&world_, &facts_, &ledger_};
  std::map<std::string, Finding> open_;
  std::set<std::string> treated_;
  int steps_ = 0;
  int crashes_ = 0;
  int outages_ = 0;
  int lost_ = 0;
  int jumps_ = 0;
  int storms_ = 0;
  int undos_ = 0;
};

uint64_t Given(const char* name, uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(RemedyModelTest, KeepsItsPromisesUnderAnything) {
  const uint64_t first = Given("HEALD_SEED", kSeed);
  const uint64_t seeds = Given("HEALD_SEEDS", 1);
  const int steps = static_cast<int>(Given("HEALD_STEPS", kSteps));
  for (uint64_t seed = first; seed < first + seeds && !HasFailure(); ++seed) {
    const std::string replay =
        "HEALD_SEED=" + std::to_string(seed) + " HEALD_STEPS=" + std::to_string(steps);
    std::printf("%s\n", replay.c_str());
    std::fflush(stdout);
    SCOPED_TRACE(replay);
    Model model(seed);
    for (int i = 0; i < steps && !HasFailure(); ++i) {
      SCOPED_TRACE("step " + std::to_string(i));
      model.Step();
    }
    if (!HasFailure()) model.Settle();
  }
}

}  // namespace
}  // namespace heald::remedy
