#include "core/pipeline/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <future>

#include "tests/pipeline/fakes.h"

namespace heald {
namespace {

using fakes::EmitOne;
using fakes::Eventually;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

NodeSpec NodeOf(Kind kind, const std::string& name, std::vector<InputRef> inputs = {}) {
  NodeSpec spec;
  spec.kind = kind;
  spec.name = name;
  spec.plugin = "fake";
  spec.version = "1";
  spec.inputs = std::move(inputs);
  return spec;
}

class RunnerTest : public ::testing::Test {
 protected:
  RunnerTest() {
    std::string pattern = ::testing::TempDir() + "heald-runner-XXXXXX";
    dir_ = mkdtemp(pattern.data());
    spec_.nodes = {
        NodeOf(Kind::kSource, "prom"), NodeOf(Kind::kDetector, "spikes", {{"prom", "latency", ""}}),
        NodeOf(Kind::kAction, "restart"), NodeOf(Kind::kNotifier, "slack", {{"spikes", "", ""}})};
    for (const char* node : {"restart", "slack", "spikes"})
      std::filesystem::create_directories(std::filesystem::path(dir_) / "nodes" / node);
  }
  ~RunnerTest() override { std::filesystem::remove_all(dir_); }

  std::unique_ptr<Runner> Make() {
    RunnerOptions options;
    options.state_dir = dir_;
    options.tick_ns = 10 * kMillisecond;
    options.watchdog = true;
    options.delivery.codec = fakes::TextNotices();
    options.delivery.pause_ns = options.delivery.max_pause_ns = 2 * kMillisecond;
    return std::make_unique<Runner>(options, clock_, series_, factory_, events_);
  }
  NodeSpec& Spec(const std::string& name) {
    for (NodeSpec& node : spec_.nodes)
      if (node.name == name) return node;
    std::abort();
  }
  // The source emits one row of each of these per poll.
  void PollEmits(std::vector<std::pair<std::string, double>> rows) {
    world_.on_poll["prom"] = [this, rows = std::move(rows)](const NodeContext& node,
                                                            Emitter& out) -> Status {
      for (const auto& [name, value] : rows)
        if (Status s = EmitOne(world_, node, out, name, value); !s) return s;
      return {};
    };
  }

