#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <future>

#include "core/pipeline/runner.h"
#include "tests/pipeline/fakes.h"

namespace heald {
namespace {

using fakes::Eventually;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// A source `hook` whose handler is the test's.
class ReceiveTest : public ::testing::Test {
 protected:
  using Handler = std::function<Result<PushAnswer>(const PushRequest&)>;

  ReceiveTest() {
    std::string pattern = ::testing::TempDir() + "heald-receive-XXXXXX";
    dir_ = mkdtemp(pattern.data());
    NodeSpec source;
    source.kind = Kind::kSource;
    source.name = "hook";
    source.plugin = "fake";
    source.version = "1";
    NodeSpec detector = source;
    detector.kind = Kind::kDetector;
    detector.name = "reader";
    detector.inputs = {{"hook", "", ""}};
    spec_.nodes = {source, detector};
    MountAll({{"", 100, [](const PushRequest& r) { return Echo(r); }}});
  }
  ~ReceiveTest() override {
    runner_.reset();
    std::filesystem::remove_all(dir_);
  }

  static Result<PushAnswer> Echo(const PushRequest& request) {
    PushAnswer answer;
    answer.status = 200;
    answer.body = request.actor + " " + request.path + " " + request.body;
    return answer;
  }
  void MountAll(std::vector<PushRoute> routes) {
    world_.on_start["hook"] = [routes](NodeContext& node) -> Status {
      for (const PushRoute& route : routes)
        if (const Result<uint64_t> mounted = node.Mount(route); !mounted) return mounted.error();
      return {};
    };
  }
  Status Start(bool listener = true) {
    RunnerOptions options;
    options.state_dir = dir_;
    options.tick_ns = 10 * kMillisecond;
    options.listener = listener;
    runner_ = std::make_unique<Runner>(options, clock_, series_, factory_, events_);
    return runner_->Start(spec_);
  }
  Result<PushAnswer> Push(const std::string& body, const std::string& path = "",
                          const std::string& node = "hook") {
    return runner_->Receive(node, {path, {}, {}, body, "user:prom"});
  }
  // "200 text", or the error's code and message.
  std::string Told(const Result<PushAnswer>& answer) {
    return answer ? std::to_string(answer->status) + " " + answer->body
                  : std::to_string(static_cast<int>(answer.error().code)) + ": " +
                        answer.error().message;
  }

