// An action that was carried out and is only watched makes way for what is graver, and for nothing
// else; and who is held off is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/remedy/specs.h"
#include "tests/remedy/world.h"

namespace heald::remedy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// "soon" does something about warnings and watches for hours what comes of it; "late" acts on what
// is critical.
PipelineSpec SoonAndLate() {
  PolicySpec soon = MakePolicy("soon", "severity >= warning");
  soon.action = "cordon";
  soon.verify_within_ns = 4 * kHour;
  soon.guard.cooldown_ns = 6 * kHour;
  PolicySpec late = MakePolicy("late", "severity >= critical");
  late.inputs = {{"pressed", "", ""}};
  late.action = "drain";
  late.guard.cooldown_ns = kHour;
  late.verify_within_ns = 10 * kMinute;
  PipelineSpec spec = MakeSpec({soon, late});
  for (const char* name : {"cordon", "drain"}) {
    NodeSpec action = spec.nodes[2];
    action.name = name;
    spec.nodes.push_back(action);
  }
  NodeSpec pressed = spec.nodes[1];
  pressed.name = "pressed";
  spec.nodes.push_back(pressed);
  return spec;
}

// A third policy, which evicts whatever is full.
void AddLast(PolicySpec last, PipelineSpec* spec) {
  last.inputs = {{"full", "", ""}};
  last.action = "evict";
  spec->policies.push_back(last);
  for (const auto& [like, name] : {std::pair(1, "full"), std::pair(2, "evict")}) {
    NodeSpec node = spec->nodes[static_cast<size_t>(like)];
    node.name = name;
    spec->nodes.push_back(node);
  }
}

class SupersedeWorld : public World {
 public:
  explicit SupersedeWorld(PipelineSpec spec = SoonAndLate()) : World(std::move(spec)) {
    gateway.targets["a"].reversible = true;
    reports = false;
  }
  Finding Tell(const std::string& node, Severity severity, FindingKind kind = FindingKind::kAnomaly,
               const std::string& service = "a") {
    Finding finding = Make(service, severity);
    finding.node = node;
    finding.metric = node;
    finding.kind = kind;
    engine->OnFinding(finding);
    return finding;
  }
  // They go on, told once a minute.
  void GoOn(std::initializer_list<Finding*> findings, int64_t minutes) {
    for (int64_t minute = 0; minute < minutes; ++minute) {
      for (Finding* const finding : findings) {
        finding->state = FindingState::kUpdate;
        finding->ts_ns = clock.NowNs();
        engine->OnFinding(*finding);
      }
      Run(kMinute);
    }
  }
  const Execution& Of(const std::string& action) {
    chain_ = ChainOf(1);
    for (const Execution& each : chain_.executions)
      if (each.action == action) return each;
    ADD_FAILURE() << action << " was never done";
    return chain_.executions.front();
  }

 private:
  Chain chain_;
};

TEST(RemedySupersedeTest, WhatIsOnlyWatchedMakesWayForWhatIsGraver) {
  for (const bool killed : {false, true}) {
    SCOPED_TRACE(killed ? "with a restart of the agent" : "");
    SupersedeWorld world;
    // However near it is, what is foreseen is not what has happened.
    Finding soon = world.Tell("spikes", Severity::kCritical, FindingKind::kPrediction);
    world.Run(kMinute);
    if (killed) {
      world.Restart();
      soon.id += "again";
      world.engine->OnFinding(soon);
    }
    EXPECT_THAT(world.gateway.calls, ElementsAre("cordon"));
    world.Tell("pressed", Severity::kCritical);
    world.Run(kSecond);
    EXPECT_THAT(world.gateway.calls, ElementsAre("cordon", "drain"));
    EXPECT_EQ(world.Of("cordon").state, ExecutionState::kObserved) << "it is watched on";
    EXPECT_THAT(world.told.loud,
                Contains(HasSubstr("incident #1  cordon a, done and watched on, makes way for "
                                   "drain a (policy late")));
    world.Run(5 * kMinute);
    EXPECT_THAT(world.gateway.calls, ElementsAre("cordon", "drain")) << "and it isn't begun anew";
  }
}

