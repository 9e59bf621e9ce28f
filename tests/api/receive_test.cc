// What is pushed to a source, on its way through the listener: limits, chunks, who may.
#include <cstdlib>
#include <filesystem>

#include "core/api/access.h"
#include "core/api/chunked.h"
#include "core/api/token_edit.h"
#include "core/api/tokens.h"
#include "core/telemetry/log.h"
#include "tests/api/server_fixture.h"

namespace heald::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ApiReceiveTest : public ServerFixture {
 protected:
  void SetUp() override { StartWith({}); }
  void StartWith(ServerOptions options) {
    options.limits.body_ns = 200 * kMillisecond;
    options.limits.bodies_bytes = 4 * 1024 * 1024;
    Start(std::move(options));
  }
  Answer PushChunks(const std::string& chunks) {
    return AskRaw(
        "POST /receive/hook HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" +
        chunks);
  }
};

TEST_F(ApiReceiveTest, ABodyReachesTheNodeAndItsAnswerTheSender) {
  Answer answer = Ask("POST", "/receive/hook", "", "hello");
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.headers["Content-Length"], "") << "a 204 has none";
  EXPECT_EQ(Ask("POST", "/receive/hook").status, 204);
  EXPECT_THAT(backend_.pushed, ElementsAre("hook hello by local", "hook  by local"));
}

TEST_F(ApiReceiveTest, AConnectionIsKeptAfterAnAnswerWithoutABody) {
  RawClient client(server_->port());
  for (int i = 0; i < 3; ++i) {
    client.Send(RequestText("POST", "/receive/hook", "", "hello"));
    EXPECT_EQ(client.Read(false).status, 204);
  }
}

TEST_F(ApiReceiveTest, TheNodesOwnLimitHoldsBeforeTheBodyIsRead) {
  EXPECT_EQ(Ask("POST", "/receive/hook", "", std::string(2 * 1024 * 1024, 'x')).status, 204)
      << "more than others may send";
  const Answer answer =
      AskRaw("POST /receive/hook HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2097153\r\n\r\n");
  EXPECT_EQ(answer.status, 413);
  EXPECT_THAT(answer.body, HasSubstr("2097152 bytes"));
  EXPECT_EQ(backend_.last_route, "/receive/{node}") << "and it is counted";
  EXPECT_EQ(backend_.last_status, 413);
}

TEST_F(ApiReceiveTest, UnknownNodesAndOtherMethodsAreRefused) {
  const Answer answer = Ask("POST", "/receive/nobody", "", "x");
  EXPECT_EQ(answer.status, 404);
  EXPECT_THAT(answer.body, HasSubstr("there is no node 'nobody'"));
  EXPECT_EQ(Ask("POST", "/receive/", "", "x").status, 404);
  EXPECT_EQ(Ask("POST", "/receive/hook/a/b", "", "x").status, 404);
  EXPECT_EQ(Ask("GET", "/receive/hook").status, 405);
  EXPECT_THAT(backend_.pushed, IsEmpty());
}

TEST_F(ApiReceiveTest, ChunksAreTakenTogether) {
  EXPECT_EQ(PushChunks("3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n").status, 204);
  EXPECT_THAT(backend_.pushed, ElementsAre("hook hello by local"));
}

TEST_F(ApiReceiveTest, ChunksBeyondTheLimitGet413AndHalfOnes408) {
  backend_.push_limit = 10;
  EXPECT_EQ(PushChunks("b\r\n").status, 413);
  EXPECT_EQ(PushChunks("6\r\n123456\r\n5\r\n").status, 413);
  EXPECT_EQ(PushChunks("6\r\n123").status, 408);
  EXPECT_EQ(PushChunks("").status, 408);
  EXPECT_THAT(backend_.pushed, IsEmpty());
}

TEST_F(ApiReceiveTest, ChunksThatCannotBeReadGet400) {
  for (const char* chunks : {"x\r\n", "\r\n", "-1\r\n", "1;a=b\r\nx\r\n0\r\n\r\n", "1\r\nxy\r\n",
                             "0\r\nA: b\r\n\r\n", "ffffffffffffffffff\r\n"})
    EXPECT_EQ(PushChunks(chunks).status, 400) << chunks;
  EXPECT_EQ(PushChunks(std::string(300, '1')).status, 400);
  EXPECT_EQ(AskRaw("POST /receive/hook HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
                   "chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n")
                .status,
            400)
      << "two lengths: whoever stands between may read the other";
  EXPECT_EQ(AskRaw("POST /receive/hook HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
                   "gzip, chunked\r\n\r\n0\r\n\r\n")
                .status,
            400);
}