  std::string dir_;
  SystemClock clock_;
  SeriesTable series_;
  fakes::World world_{series_};
  fakes::FakeFactory factory_{world_};
  fakes::Events events_;
  PipelineSpec spec_;
  std::unique_ptr<Runner> runner_;
};

TEST_F(ReceiveTest, ARequestGetsTheHandlersAnswer) {
  ASSERT_TRUE(Start());
  EXPECT_EQ(Told(Push("hello")), "200 user:prom  hello");
  EXPECT_EQ(*runner_->ReceiveLimit("hook", ""), 100u);
}

TEST_F(ReceiveTest, WhatIsNotThereIsToldWithWhatIs) {
  ASSERT_TRUE(Start());
  EXPECT_EQ(Told(Push("x", "", "nobody")).substr(0, 33), "6: there is no node 'nobody' (now");
  EXPECT_EQ(Told(Push("x", "/more")),
            "6: node 'hook': it takes requests with no path below its name");
  EXPECT_EQ(Told(Push("x", "", "reader")), "6: node 'reader': it takes no requests");
}

TEST_F(ReceiveTest, RoutesAreCheckedWhenTheyAreMounted) {
  const auto echo = [](const PushRequest& r) { return Echo(r); };
  MountAll({{"", 1, echo}, {"", 1, echo}});
  EXPECT_THAT(Start().error().message, HasSubstr("mounted already"));
  for (const char* path : {"/", "x", "/a/b", "/ä", "/a?b"}) {
    MountAll({{path, 1, echo}});
    EXPECT_EQ(Start().error().code, Code::kInvalid) << path;
  }
  for (const uint64_t limit : {uint64_t{0}, (uint64_t{16} << 20) + 1}) {
    MountAll({{"", limit, echo}});
    EXPECT_EQ(Start().error().code, Code::kInvalid) << limit;
  }
}

TEST_F(ReceiveTest, WithoutAListenerTheSourceDoesNotStart) {
  EXPECT_THAT(Start(false).error().message, HasSubstr("only `heald run` does"));
}

TEST_F(ReceiveTest, OnlyWhatIsNotTheSendersFaultMakesTheNodeUnwell) {
  Code code = Code::kInvalid;
  MountAll({{"", 100, [&](const PushRequest&) -> Result<PushAnswer> {
               if (code == Code::kOk) return PushAnswer();
               return MakeError(code, "so it is");
             }}});
  ASSERT_TRUE(Start());
  for (const Code fault : {Code::kInvalid, Code::kDenied, Code::kNotFound, Code::kFull}) {
    code = fault;
    EXPECT_THAT(Told(Push("x")), HasSubstr("node 'hook': so it is"));
    EXPECT_THAT(runner_->Complaints(), SizeIs(0));
  }
  code = Code::kInternal;
  EXPECT_THAT(Told(Push("x")), HasSubstr("so it is"));
  EXPECT_THAT(runner_->Complaints(), SizeIs(1));
  code = Code::kOk;
  EXPECT_EQ(Told(Push("x")), "204 ");
  EXPECT_THAT(runner_->Complaints(), SizeIs(0));
}

TEST_F(ReceiveTest, TheHandlerNeverRunsTwiceAtOnce) {
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  MountAll({{"", 100, [&](const PushRequest&) {
               most = std::max(most.load(), ++inside);
               std::this_thread::yield();
               --inside;
               return PushAnswer();
             }}});
  ASSERT_TRUE(Start());
  std::vector<std::thread> senders;
  for (int t = 0; t < 4; ++t)
    senders.emplace_back([this] {
      for (int i = 0; i < 200; ++i) EXPECT_EQ(Told(Push("x")), "204 ");
    });
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(most, 1);
}

TEST_F(ReceiveTest, AHandlerThatHangsIsAnsweredForAndTheOthersAreSentAway) {
  std::promise<void> go;
  std::shared_future<void> gate(go.get_future());
  std::atomic<int> handled{0};
  MountAll({{"", 100, [&, gate](const PushRequest&) {
               ++handled;
               gate.wait();
               return PushAnswer();
             }}});
  spec_.nodes[0].deadline_ns = 100 * kMillisecond;
  ASSERT_TRUE(Start());
  const Result<PushAnswer> late = Push("x");
  ASSERT_FALSE(late);
  EXPECT_EQ(Told(late), "2: node 'hook': it did not answer within 100ms");
  EXPECT_EQ(late.error().retry_after_ns, kSecond);
  EXPECT_TRUE(Eventually([&] { return !runner_->Complaints().empty(); }));
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(Push("x").error().code, Code::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(50));
  go.set_value();
  EXPECT_TRUE(Eventually([&] { return Told(Push("x")) == "204 "; })) << "it works again";
  EXPECT_EQ(handled, 2) << "those that nobody waited for were not handled";
}

TEST_F(ReceiveTest, OnlySoManyWait) {
  std::promise<void> go;
  std::shared_future<void> gate(go.get_future());
  std::atomic<int> refused{0};
  MountAll({{"", 100, [gate](const PushRequest&) {
               gate.wait();
               return PushAnswer();
             }}});
  ASSERT_TRUE(Start());
  std::vector<std::thread> senders;
  for (size_t i = 0; i < Receiver::kMostWaiting + 2; ++i)
    senders.emplace_back([&] {
      const Result<PushAnswer> answer = Push("x");
      if (!answer && answer.error().code == Code::kUnavailable) ++refused;
    });
  EXPECT_TRUE(Eventually([&] { return refused == 2; }));
  go.set_value();
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(refused, 2);
}

TEST_F(ReceiveTest, AReloadReplacesTheRouteAndOneThatGoesTakesItAlong) {
  ASSERT_TRUE(Start());
  MountAll({{"", 100, [](const PushRequest&) {
               PushAnswer answer;
               answer.status = 202;
               return answer;
             }}});
  spec_.nodes[0].config = Value(Value::Map{{"url", Value("http://b")}});
  std::atomic<bool> over{false};
  std::atomic<int> odd{0};
  std::thread sender([&] {
    while (!over) {
      const Result<PushAnswer> answer = Push("x");
      if (!answer && answer.error().code != Code::kUnavailable) ++odd;
    }
  });
  ASSERT_TRUE(runner_->Reload(spec_));
  over = true;
  sender.join();
  EXPECT_EQ(odd, 0);
  EXPECT_EQ(Told(Push("x")), "202 ");
  spec_.nodes.erase(spec_.nodes.begin());
  spec_.nodes[0].inputs.clear();
  ASSERT_TRUE(runner_->Reload(spec_));
  EXPECT_EQ(Push("x").error().code, Code::kNotFound);
}

TEST_F(ReceiveTest, AStoppedNodeSendsItsSendersAway) {
  ASSERT_TRUE(Start());
  ASSERT_TRUE(runner_->StopSources(kSecond));
  EXPECT_EQ(Push("x").error().code, Code::kUnavailable);
  EXPECT_EQ(runner_->ReceiveLimit("hook", "").error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace heald
