#include "plugins/support/docker/engine.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "heald/testing.h"
#include "tests/fakes/http_server.h"

namespace heald::docker {
namespace {

using fakes::FakeReply;
using fakes::FakeRequest;
using fakes::HttpServer;
using sdk::Failure;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// An Engine that answers as told, for what a healthy one never says.
class DockerEngineClientTest : public ::testing::Test {
 protected:
  DockerEngineClientTest()
      : server_([this](const FakeRequest& request) { return Answer(request); }) {
    config_.url = server_.url();
  }
  FakeReply Answer(const FakeRequest& request) const {
    if (down_.status != 200 && (request.path == "/_ping" || request.path == "/version"))
      return down_;
    if (request.path == "/_ping") return {.headers = {{"Api-Version", api_version_}}, .body = "OK"};
    if (request.path == "/version")
      return {.body = R"({"ApiVersion":")" + api_version_ + R"(","MinAPIVersion":")" +
                      min_version_ + R"("})"};
    return reply_;
  }
  // The failure of one inspect.
  Failure InspectFailure() {
    Engine engine(config_, {});
    try {
      engine.Inspect("payments");
    } catch (const Failure& failure) {
      return failure;
    }
    return {HEALD_OK, ""};
  }
  std::string LastPath() const { return server_.requests().back().path; }

  std::string api_version_ = "1.41";
  std::string min_version_ = "1.12";
  FakeReply reply_;
  FakeReply down_;  // to everything, where its status isn't 200
  HttpServer server_;
  support::HttpConfig config_;
};

TEST(DockerVersionTest, SpeaksTheLowerOfBoth) {
  EXPECT_EQ(ChooseApiVersion("1.41", "1.12"), "1.41");
  EXPECT_EQ(ChooseApiVersion("1.47", "1.24"), "1.41");
  EXPECT_EQ(ChooseApiVersion("1.24", ""), "1.24");
  EXPECT_EQ(ChooseApiVersion("1.52", "1.44"), "1.44") << "newer Engines take no 1.41";
  EXPECT_THROW(ChooseApiVersion("1.23", ""), Failure);
  EXPECT_THROW(ChooseApiVersion("new", ""), Failure);
  EXPECT_LT(ParseApiVersion("1.9"), ParseApiVersion("1.24"));
}

TEST(DockerNamesTest, CloseNamesComeFirst) {
  EXPECT_THAT(NearMatches("paymnets", {"orders", "payments", "payments-db"}),
              ElementsAre("payments"));
  EXPECT_THAT(NearMatches("pay", {"payments", "orders", "pay-1", "pax"}),
              ElementsAre("pay-1", "payments", "pax"));
}

TEST_F(DockerEngineClientTest, UsesTheNegotiatedVersionAndAsksOnce) {
  api_version_ = "1.30";
  reply_.body = R"({"Id":"x"})";
  Engine engine(config_, {});
  engine.Inspect("payments");
  engine.Inspect("payments");
  EXPECT_EQ(LastPath(), "/v1.30/containers/payments/json");
  EXPECT_EQ(server_.requests().size(), 4U);
}

TEST_F(DockerEngineClientTest, NegotiatesAnewAfterAFailure) {
  reply_.body = R"({"Id":"x"})";
  Engine engine(config_, {});
  engine.Inspect("payments");
  server_.Stop();
  EXPECT_THROW(engine.Inspect("payments"), Failure);
  api_version_ = "1.30";
  server_.Start();
  engine.Inspect("payments");
  EXPECT_EQ(LastPath(), "/v1.30/containers/payments/json");
}

TEST_F(DockerEngineClientTest, NamesCannotLeadToAnotherCall) {
  reply_.body = R"({"Id":"x"})";
  Engine engine(config_, {});
  engine.Inspect("../images/x?a=b");
  EXPECT_EQ(LastPath(), "/v1.41/containers/..%2Fimages%2Fx%3Fa%3Db/json");
}