TEST(RemedySupersedeTest, NothingMakesWayForWhatIsNoGraverNorBeforeItIsDone) {
  SupersedeWorld equal;
  equal.Tell("spikes", Severity::kCritical);
  equal.Run(kMinute);
  equal.Tell("pressed", Severity::kCritical);
  equal.Run(50 * kSecond);
  EXPECT_THAT(equal.gateway.calls, ElementsAre("cordon"));
  EXPECT_EQ(Count(equal.told.loud, "has been held off"), 0u);
  equal.Run(kHour);
  EXPECT_THAT(equal.gateway.calls, ElementsAre("cordon"));
  EXPECT_EQ(Count(equal.told.loud,
                  "drain a (policy late) has been held off for 60 s: still running "
                  "on this target: cordon a"),
            1u);
  equal.Restart();
  equal.Run(kSecond);
  equal.Tell("spikes", Severity::kCritical);
  equal.Tell("pressed", Severity::kCritical);
  equal.Run(3 * kMinute);
  EXPECT_EQ(Count(equal.told.loud, "has been held off"), 1u) << "once, also over a restart";

  SupersedeWorld not_done;
  not_done.gateway.targets["a"].effect = Effect{EffectState::kPending, "on its way"};
  not_done.Tell("spikes", Severity::kWarning);
  not_done.Run(kSecond);
  not_done.Tell("pressed", Severity::kCritical);
  not_done.Run(10 * kSecond);
  EXPECT_THAT(not_done.gateway.calls, ElementsAre("cordon"));

  PipelineSpec spec = SoonAndLate();
  spec.policies[0].canary.set = true;
  spec.policies[0].canary.for_ns = 30 * kMinute;
  spec.policies[0].canary.within_ns = kHour;
  SupersedeWorld canary(std::move(spec));
  canary.gateway.targets["a"].can_canary = true;
  canary.Tell("spikes", Severity::kWarning);
  canary.Run(kMinute);
  canary.Tell("pressed", Severity::kCritical);
  canary.Run(10 * kMinute);
  EXPECT_THAT(canary.gateway.calls, ElementsAre("cordon canary"));
}

// What made way for something that is gone again is judged as if nothing had been.
TEST(RemedySupersedeTest, IsWatchedOnAndTakenBackByItsOwnEnd) {
  for (const std::string why : {"taken back", "taken back, with restarts", "never done"}) {
    SCOPED_TRACE(why);
    const bool killed = why == "taken back, with restarts";
    SupersedeWorld world;
    Finding soon = world.Tell("spikes", Severity::kWarning);
    world.Run(kMinute);
    if (why == "never done")
      world.gateway.targets["a"].execute_error = MakeError(Code::kDenied, "forbidden");
    Finding pressed = world.Tell("pressed", Severity::kCritical);
    world.Run(kMinute);
    const auto restart = [&] {
      world.Restart();
      for (Finding* finding : {&soon, &pressed}) {
        if (finding->state == FindingState::kClear) continue;
        finding->id += "again";
        world.engine->OnFinding(*finding);
      }
    };
    if (killed) restart();
    world.GoOn({&pressed}, 12);
    if (why == "never done")
      EXPECT_THAT(world.gateway.calls, ElementsAre("cordon", "drain"));
    else
      EXPECT_THAT(world.gateway.calls, ElementsAre("cordon", "drain", "undo drain"));
    EXPECT_THAT(world.Of("cordon").progress.made_way_for, IsEmpty());
    world.gateway.targets["a"].execute_error.reset();
    world.Clear(pressed);
    pressed.state = FindingState::kClear;
    if (killed) restart();
    world.Run(3 * kHour);
    EXPECT_EQ(world.Of("cordon").state, ExecutionState::kObserved);
    world.Run(2 * kHour);
    EXPECT_EQ(world.gateway.calls.back(), "undo cordon");
    EXPECT_EQ(world.Of("cordon").state, ExecutionState::kUndone);
    EXPECT_EQ(world.Of("cordon").progress.proof, Proof::kPlain);
  }
}

TEST(RemedySupersedeTest, WhatGetsWellIsNotCountedAsHealedByWhatMadeWay) {
  for (const bool killed : {false, true}) {
    SCOPED_TRACE(killed ? "with a restart of the agent" : "");
    SupersedeWorld world;
    const Finding soon = world.Tell("spikes", Severity::kWarning);
    world.Run(kMinute);
    const Finding pressed = world.Tell("pressed", Severity::kCritical);
    world.Run(kMinute);
    if (killed) world.Restart();
    world.Clear(pressed);
    world.Clear(soon);
    world.Run(5 * kMinute);
    EXPECT_EQ(world.Of("drain").state, ExecutionState::kVerified);
    EXPECT_EQ(world.Of("drain").progress.proof, Proof::kPlain);
    EXPECT_EQ(world.Of("cordon").state, ExecutionState::kVerified);
    EXPECT_EQ(world.Of("cordon").progress.proof, Proof::kSuperseded);
    world.Run(10 * kHour);
    EXPECT_THAT(world.gateway.calls, ElementsAre("cordon", "drain"));
  }
}