TEST(ApiChunksTest, CanComeByteByByte) {
  const std::string text = "5\r\nhello\r\nA\r\n 0123\r\n567\r\n0\r\n\r\nnext";
  ChunkDecoder decoder;
  std::string in;
  std::string body;
  ChunkDecoder::State state = ChunkDecoder::State::kMore;
  for (const char c : text) {
    in += c;
    if (state == ChunkDecoder::State::kMore) state = decoder.Take(&in, &body, 100);
  }
  EXPECT_EQ(state, ChunkDecoder::State::kDone);
  EXPECT_EQ(body, "hello 0123\r\n567");
  EXPECT_EQ(in, "next") << "the next request stays";
}

TEST(ApiReceiveRolesTest, OnlyASenderAndAnAdminMayPushAndASenderMayNothingElse) {
  for (const std::string_view name : kRoleNames) {
    const Role role = *ParseRole(name);
    EXPECT_EQ(!Authorize({"user:a", role, "", false}, Role::kSender),
              role == Role::kSender || role == Role::kAdmin)
        << name;
    EXPECT_EQ(!Authorize({"user:a", Role::kSender, "", false}, role), role == Role::kSender)
        << name;
  }
}

class ApiReceiveTokensTest : public ServerFixture {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "heald-receive-XXXXXX";
    dir_ = mkdtemp(pattern.data());
    for (const std::string_view role : kRoleNames) {
      const Result<NewToken> token = CreateToken(
          dir_, {std::string(role), *ParseRole(role), 1'700'000'000'123'000'000, 0, "tester"});
      ASSERT_TRUE(token) << token.error().message;
      tokens_[std::string(role)] = token->text;
    }
    ServerOptions options;
    options.tokens_file = TokensFile(dir_);
    Start(options);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  int AskAs(const std::string& role, const std::string& method, const std::string& path) {
    return Ask(method, path, role.empty() ? "" : "Authorization: Bearer " + tokens_[role] + "\r\n",
               "x")
        .status;
  }

  std::string dir_;
  std::map<std::string, std::string> tokens_;
};

TEST_F(ApiReceiveTokensTest, TokensAreAskedForAndTheSenderIsNamed) {
  EXPECT_EQ(AskAs("", "POST", "/receive/hook"), 401);
  EXPECT_EQ(AskAs("viewer", "POST", "/receive/hook"), 403);
  EXPECT_EQ(AskAs("approver", "POST", "/receive/hook"), 403);
  EXPECT_THAT(backend_.pushed, IsEmpty());
  EXPECT_EQ(AskAs("sender", "POST", "/receive/hook"), 204);
  EXPECT_EQ(AskAs("admin", "POST", "/receive/hook"), 204);
  EXPECT_THAT(backend_.pushed, ElementsAre("hook x by user:sender", "hook x by user:admin"));
  EXPECT_EQ(AskAs("sender", "GET", "/api/v1/status"), 403);
  EXPECT_EQ(AskAs("", "POST", "/receive/nobody"), 401) << "strangers don't learn what there is";
}

TEST_F(ApiReceiveTokensTest, ARefusedSenderIsInTheLogOnceAMinute) {
  std::vector<std::string> lines;
  ASSERT_TRUE(InitLog({.sink = [&](std::string_view line) { lines.emplace_back(line); }}));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(AskAs("", "POST", "/receive/hook"), 401);
  ASSERT_TRUE(InitLog({}));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(lines[0],
              ::testing::AllOf(HasSubstr("/receive/hook from 127.0.0.1"),
                               HasSubstr("is refused (401)"), HasSubstr("heald token create")));
}

TEST_F(ApiReceiveTokensTest, AStrangersBodyIsNotReadAtAll) {
  EXPECT_EQ(AskRaw("POST /receive/hook HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
                   "1000000\r\n\r\n")
                .status,
            401);
}

}  // namespace
}  // namespace heald::api