  std::string dir_;
  SystemClock clock_;
  SeriesTable series_;
  fakes::World world_{series_};
  fakes::FakeFactory factory_{world_};
  fakes::Events events_;
  PipelineSpec spec_;
};

TEST_F(RunnerTest, GivesADetectorOnlyTheOutputsItAskedFor) {
  PollEmits({{"latency", 1}, {"errors", 2}});
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  ASSERT_TRUE(Eventually([&] { return world_.Seen("spikes").size() >= 3; }));
  EXPECT_THAT(world_.Seen("spikes"), Each(1.0));
}

TEST_F(RunnerTest, SplitsABatchOfSeveralOutputs) {
  world_.on_poll["prom"] = [this](const NodeContext& node, Emitter& out) -> Status {
    Result<SampleBatch*> batch = out.Reserve(4);
    if (!batch) return batch.error();
    for (size_t i = 0; i < 4; ++i) {
      (*batch)->series[i] =
          *series_.Intern(node.index(), {{"__name__", i % 2 == 0 ? "latency" : "errors"}}, 10, 0);
      (*batch)->value[i] = static_cast<double>(i % 2);
    }
    return out.Commit(*batch, 4);
  };
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  ASSERT_TRUE(Eventually([&] { return world_.Seen("spikes").size() >= 4; }));
  EXPECT_THAT(world_.Seen("spikes"), Each(0.0));
}

TEST_F(RunnerTest, LeavesOutRowsUnderExpiredHandlesAndSaysSo) {
  std::promise<Status> committed;
  world_.on_poll["prom"] = [&, once = false](const NodeContext& node,
                                             Emitter& out) mutable -> Status {
    if (std::exchange(once, true)) return {};
    const uint32_t old =
        *series_.Intern(node.index(), {{"__name__", "latency"}, {"pod", "gone"}}, 10, 0);
    static_cast<void>(series_.Expire(INT64_MAX));
    Result<SampleBatch*> batch = out.Reserve(2);
    (*batch)->series[0] = old;
    (*batch)->value[0] = 7;
    (*batch)->series[1] =
        *series_.Intern(node.index(), {{"__name__", "latency"}, {"pod", "new"}}, 10, INT64_MAX);
    (*batch)->value[1] = 8;
    committed.set_value(out.Commit(*batch, 2));
    return {};
  };
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  const Status status = committed.get_future().get();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kStaleSeries);
  ASSERT_TRUE(Eventually([&] { return !world_.Seen("spikes").empty(); }));
  EXPECT_THAT(world_.Seen("spikes"), ElementsAre(8.0));
}

TEST_F(RunnerTest, MakesFindingIdsUniqueAndNamesTheirNode) {
  PollEmits({{"latency", 1}});
  world_.on_samples["spikes"] = [](const SampleBatch&, Emitter& out) {
    Finding finding;
    finding.id = "1";
    return out.Findings({finding});
  };
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  ASSERT_TRUE(Eventually([&] { return !events_.Findings().empty(); }));
  const Finding finding = events_.Findings().front();
  EXPECT_EQ(finding.node, "spikes");
  EXPECT_THAT(finding.id, AllOf(StartsWith("spikes/"), ::testing::EndsWith("/1")));
}

TEST_F(RunnerTest, HoldsFindingsMadeFromHistoryUntilLiveDataConfirmsThem) {
  NodeContext* context = nullptr;
  std::atomic<bool> live{false};
  world_.on_backfill["prom"] = [&](Emitter& out) {
    // The node is both the source's context and its emitter.
    context = dynamic_cast<NodeContext*>(&out);
    ASSERT_TRUE(EmitOne(world_, *context, out, "latency", 1));
    ASSERT_TRUE(EmitOne(world_, *context, out, "latency", 2));
  };
  world_.on_poll["prom"] = [&](const NodeContext& node, Emitter& out) -> Status {
    return live ? EmitOne(world_, node, out, "latency", 3) : Status();
  };
  world_.on_samples["spikes"] = [](const SampleBatch& batch, Emitter& out) {
    Finding open;
    open.id = "1";
    open.state = batch.value[0] == 1 ? FindingState::kOpen : FindingState::kUpdate;
    Finding over;
    over.id = "2";
    over.state = batch.value[0] == 1 ? FindingState::kOpen : FindingState::kClear;
    return batch.value[0] == 3 ? out.Findings({open}) : out.Findings({open, over});
  };
  spec_.agent.backfill_ns = kHour;
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  ASSERT_TRUE(Eventually([&] { return world_.Seen("spikes").size() == 2; }));
  EXPECT_THAT(events_.Findings(), SizeIs(0));
  live = true;
  ASSERT_TRUE(Eventually([&] { return !events_.Findings().empty(); }));
  EXPECT_EQ(events_.Findings().front().state, FindingState::kOpen);
}

TEST_F(RunnerTest, TicksDetectors) {
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  EXPECT_TRUE(Eventually([&] { return world_.CallsOf("spikes").size() >= 2; }));
}

TEST_F(RunnerTest, ADetectorIsUnwellUntilATickSaysOtherwiseHoweverWellItTakesData) {
  PollEmits({{"latency", 1}});
  world_.unwell = true;
  const auto runner = Make();
  const auto spikes = [&] {
    for (const NodeStats& stats : runner->stats())
      if (stats.name == "spikes") return stats;
    return NodeStats();
  };
  ASSERT_TRUE(runner->Start(spec_));
  ASSERT_TRUE(Eventually([&] { return !spikes().ok; }));
  const size_t seen = world_.Seen("spikes").size();
  ASSERT_TRUE(Eventually([&] {
    EXPECT_FALSE(spikes().ok);
    return world_.Seen("spikes").size() > seen + 3;
  }));
  EXPECT_EQ(spikes().last_error, "it is full");
  world_.unwell = false;
  EXPECT_TRUE(Eventually([&] { return spikes().ok; }));
}

TEST_F(RunnerTest, DropsTheOldestWhenADetectorIsBehindAndCountsIt) {
  std::promise<void> go;
  std::shared_future<void> gate(go.get_future());
  Spec("spikes").queue = 4;
  Spec("spikes").deadline_ns = kHour;
  PollEmits({{"latency", 1}});
  world_.on_samples["spikes"] = [gate](const SampleBatch&, Emitter&) {
    gate.wait();
    return Status();
  };
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  const auto dropped = [&] {
    for (const NodeStats& s : runner->stats())
      if (s.name == "spikes") return s.dropped;
    return uint64_t{0};
  };
  EXPECT_TRUE(Eventually([&] { return dropped() >= 3; }));
  go.set_value();
}

TEST_F(RunnerTest, TellsTheSourceToWaitWhenABlockingQueueIsFull) {
  std::promise<void> go;
  std::shared_future<void> gate(go.get_future());
  Spec("spikes").queue = 2;
  Spec("spikes").when_full = WhenFull::kBlock;
  Spec("spikes").deadline_ns = kHour;
  std::atomic<int> refused{0};
  world_.on_poll["prom"] = [&](const NodeContext& node, Emitter& out) -> Status {
    const Status status = EmitOne(world_, node, out, "latency", 1);
    if (!status && status.error().code == Code::kFull && status.error().retry_after_ns > 0)
      ++refused;
    return status;
  };
  world_.on_samples["spikes"] = [gate](const SampleBatch&, Emitter&) {
    gate.wait();
    return Status();
  };
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  EXPECT_TRUE(Eventually([&] { return refused >= 2; }));
  go.set_value();
  EXPECT_TRUE(Eventually([&] { return world_.Seen("spikes").size() > 4; }));
  EXPECT_THAT(runner->Complaints(), SizeIs(0)) << "waiting is not an error";
}

TEST_F(RunnerTest, CountsAFailingCallAndGoesOn) {
  std::atomic<bool> sick{true};
  world_.on_poll["prom"] = [&](const NodeContext&, Emitter&) -> Status {
    if (sick) return MakeError(Code::kUnavailable, "connection refused by http://localhost:9090");
    return {};
  };
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  ASSERT_TRUE(Eventually([&] { return !runner->Complaints().empty(); }));
  EXPECT_THAT(runner->Complaints(),
              ElementsAre("prom: connection refused by http://localhost:9090"));
  sick = false;
  EXPECT_TRUE(Eventually([&] { return runner->Complaints().empty(); }));
  EXPECT_THAT(events_.Health(), Contains("prom: ok"));
}

TEST_F(RunnerTest, LeavesAHungNodeAloneAndGoesOnWithTheOthers) {
  std::promise<void> go;
  std::shared_future<void> gate(go.get_future());
  PollEmits({{"latency", 1}});
  spec_.nodes.push_back(NodeOf(Kind::kDetector, "stuck", {{"prom", "", ""}}));
  Spec("stuck").deadline_ns = 50 * kMillisecond;
  world_.on_samples["stuck"] = [gate](const SampleBatch&, Emitter&) {
    gate.wait();
    return Status();
  };
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  ASSERT_TRUE(Eventually([&] { return !runner->Complaints().empty(); }));
  EXPECT_THAT(runner->Complaints().front(),
              AllOf(StartsWith("stuck: "), HasSubstr("doesn't return")));
  const size_t before = world_.Seen("spikes").size();
  EXPECT_TRUE(Eventually([&] { return world_.Seen("spikes").size() > before + 5; }));
  go.set_value();
  EXPECT_TRUE(Eventually([&] { return runner->Complaints().empty(); }))
      << "it returned, so it works again";
}

TEST_F(RunnerTest, ACallSeesThatItIsCancelledOnceItsDeadlineIsOver) {
  std::atomic<bool> seen{false};
  Spec("prom").deadline_ns = 20 * kMillisecond;
  world_.on_poll["prom"] = [&](const NodeContext& node, Emitter&) -> Status {
    seen = Eventually([&] { return node.cancelled(); });
    return {};
  };
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  EXPECT_TRUE(Eventually([&] { return seen.load(); }));
}

TEST_F(RunnerTest, StartsNothingWhenOneNodeCantBeMade) {
  world_.fail_create = "slack";
  const auto runner = Make();
  const Status status = runner->Start(spec_);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "notifier slack: bad key");
  EXPECT_THAT(world_.CallsOf("prom"), SizeIs(0));
}

