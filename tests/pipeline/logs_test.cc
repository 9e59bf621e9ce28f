// Log lines on their way from a source to the detectors that read them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <future>

#include "tests/pipeline/fakes.h"

namespace heald {
namespace {

using fakes::Eventually;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LogsTest : public ::testing::Test {
 protected:
  LogsTest() {
    std::string pattern = ::testing::TempDir() + "heald-logs-XXXXXX";
    dir_ = mkdtemp(pattern.data());
    Add(Kind::kSource, "loki", {});
    Add(Kind::kDetector, "errors", {{"loki", "errors", ""}});
    Add(Kind::kDetector, "all", {{"loki", "", ""}});
    for (const char* node : {"errors", "all"})
      std::filesystem::create_directories(std::filesystem::path(dir_) / "nodes" / node);
  }
  ~LogsTest() override { std::filesystem::remove_all(dir_); }

  void Add(Kind kind, const std::string& name, std::vector<InputRef> inputs) {
    NodeSpec spec;
    spec.kind = kind;
    spec.name = name;
    spec.plugin = "fake";
    spec.version = "1";
    spec.inputs = std::move(inputs);
    spec_.nodes.push_back(std::move(spec));
  }
  LogLine Line(const NodeContext& node, const std::string& query, const std::string& text) {
    LogLine line;
    line.stream = *series_.Intern(node.index(), {{"__name__", query}, {"app", "a"}}, 100, 0);
    line.ts_ns = 1;
    line.line = text;
    return line;
  }
  static LogLine Bare(const std::string& text) {
    LogLine line;
    line.line = text;
    return line;
  }
  // The source's first poll does this; its result is in `emitted`.
  void FirstPoll(std::function<Status(const NodeContext&, Emitter&)> emit) {
    world_.on_poll["loki"] = [this, emit = std::move(emit), once = false](
                                 const NodeContext& node, Emitter& out) mutable -> Status {
      if (!std::exchange(once, true)) emitted.set_value(emit(node, out));
      return {};
    };
  }
  std::vector<std::string> LinesOf(const std::string& node) {
    std::vector<std::string> lines = world_.CallsOf(node);
    std::erase_if(lines, [](const std::string& call) { return !call.starts_with("line "); });
    return lines;
  }
  std::unique_ptr<Runner> Start() {
    RunnerOptions options;
    options.state_dir = dir_;
    options.delivery.codec = fakes::TextNotices();
    auto runner = std::make_unique<Runner>(options, clock_, series_, factory_, events_);
    EXPECT_TRUE(runner->Start(spec_));
    return runner;
  }

  std::string dir_;
  SystemClock clock_;
  SeriesTable series_;
  fakes::World world_{series_};
  fakes::FakeFactory factory_{world_};
  fakes::Events events_;
  PipelineSpec spec_;
  std::promise<Status> emitted;
};

TEST_F(LogsTest, ADetectorGetsTheLinesOfTheQueriesItReads) {
  FirstPoll([&](const NodeContext& node, Emitter& out) {
    return out.Logs({Line(node, "errors", "e1"), Line(node, "access", "a1"),
                     Line(node, "errors", "e2"), Bare("of no stream")});
  });
  const auto runner = Start();
  EXPECT_TRUE(emitted.get_future().get());
  ASSERT_TRUE(
      Eventually([&] { return LinesOf("all").size() == 4 && LinesOf("errors").size() == 2; }));
  EXPECT_THAT(LinesOf("errors"), ElementsAre("line e1", "line e2"));
  EXPECT_THAT(LinesOf("all"), ElementsAre("line e1", "line a1", "line e2", "line of no stream"));
  for (const NodeStats& stats : runner->stats()) {
    if (stats.name == "loki") {
      EXPECT_EQ(stats.out, 4u);
    } else if (stats.name == "errors") {
      EXPECT_EQ(stats.in, 2u);
    }
  }
}

TEST_F(LogsTest, NothingIsHandedOnWhereAStreamHasExpired) {
  FirstPoll([&](const NodeContext& node, Emitter& out) {
    const LogLine gone = Line(node, "errors", "gone");
    static_cast<void>(series_.Expire(INT64_MAX));
    return out.Logs({Line(node, "errors", "live"), gone});
  });
  const auto runner = Start();
  const Status status = emitted.get_future().get();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kStaleSeries);
  EXPECT_THAT(LinesOf("all"), IsEmpty());
}

TEST_F(LogsTest, LinesKeepTheirStreamAlive) {
  uint32_t stream = 0;
  FirstPoll([&](const NodeContext& node, Emitter& out) {
    const LogLine line = Line(node, "errors", "e");
    stream = line.stream;
    return out.Logs({line});
  });
  const auto runner = Start();
  EXPECT_TRUE(emitted.get_future().get());
  const SeriesTable::Series* const series = series_.Get(stream);
  ASSERT_NE(series, nullptr);
  EXPECT_GT(series->touched_ns.load(), 0);
  EXPECT_EQ(series->ts_ns.load(), 0) << "a stream has no value to show";
}

TEST_F(LogsTest, TheSourceWaitsWhereSomebodyWhoMustNotLoseLinesIsBehind) {
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  world_.on_logs["all"] = [released](Emitter&) {
    released.wait();
    return Status();
  };
  spec_.nodes[2].queue = 1;
  spec_.nodes[2].when_full = WhenFull::kBlock;
  FirstPoll([&](const NodeContext& node, Emitter& out) -> Status {
    Status status;
    for (int i = 0; status && i < 10; ++i) status = out.Logs({Line(node, "errors", "e")});
    return status;
  });
  const auto runner = Start();
  const Status status = emitted.get_future().get();
  release.set_value();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kFull);
  EXPECT_TRUE(status.error().retryable);
}

TEST_F(LogsTest, FindingsFromHistoryAreHeldUntilLiveLinesConfirmThem) {
  const auto finding = [](const std::string& id) {
    Finding out;
    out.id = id;
    return out;
  };
  int call = 0;  // one line each
  world_.on_logs["all"] = [&](Emitter& out) {
    ++call;
    if (call == 1) return out.Findings({finding("old"), finding("over")});
    Finding clear = finding("over");
    clear.state = FindingState::kClear;
    if (call == 2) return out.Findings({clear});
    Finding update = finding("old");
    update.state = FindingState::kUpdate;
    return out.Findings({update});
  };
  world_.on_poll["loki"] = [&, once = false](const NodeContext& node, Emitter& out) mutable {
    return std::exchange(once, true) ? Status() : out.Logs({Line(node, "x", "live")});
  };
  world_.on_backfill["loki"] = [&](Emitter& out) {
    for (const char* text : {"h1", "h2"}) static_cast<void>(out.Logs({Bare(text)}));
  };
  spec_.agent.backfill_ns = kHour;
  const auto runner = Start();
  ASSERT_TRUE(Eventually([&] { return !events_.Findings().empty(); }));
  const std::vector<Finding> findings = events_.Findings();
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_THAT(findings[0].id, ::testing::EndsWith("/old"));
  EXPECT_EQ(findings[0].state, FindingState::kOpen);
  EXPECT_GT(findings[0].arrived_ns, 0);
}

}  // namespace
}  // namespace heald
