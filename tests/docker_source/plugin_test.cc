// The docker source against an Engine that answers by script.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/docker_source/harness.h"
#include "tests/fakes/docker_server.h"

namespace heald::docker {
namespace {

using fakes::DockerServer;
using fakes::FakeReply;
using fakes::FakeRequest;
using nlohmann::json;
using ::testing::HasSubstr;

constexpr const char* kService = "com.docker.compose.service";

class DockerSourceTest : public ::testing::Test {
 protected:
  void Start(const json& config = json::object()) {
    source_ = std::make_unique<Harness>(server_.url(), config);
  }
  size_t Asked(const std::string& path_end) const {
    size_t count = 0;
    for (const FakeRequest& request : server_.requests()) count += request.path.ends_with(path_end);
    return count;
  }
  DockerServer server_;
  std::unique_ptr<Harness> source_;
};

TEST_F(DockerSourceTest, SaysHowEachContainerIs) {
  server_.Put("shop-web-1", {{kService, "web"}, {"com.docker.compose.project", "shop"}});
  server_.Put("shop-job-1", {{kService, "job"}}, {{"State", {{"Status", "exited"}}}});
  server_.Put("shop-web-run", {{kService, "web"}, {"com.docker.compose.oneoff", "True"}});
  Start({{"usage", false}});
  EXPECT_EQ(source_->Poll(), "");
  EXPECT_EQ(
      source_->source().TakeTexts(),
      (std::vector<std::string>{"crashes{container=shop-job-1,service=job} 0",
                                "crashes{container=shop-web-1,project=shop,service=web} 0",
                                "exit_code{container=shop-job-1,service=job} 0",
                                "oom_kills{container=shop-job-1,service=job} 0",
                                "oom_kills{container=shop-web-1,project=shop,service=web} 0",
                                "restart_count{container=shop-job-1,service=job} 0",
                                "restart_count{container=shop-web-1,project=shop,service=web} 0",
                                "restarts{container=shop-job-1,service=job} 0",
                                "restarts{container=shop-web-1,project=shop,service=web} 0",
                                "running{container=shop-web-1,project=shop,service=web} 1"}));
  EXPECT_EQ(Asked("/stats"), 0u);
}

TEST_F(DockerSourceTest, AsksForOneStatsEachAndOnlyForThoseThatRun) {
  server_.Put("web");
  server_.Put("job", {}, {{"State", {{"Status", "exited"}, {"ExitCode", 1}}}});
  Start();
  EXPECT_EQ(source_->Poll(), "");
  EXPECT_EQ(source_->Poll(), "");
  EXPECT_EQ(Asked("/stats"), 2u);
  EXPECT_EQ(Asked(DockerServer::IdOf("job") + "/json"), 1u) << "what has ended stays as it is";
  for (const FakeRequest& request : server_.requests())
    if (request.path.ends_with("/stats")) {
      EXPECT_EQ(request.query, "stream=false&one-shot=true");
    }
  EXPECT_EQ(source_->Value("pids web"), 3);
  EXPECT_EQ(source_->Value("running job"), 0);
}

TEST_F(DockerSourceTest, AsksTheEngineForTheContainersThatAreWanted) {
  Start({{"containers_with", {"team=blue"}}});
  EXPECT_EQ(source_->Poll(), "");
  EXPECT_TRUE(Eventually([&] { return Asked("/events") == 1; }));
  for (const FakeRequest& request : server_.requests())
    if (request.path.ends_with("/containers/json") || request.path.ends_with("/events")) {
      EXPECT_THAT(request.query, HasSubstr("%22label%22%3A%5B%22team%3Dblue%22%5D"));
    }
}

TEST_F(DockerSourceTest, SaysOnceThatThereIsNothingToWatch) {
  Start({{"containers_with", {"team=blue"}}});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(source_->Poll(), "");
  ASSERT_EQ(source_->source().log().size(), 1u);
  EXPECT_THAT(source_->source().log()[0],
              HasSubstr("no container has the labels of containers_with yet"));
}

TEST_F(DockerSourceTest, EventsShowAtOnceAndAreCountedOnceHoweverOftenTheStreamIsCut) {
  server_.Put("web", {{kService, "web"}});
  Start();
  EXPECT_EQ(source_->Poll(), "");
  for (int crash = 1; crash <= 3; ++crash) {
    server_.Tell("web", "die", {{"exitCode", "3"}});
    server_.CutStreams();
    EXPECT_TRUE(Eventually([&] { return source_->Value("running web") == 0; })) << "without a poll";
    EXPECT_EQ(source_->Value("exit_code web"), 3);
    server_.Tell("web", "start");
    server_.CutStreams();
    EXPECT_TRUE(Eventually([&] { return source_->Value("running web") == 1; }));
    EXPECT_EQ(source_->Value("restarts web"), crash);
  }
  EXPECT_EQ(source_->Poll(), "");
  EXPECT_EQ(source_->Value("crashes web"), 3);
  EXPECT_EQ(source_->Value("restarts web"), 3);
  EXPECT_EQ(source_->source().host().MetricTotal("events_total"), 6);
}

TEST_F(DockerSourceTest, WhatTheEngineRemembersOfTheTimeBeforeIsCountedToo) {
  server_.Put("web");
  server_.Tell("web", "die", {{"exitCode", "3"}});
  server_.Tell("web", "start");
  Start();
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(source_->Poll(), "");
    return source_->Value("crashes web") == 1;
  }));
}