TEST_F(RunnerTest, ReloadKeepsUnchangedNodesWithTheirState) {
  PollEmits({{"latency", 1}});
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  Spec("prom").config = Value(Value::Map{{"url", Value("http://b")}});
  ASSERT_TRUE(runner->Reload(spec_));
  EXPECT_EQ(world_.Created("prom"), 2);
  EXPECT_EQ(world_.Created("spikes"), 1);
  EXPECT_THAT(events_.gone, ElementsAre("prom"));
  EXPECT_THAT(world_.CallsOf("prom"), ElementsAre("start", "stop", "start"));
  const size_t before = world_.Seen("spikes").size();
  EXPECT_TRUE(Eventually([&] { return world_.Seen("spikes").size() > before + 2; }))
      << "wired to the new source";
}

class RunnerStateTest : public RunnerTest {
 protected:
  RunnerStateTest() {
    PollEmits({{"latency", 1}});
    world_.on_samples["spikes"] = [](const SampleBatch&, Emitter& out) {
      Finding finding;
      finding.id = "1";
      return out.Findings({finding});
    };
    Spec("spikes").keeps_state = {"critical_at"};
    Configure(20, 2);
  }
  void Configure(int window, int critical_at) {
    Spec("spikes").config =
        Value(Value::Map{{"window", Value(window)}, {"critical_at", Value(critical_at)}});
  }
  // Of the next finding.
  std::string NextId() {
    {
      const std::lock_guard lock(events_.mutex);
      events_.findings.clear();
    }
    EXPECT_TRUE(Eventually([&] { return !events_.Findings().empty(); }));
    return events_.Findings().front().id;
  }
};