TEST(RemedySupersedeTest, NorIsWhatIsGoneMeanwhile) {
  for (const bool again : {false, true}) {
    SCOPED_TRACE(again ? "there is the same again" : "nothing like it was found since");
    PipelineSpec spec = SoonAndLate();
    spec.policies[0].verify_within_ns = 5 * kMinute;
    spec.nodes[0].outputs.push_back("spikes");
    SupersedeWorld world(std::move(spec));
    world.options.orphan_max_ns = kHour;
    world.Restart();
    world.latest.Record("prom", "spikes", {{"service", "web-5f7c9-aaaaa"}}, 3, world.clock.NowNs());
    world.Tell("spikes", Severity::kWarning, FindingKind::kAnomaly, "web-5f7c9-aaaaa");
    world.Run(kMinute);
    const Finding pressed =
        world.Tell("pressed", Severity::kCritical, FindingKind::kAnomaly, "web-5f7c9-aaaaa");
    world.Run(kMinute);
    world.Clear(pressed);
    FakeGateway::Target& target = world.gateway.targets["web-5f7c9-aaaaa"];
    target.plan_error = MakeError(Code::kNotFound, "there is no such pod");
    target.effect = Effect{EffectState::kDone, "web-5f7c9-bbbbb is ready"};
    if (again) world.Tell("spikes", Severity::kWarning, FindingKind::kAnomaly, "web-5f7c9-bbbbb");
    world.Run(10 * kMinute);
    EXPECT_THAT(world.Of("cordon").detail, HasSubstr("is gone"));
    EXPECT_EQ(world.Of("cordon").state,
              again ? ExecutionState::kFailed : ExecutionState::kVerified);
    EXPECT_EQ(world.Of("cordon").progress.proof, Proof::kSuperseded);
  }
}

// Nothing is taken back from under what stays, whyever that does, and people are told.
TEST(RemedySupersedeTest, WhatMadeWayStaysWhereTheOtherOneIsntTakenBack) {
  for (const std::string why : {"not wanted", "failed", "left as it is", "fine in the end"}) {
    SCOPED_TRACE(why);
    PipelineSpec spec = SoonAndLate();
    spec.policies[1].undo.on_failure = why != "not wanted";
    SupersedeWorld world(std::move(spec));
    world.Tell("spikes", Severity::kWarning);
    world.Run(kMinute);
    Finding pressed = world.Tell("pressed", Severity::kCritical);
    world.Run(kMinute);
    FakeGateway::Target& target = world.gateway.targets["a"];
    if (why == "failed") target.undo_reply = Effect{EffectState::kFailed, "500"};
    if (why == "left as it is")
      target.undo_error = target.observe_error = MakeError(Code::kUnavailable, "refused");
    for (int minute = 0; minute < 12; ++minute) {
      pressed.state = FindingState::kUpdate;
      pressed.ts_ns = world.clock.NowNs();
      world.engine->OnFinding(pressed);
      if (why == "fine in the end" && minute == 5) world.Clear(pressed);
      world.Run(kMinute);
    }
    if (why == "left as it is") {
      ASSERT_TRUE(world.engine->Deny(world.Of("drain").decision, "user:anna").ok());
    }
    if (why != "fine in the end") world.Clear(pressed);
    world.Run(4 * kHour);
    EXPECT_THAT(world.engine->undos(), IsEmpty());
    EXPECT_THAT(world.gateway.calls, Not(Contains("undo cordon")));
    EXPECT_EQ(world.Of("cordon").progress.proof, Proof::kSuperseded);
    EXPECT_EQ(Count(world.told.loud, "it stays, as another action was done on top of it"), 1u);
  }
}