TEST_F(DockerSourceTest, AContainerThatVanishesMeanwhileIsNoTrouble) {
  server_.Put("web");
  server_.Put("gone");
  Start();
  server_.SetFault([](const FakeRequest& request) -> std::optional<FakeReply> {
    if (request.path.find(DockerServer::IdOf("gone")) == std::string::npos) return std::nullopt;
    return FakeReply{.status = 404, .body = R"({"message":"No such container"})"};
  });
  EXPECT_EQ(source_->Poll(), "");
  EXPECT_EQ(source_->Value("running web"), 1);
  EXPECT_EQ(source_->Value("running gone"), -1);
}

TEST_F(DockerSourceTest, OneContainerThatFailsDoesNotHideTheOthers) {
  server_.Put("web");
  server_.Put("bad");
  Start();
  server_.SetFault([](const FakeRequest& request) -> std::optional<FakeReply> {
    if (request.path.find(DockerServer::IdOf("bad")) == std::string::npos) return std::nullopt;
    return FakeReply{.status = 500, .body = R"({"message":"shim is gone"})"};
  });
  EXPECT_EQ(source_->Poll(),
            "2 of 4 answers about containers are missing: docker: shim is gone (HTTP 500)");
  EXPECT_EQ(source_->Value("running web"), 1);
  EXPECT_EQ(source_->Value("running bad"), -1) << "not known is not zero";
  server_.SetFault({});
  EXPECT_EQ(source_->Poll(), "");
  EXPECT_EQ(source_->Value("running bad"), 1);
  ASSERT_EQ(source_->source().log().size(), 2u);
  EXPECT_THAT(source_->source().log()[1], HasSubstr("all is well again after "));
}

TEST_F(DockerSourceTest, AStreamThatStaysAwayIsTold) {
  server_.Put("web");
  server_.SetFault([](const FakeRequest& request) -> std::optional<FakeReply> {
    if (!request.path.ends_with("/events")) return std::nullopt;
    return FakeReply{.status = 403, .body = "events are not for you"};
  });
  Start();
  EXPECT_TRUE(Eventually(
      [&] { return source_->Poll() == "no events: docker: events are not for you (HTTP 403)"; }));
  EXPECT_EQ(source_->Value("running web"), 1) << "looks go on";
  server_.SetFault({});
  EXPECT_TRUE(Eventually([&] { return source_->Poll().empty(); }));
}

TEST_F(DockerSourceTest, GarbageInTheStreamOpensItAnew) {
  server_.Put("web");
  server_.SetFault([](const FakeRequest& request) -> std::optional<FakeReply> {
    if (!request.path.ends_with("/events")) return std::nullopt;
    return FakeReply{.body = "<html>\n", .keep_open = true};
  });
  Start();
  EXPECT_TRUE(Eventually([&] { return Asked("/events") >= 2; }));
  server_.SetFault({});
  server_.Tell("web", "die", {{"exitCode", "3"}});
  EXPECT_TRUE(Eventually([&] { return source_->Value("running web") == 0; }));
}

TEST_F(DockerSourceTest, StopsWhileTheStreamIsSilent) {
  Start();
  EXPECT_TRUE(Eventually([&] { return Asked("/events") == 1; }));
  const auto begun = std::chrono::steady_clock::now();
  source_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(1));
}

}  // namespace
}  // namespace heald::docker