TEST_F(RunnerStateTest, AReloadHandsOnTheStateWhereItFits) {
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  const std::string id = NextId();
  Configure(20, 3);
  const Result<Reloaded> reloaded = runner->Reload(spec_);
  ASSERT_TRUE(reloaded) << reloaded.error().message;
  EXPECT_THAT(reloaded->restarted, ElementsAre("spikes"));
  EXPECT_THAT(reloaded->went_on, ElementsAre("spikes"));
  EXPECT_THAT(world_.CallsOf("spikes"), Contains(StartsWith("restore ")));
  EXPECT_EQ(NextId(), id);
}

TEST_F(RunnerStateTest, AReloadBeginsAnewWhereAKeyChangedThatTheStateDependsOn) {
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  const std::string id = NextId();
  Configure(30, 2);
  const Result<Reloaded> reloaded = runner->Reload(spec_);
  ASSERT_TRUE(reloaded) << reloaded.error().message;
  EXPECT_THAT(reloaded->restarted, ElementsAre("spikes"));
  EXPECT_THAT(reloaded->went_on, SizeIs(0));
  EXPECT_THAT(world_.CallsOf("spikes"), Not(Contains(StartsWith("restore "))));
  EXPECT_NE(NextId(), id);
}

TEST_F(RunnerStateTest, ADetectorThatHangsHandsNothingOn) {
  std::promise<void> over;
  const auto wait = over.get_future().share();
  const auto runner = Make();
  world_.on_samples["spikes"] = [wait](const SampleBatch&, Emitter&) -> Status {
    wait.wait();
    return {};
  };
  Spec("spikes").deadline_ns = 20 * kMillisecond;
  ASSERT_TRUE(runner->Start(spec_));
  ASSERT_TRUE(Eventually([&] { return !runner->Complaints().empty(); }));
  Configure(20, 3);
  const Result<Reloaded> reloaded = runner->Reload(spec_);
  over.set_value();
  ASSERT_TRUE(reloaded) << reloaded.error().message;
  EXPECT_THAT(reloaded->restarted, ElementsAre("spikes"));
  EXPECT_THAT(reloaded->went_on, SizeIs(0));
}

TEST_F(RunnerStateTest, ARestartUnderAnotherConfigurationGoesOnWhereTheStateFits) {
  auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  const std::string id = NextId();
  ASSERT_TRUE(runner->Stop(5 * kSecond));
  Configure(20, 3);
  runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  EXPECT_EQ(NextId(), id);
  EXPECT_THAT(events_.Health(), SizeIs(0));
  ASSERT_TRUE(runner->Stop(5 * kSecond));
  Configure(30, 3);
  runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  EXPECT_NE(NextId(), id);
  EXPECT_THAT(events_.Health(), Contains(HasSubstr("another configuration")));
}