// Killed between the journal's row and the call.
TEST(RemedySupersedeTest, WhatNeverReachedTheTargetIsntOnTop) {
  SupersedeWorld world;
  Finding soon = world.Tell("spikes", Severity::kWarning);
  world.Run(kMinute);
  FakeGateway::Target& target = world.gateway.targets["a"];
  target.execute_error = MakeError(Code::kInternal, "the process dies here");
  const Finding pressed = world.Tell("pressed", Severity::kCritical);
  world.Run(2 * kMillisecond);
  ASSERT_EQ(world.Of("drain").state, ExecutionState::kIssued);
  world.Restart();
  target.execute_error.reset();
  soon.id += "again";
  world.engine->OnFinding(soon);
  world.Clear(pressed);
  world.Run(kMinute);
  EXPECT_EQ(world.Of("drain").state, ExecutionState::kFailed);
  EXPECT_THAT(world.Of("cordon").progress.made_way_for, IsEmpty());
  world.Run(5 * kHour);
  EXPECT_EQ(world.Of("cordon").state, ExecutionState::kUndone);
  EXPECT_EQ(world.Of("cordon").progress.proof, Proof::kPlain);
}

// Otherwise it would be called unhealed in the moment in which the other one has healed it.
TEST(RemedySupersedeTest, HasTimeOfItsOwnAfterWhatWasOnTop) {
  PipelineSpec spec = SoonAndLate();
  spec.policies[0].verify_within_ns = 2 * kMinute;
  SupersedeWorld world(std::move(spec));
  const Finding soon = world.Tell("spikes", Severity::kWarning);
  world.Run(kMinute);
  const Finding pressed = world.Tell("pressed", Severity::kCritical);
  world.Run(5 * kMinute);
  EXPECT_EQ(world.Of("cordon").state, ExecutionState::kObserved) << "overdue";
  world.Clear(pressed);
  world.Run(kMinute);
  EXPECT_EQ(world.Of("drain").state, ExecutionState::kVerified);
  EXPECT_EQ(world.Of("cordon").state, ExecutionState::kObserved);
  world.Clear(soon);
  world.Run(kMinute);
  EXPECT_EQ(world.Of("cordon").state, ExecutionState::kVerified);
  EXPECT_THAT(world.told.loud, Not(Contains(HasSubstr("needs a person"))));
}

// Each of which may be what heals.
TEST(RemedySupersedeTest, WaitsForEveryStepOnTop) {
  for (const bool killed : {false, true}) {
    SCOPED_TRACE(killed ? "with a restart of the agent" : "");
    PipelineSpec spec = SoonAndLate();
    spec.policies[0].verify_within_ns = 2 * kMinute;
    PolicySpec& late = spec.policies[1];
    late.undo.on_failure = false;
    late.guard.cooldown_ns = kSecond;
    late.verify_within_ns = 3 * kMinute;
    SupersedeWorld world(std::move(spec));
    Finding soon = world.Tell("spikes", Severity::kWarning);
    world.Run(kMinute);
    Finding pressed = world.Tell("pressed", Severity::kCritical);
    world.GoOn({&soon, &pressed}, 6);
    ASSERT_THAT(world.gateway.calls, ElementsAre("cordon", "drain", "drain"));
    if (killed) {
      world.Restart();
      for (Finding* finding : {&soon, &pressed}) finding->id += "again";
      world.GoOn({&soon, &pressed}, 1);
    }
    EXPECT_EQ(world.Of("cordon").state, ExecutionState::kObserved);
    EXPECT_THAT(world.Of("cordon").progress.made_way_for, SizeIs(2));
    world.Clear(pressed);
    world.Run(10 * kSecond);
    world.Clear(soon);
    world.Run(kMinute);
    EXPECT_EQ(world.Of("cordon").state, ExecutionState::kVerified);
    EXPECT_EQ(world.Of("cordon").progress.proof, Proof::kSuperseded);
  }
}