TEST_F(DockerEngineClientTest, EngineErrorsKeepTheirWords) {
  reply_ = {.status = 500, .body = R"({"message":"driver failed"})"};
  Failure failure = InspectFailure();
  EXPECT_EQ(failure.code(), HEALD_UNAVAILABLE);
  EXPECT_STREQ(failure.what(), "docker: driver failed (HTTP 500)");
  reply_ = {.status = 409, .body = R"({"message":"is paused"})"};
  EXPECT_EQ(InspectFailure().code(), HEALD_CONFLICT);
  reply_ = {.status = 403, .body = "plugin says no"};
  failure = InspectFailure();
  EXPECT_EQ(failure.code(), HEALD_DENIED);
  EXPECT_STREQ(failure.what(), "docker: plugin says no (HTTP 403)");
  reply_ = {.status = 200, .body = "<html>"};
  EXPECT_THAT(InspectFailure().what(), HasSubstr("is not JSON"));
}

TEST_F(DockerEngineClientTest, SomethingElseThatAnswersIsNoEngine) {
  api_version_ = "";
  EXPECT_THAT(InspectFailure().what(), HasSubstr("doesn't answer like a Docker Engine"));
}

TEST_F(DockerEngineClientTest, AnEngineInTroubleIsNotTakenForSomethingElse) {
  down_ = {.status = 500, .body = "driver failed"};
  Failure failure = InspectFailure();
  EXPECT_EQ(failure.code(), HEALD_UNAVAILABLE);
  EXPECT_THAT(failure.what(), HasSubstr("/_ping was answered with status 500 (driver failed)"));
  down_ = {.status = 429, .headers = {{"Retry-After", "7"}}};
  failure = InspectFailure();
  EXPECT_THAT(failure.what(), HasSubstr("status 429"));
  EXPECT_EQ(failure.retry_after_ns(), 7'000'000'000);
  down_ = {.status = 404};
  EXPECT_THAT(InspectFailure().what(),
              HasSubstr("doesn't answer like a Docker Engine (status 404): check url"));
}

TEST_F(DockerEngineClientTest, WaitsLongerThanTheEngineIsAskedTo) {
  config_.timeout = sdk::Milliseconds(200);
  reply_ = {.status = 204, .delay = std::chrono::milliseconds(500)};
  Engine engine(config_, {});
  engine.Restart("payments", 1);
  EXPECT_EQ(server_.requests().back().query, "t=1");
  EXPECT_THROW(engine.Start("payments"), Failure);
}

class DockerSocketTest : public ::testing::Test {
 protected:
  std::string Path() const { return std::string(host_.host().StateDir()) + "/docker.sock"; }
  std::string Problem() {
    support::HttpConfig config;
    config.url = "unix://" + Path();
    Engine engine(config, {});
    try {
      engine.List({});
    } catch (const Failure& failure) {
      return failure.what();
    }
    return "";
  }
  sdk::testing::FakeHost host_;
};

TEST_F(DockerSocketTest, MissingSocketSaysWhatToDo) {
  EXPECT_EQ(Problem(), "docker: there is no socket " + Path() +
                           ": start the Docker Engine, or correct url if it listens elsewhere");
}

TEST_F(DockerSocketTest, DeadSocketSaysThatNobodyListens) {
  auto server =
      std::make_unique<HttpServer>([](const FakeRequest&) { return FakeReply{}; }, Path());
  std::filesystem::rename(Path(), Path() + ".kept");
  server.reset();
  std::filesystem::rename(Path() + ".kept", Path());
  EXPECT_THAT(Problem(), HasSubstr("nobody listens on " + Path()));
}

TEST_F(DockerSocketTest, ForbiddenSocketNamesTheGroup) {
  HttpServer server([](const FakeRequest&) { return FakeReply{}; }, Path());
  std::filesystem::permissions(Path(), std::filesystem::perms::none);
  std::filesystem::permissions(std::string(host_.host().StateDir()), std::filesystem::perms::all);
  const bool root = geteuid() == 0;
  if (root && seteuid(65534) != 0) GTEST_SKIP() << "no other user to be";
  const std::string problem = DiagnoseSocket(Path());
  ASSERT_EQ(root ? seteuid(0) : 0, 0);
  EXPECT_THAT(problem, HasSubstr("add heald's user to the group 'docker'"));
}

}  // namespace
}  // namespace heald::docker