TEST_F(RunnerTest, AFailedReloadLeavesTheOldPipelineRunning) {
  PollEmits({{"latency", 1}});
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  PipelineSpec wrong = spec_;
  wrong.nodes.push_back(NodeOf(Kind::kDetector, "extra", {{"prom", "", ""}}));
  world_.fail_create = "extra";
  const Result<Reloaded> status = runner->Reload(wrong);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("extra"));
  const size_t before = world_.Seen("spikes").size();
  EXPECT_TRUE(Eventually([&] { return world_.Seen("spikes").size() > before + 2; }));
  EXPECT_THAT(world_.CallsOf("prom"), ElementsAre("start"));
}

TEST_F(RunnerTest, AReloadWhoseNewNodeDoesntStartGoesBack) {
  PollEmits({{"latency", 1}});
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  PipelineSpec wrong = spec_;
  wrong.nodes.push_back(NodeOf(Kind::kSource, "push"));
  wrong.nodes[1].inputs.push_back({"push", "", ""});
  world_.fail_start = "push";
  ASSERT_FALSE(runner->Reload(wrong));
  const size_t before = world_.Seen("spikes").size();
  EXPECT_TRUE(Eventually([&] { return world_.Seen("spikes").size() > before + 2; }));
  EXPECT_THAT(runner->stats(), SizeIs(4));
}

TEST_F(RunnerTest, AnActionGetsItsCallsAndANodeThatLeavesIsTold) {
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  std::promise<std::string> planned;
  ASSERT_TRUE(runner->CallAction("restart", "plan", INT64_MAX, [&](ActionInstance* action) {
    planned.set_value(action->MakePlan({})->summary);
  }));
  EXPECT_EQ(planned.get_future().get(), "plan");
  EXPECT_FALSE(runner->CallAction("nosuch", "plan", INT64_MAX, [](ActionInstance*) {}));
  std::erase_if(spec_.nodes, [](const NodeSpec& node) { return node.name == "restart"; });
  ASSERT_TRUE(runner->Reload(spec_));
  EXPECT_THAT(world_.CallsOf("restart"), ElementsAre("start", "stop leaving"));
}

TEST_F(RunnerTest, NotifiesThoseWhoListTheNodeWithTheirParamsFilledIn) {
  Spec("slack").config = Value(Value::Map{{"channel", Value("#${target.service}")}});
  Spec("slack").templated = true;
  spec_.nodes.push_back(NodeOf(Kind::kNotifier, "other", {{"prom", "", ""}}));
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  Notification notification;
  notification.node = "spikes";
  notification.text = "payments is slow";
  Finding finding;
  finding.target = {{"service", "payments"}};
  notification.finding = std::make_shared<const Finding>(finding);
  runner->Notify(notification, {});
  EXPECT_TRUE(Eventually([&] { return !world_.CallsOf("slack").empty(); }));
  EXPECT_THAT(world_.CallsOf("slack"), ElementsAre("payments is slow @#payments"));
  EXPECT_THAT(world_.CallsOf("other"), SizeIs(0));
}

TEST_F(RunnerTest, ARestartGoesOnWithTheStateAndTheFindingIdsOfBefore) {
  PollEmits({{"latency", 1}});
  world_.on_samples["spikes"] = [](const SampleBatch&, Emitter& out) {
    Finding finding;
    finding.id = "1";
    return out.Findings({finding});
  };
  auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  ASSERT_TRUE(Eventually([&] { return !events_.Findings().empty(); }));
  const std::string id = events_.Findings().front().id;
  ASSERT_TRUE(runner->Stop(5 * kSecond));
  events_.findings.clear();
  runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  EXPECT_THAT(world_.CallsOf("spikes"), Contains(StartsWith("restore ")));
  ASSERT_TRUE(Eventually([&] { return !events_.Findings().empty(); }));
  EXPECT_EQ(events_.Findings().front().id, id);
}

TEST_F(RunnerTest, StopsInOrderAndEmitsNothingAfterwards) {
  PollEmits({{"latency", 1}});
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  ASSERT_TRUE(Eventually([&] { return world_.Seen("spikes").size() > 2; }));
  ASSERT_TRUE(runner->StopSources(5 * kSecond));
  ASSERT_TRUE(runner->Drain(5 * kSecond));
  const size_t seen = world_.Seen("spikes").size();
  ASSERT_TRUE(runner->Stop(5 * kSecond));
  EXPECT_EQ(world_.Seen("spikes").size(), seen);
  EXPECT_THAT(world_.CallsOf("prom"), ElementsAre("start", "stop"));
}

}  // namespace
}  // namespace heald