// The second one stays, though the first one is taken back in the end.
TEST(RemedySupersedeTest, StaysUnderWhatCameAfterTheOneThatItMadeWayFor) {
  for (const bool killed : {false, true}) {
    SCOPED_TRACE(killed ? "with a restart of the agent" : "");
    PipelineSpec spec = SoonAndLate();
    PolicySpec last = spec.policies[1];
    last.name = "last";
    AddLast(last, &spec);
    SupersedeWorld world(std::move(spec));
    FakeGateway::Target& target = world.gateway.targets["a"];
    Finding soon = world.Tell("spikes", Severity::kWarning);
    world.Run(kMinute);
    const Finding pressed = world.Tell("pressed", Severity::kCritical);
    target.undo_error = MakeError(Code::kUnavailable, "503");
    world.Run(15 * kMinute);
    ASSERT_THAT(world.engine->undos(), SizeIs(1));
    const Finding full = world.Tell("full", Severity::kCritical);
    world.Run(kMinute);
    world.Clear(full);
    world.Run(kMinute);
    ASSERT_EQ(world.Of("evict").state, ExecutionState::kVerified);
    EXPECT_THAT(world.Of("cordon").progress.made_way_for, SizeIs(2));
    if (killed) {
      world.Restart();
      soon.id += "again";
      world.engine->OnFinding(soon);
      world.Run(kMinute);
    }
    target.undo_error.reset();
    world.Run(20 * kMinute);
    EXPECT_THAT(world.engine->undos(), IsEmpty());
    EXPECT_EQ(world.Of("drain").state, ExecutionState::kUndone);
    EXPECT_THAT(world.Of("cordon").progress.made_way_for, ElementsAre(world.Of("evict").decision));
    world.Clear(pressed);
    world.Run(5 * kHour);
    EXPECT_THAT(world.gateway.calls, Not(Contains("undo cordon")));
    EXPECT_EQ(world.Of("cordon").progress.proof, Proof::kSuperseded);
  }
}

// However often that is done.
TEST(RemedySupersedeTest, LesserOnesDontKeepAWatchFromItsEnd) {
  PipelineSpec spec = SoonAndLate();
  spec.policies[0].verify_within_ns = 10 * kMinute;
  PolicySpec last = MakePolicy("last", "severity >= info");
  last.guard.cooldown_ns = kSecond;
  last.guard.max_per_hour = 0;
  last.guard.breaker = {};
  last.verify_within_ns = 2 * kMinute;
  last.undo.on_failure = false;
  AddLast(last, &spec);
  SupersedeWorld world(std::move(spec));
  world.Tell("spikes", Severity::kWarning);
  world.Run(kMinute);
  const Finding pressed = world.Tell("pressed", Severity::kCritical);
  world.Run(kMinute);
  world.Clear(pressed);
  world.Run(kMinute);
  ASSERT_EQ(world.Of("drain").state, ExecutionState::kVerified);
  world.Tell("full", Severity::kInfo);
  world.Run(8 * kMinute);
  EXPECT_GT(std::ranges::count(world.gateway.calls, "evict"), 2);
  EXPECT_EQ(world.Of("cordon").state, ExecutionState::kObserved);
  world.Run(4 * kMinute);
  EXPECT_EQ(world.Of("cordon").state, ExecutionState::kFailed);
}

// As what is stopped or drained is measured no more.
TEST(RemedySupersedeTest, WaitsAlsoWhereNothingIsMeasuredAnyMore) {
  SupersedeWorld world;
  Finding soon = world.Tell("spikes", Severity::kWarning);
  world.Run(kMinute);
  const Finding pressed = world.Tell("pressed", Severity::kCritical);
  world.Run(kMinute);
  soon.annotations.Set("cleared", "gap");
  world.Clear(soon);
  world.Run(5 * kMinute);
  EXPECT_EQ(world.Of("cordon").state, ExecutionState::kObserved);
  world.Clear(pressed);
  world.Run(kMinute);
  EXPECT_EQ(world.Of("drain").state, ExecutionState::kVerified);
  EXPECT_EQ(world.Of("cordon").state, ExecutionState::kFailed);
  EXPECT_EQ(world.Of("cordon").progress.proof, Proof::kSuperseded);
  EXPECT_EQ(world.ChainOf(1).incident.state, IncidentState::kResolved);
  EXPECT_THAT(world.told.loud, Not(Contains(HasSubstr("needs a person"))));
}

TEST(RemedySupersedeTest, WhatOnlyTellsPeopleIsntOnTopOfAnything) {
  PipelineSpec spec = SoonAndLate();
  NodeSpec alert = spec.nodes[2];
  alert.name = "alert";
  alert.plugin = "alert";
  spec.nodes.push_back(alert);
  spec.policies[1].action = "alert";
  SupersedeWorld world(std::move(spec));
  world.Tell("spikes", Severity::kWarning);
  world.Run(kMinute);
  world.Tell("pressed", Severity::kCritical);
  world.Run(kMinute);
  EXPECT_EQ(Count(world.told.loud, "makes way"), 0u);
  EXPECT_THAT(world.Of("cordon").progress.made_way_for, IsEmpty());
}

// What is to be taken back, late as it may be, won't stay.
TEST(RemedySupersedeTest, WaitsForAnUndoWhoseTargetIsAway) {
  SupersedeWorld world;
  Finding soon = world.Tell("spikes", Severity::kWarning);
  world.Run(kMinute);
  Finding pressed = world.Tell("pressed", Severity::kCritical);
  world.Run(kMinute);
  FakeGateway::Target& target = world.gateway.targets["a"];
  target.undo_error = target.observe_error = MakeError(Code::kUnavailable, "refused");
  world.GoOn({&soon, &pressed}, 6 * 60);
  ASSERT_THAT(world.engine->undos(), SizeIs(1));
  EXPECT_EQ(world.Of("cordon").state, ExecutionState::kObserved);
  target.undo_error.reset();
  target.observe_error.reset();
  world.GoOn({&soon, &pressed}, 20);
  EXPECT_EQ(world.Of("drain").state, ExecutionState::kUndone);
  world.Clear(pressed);
  world.Run(5 * kHour);
  EXPECT_EQ(world.Of("cordon").state, ExecutionState::kUndone);
}

// It is under way for as long as it is watched.
TEST(RemedySupersedeTest, WhatStaysIsNotDoneAgainBeforeItsWatchIsOver) {
  for (const bool killed : {false, true}) {
    SCOPED_TRACE(killed ? "with a restart of the agent" : "");
    PipelineSpec spec = SoonAndLate();
    spec.policies[0].guard.cooldown_ns = kMinute;
    SupersedeWorld world(std::move(spec));
    Finding soon = world.Tell("spikes", Severity::kWarning);
    world.Run(kMinute);
    const Finding pressed = world.Tell("pressed", Severity::kCritical);
    world.Run(kMinute);
    world.Clear(pressed);
    world.Run(kMinute);
    EXPECT_EQ(world.Of("drain").state, ExecutionState::kVerified);
    if (killed) {
      world.Restart();
      soon.id += "again";
      world.engine->OnFinding(soon);
    }
    world.Run(3 * kHour);
    EXPECT_THAT(world.gateway.calls, ElementsAre("cordon", "drain"));
    world.Run(2 * kHour);
    EXPECT_THAT(world.gateway.calls, ElementsAre("cordon", "drain", "cordon"));
  }
}

TEST(RemedySupersedeTest, APlanThatWasReadBeforeAnotherOneEndedIsMadeAnew) {
  SupersedeWorld world;
  const Finding soon = world.Tell("spikes", Severity::kWarning);
  world.Run(kMinute);
  EXPECT_EQ(world.gateway.plans, 1);
  world.gateway.latency_ns = 5 * kSecond;
  world.Tell("pressed", Severity::kCritical);
  world.Run(2 * kSecond);
  EXPECT_EQ(world.gateway.plans, 2);
  world.Clear(soon);
  world.Run(4 * kSecond);
  EXPECT_EQ(world.gateway.plans, 3);
  EXPECT_THAT(world.gateway.calls, ElementsAre("cordon"));
  world.Run(kMinute);
  EXPECT_THAT(world.gateway.calls, ElementsAre("cordon", "drain"));
}

TEST(RemedySupersedeTest, WhoAsksIsNotToldThatItWillBeDone) {
  PipelineSpec spec = SoonAndLate();
  spec.policies[1].mode = Mode::kApprove;
  SupersedeWorld world(std::move(spec));
  world.Tell("spikes", Severity::kCritical);
  world.Run(kMinute);
  world.Tell("pressed", Severity::kCritical);
  world.Run(3 * kMinute);
  EXPECT_EQ(Count(world.told.loud, "it is asked about when that is over"), 1u);
}

// What was to be for a while still is.
TEST(RemedySupersedeTest, WhatWasToBeUndoneLaterIsUndoneThen) {
  PipelineSpec spec = SoonAndLate();
  spec.policies[0].undo.after_ns = kHour;
  SupersedeWorld world(std::move(spec));
  const Finding soon = world.Tell("spikes", Severity::kWarning);
  world.Run(kMinute);
  const Finding pressed = world.Tell("pressed", Severity::kCritical);
  world.Run(kMinute);
  world.Clear(pressed);
  world.Clear(soon);
  world.Run(50 * kMinute);
  EXPECT_THAT(world.gateway.calls, ElementsAre("cordon", "drain"));
  world.Run(20 * kMinute);
  EXPECT_THAT(world.gateway.calls, ElementsAre("cordon", "drain", "undo cordon"));
}

}  // namespace
}  // namespace heald::remedy
