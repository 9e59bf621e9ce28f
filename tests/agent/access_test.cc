// Who may use the API, through the whole agent: `heald token` beside a running `heald run`, and
// what `heald check` and `heald run` say of a listener that others could reach.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/agent/fixture.h"

namespace heald::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

constexpr int64_t kPatience = 20'000'000'000;

class AgentAccessTest : public AgentTest {
 protected:
  struct Ended {
    int code = -1;
    std::string output;  // stdout and stderr
  };
  Ended Heald(const std::vector<std::string>& arguments) {
    demo::DemoProcess process("heald", arguments);
    Ended ended;
    ended.code = process.Wait(kPatience);
    ended.output = process.output();
    return ended;
  }
  std::string Pipeline() const { return dir_ + "/pipeline.yaml"; }
  // With `agent` in place of what the healing pipeline says of the agent.
  void WriteWithAgent(const std::string& agent) {
    std::string text = HealingPipeline();
    const std::string old = "agent: {listen: '127.0.0.1:0', state_dir: state, reopen_within: 0s}\n";
    text.replace(text.find(old), old.size(), agent);
    Write(text);
  }
  // The token alone: what would reach a pipe.
  std::string MakeToken(const std::string& name, const std::string& role,
                        const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {
        "-c",      "heald=$1; shift; exec \"$heald\" \"$@\" 2>/dev/null",
        "sh",      HEALD_BINARY_DIR "/bin/heald",
        "token",   "create",
        "--name",  name,
        "--role",  role,
        Pipeline()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    demo::DemoProcess process("/bin/sh", arguments);
    EXPECT_EQ(process.Wait(kPatience), 0) << process.output();
    std::string token = process.output();
    EXPECT_THAT(token, MatchesRegex("heald_[0-9a-f]{8}_[0-9a-f]{64}\n"));
    if (!token.empty()) token.pop_back();
    return token;
  }
  int StatusWith(const std::string& token, const std::string& method = "GET",
                 const std::string& path = "/api/v1/switch", const std::string& body = "") {
    support::HttpClient client{support::HttpConfig{}};
    support::HttpRequest request;
    request.method = method;
    request.url = url_ + path;
    request.body = body;
    if (!body.empty()) request.headers = {{"Content-Type", "application/json"}};
    if (!token.empty()) request.headers.emplace_back("Authorization", "Bearer " + token);
    const support::HttpResult result = client.Perform(request);
    body_ = result.response.body;
    return result.response.status;
  }
  // Within the second that is promised.
  bool Soon(const std::function<bool()>& condition) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
  }

  std::string body_;  // of the last answer
};

TEST_F(AgentAccessTest, ARunningAgentSeesTokensComeAndGo) {
  Write(HealingPipeline());
  StartAndWait();
  EXPECT_EQ(StatusWith(""), 200) << "no tokens: open to this machine";
  const std::string anna = MakeToken("anna", "operator");
  EXPECT_TRUE(Soon([&] { return StatusWith("") == 401; }));
  EXPECT_THAT(body_, HasSubstr("heald token create"));
  EXPECT_EQ(StatusWith(anna), 200);
  const std::string robot = MakeToken("robot", "viewer", {"--expires", "30d"});
  EXPECT_TRUE(Soon([&] { return StatusWith(robot) == 200; }));
  EXPECT_EQ(Heald({"token", "revoke", "anna", Pipeline()}).code, 0);
  EXPECT_TRUE(Soon([&] { return StatusWith(anna) == 401; }));
  EXPECT_EQ(StatusWith(robot), 200);
  EXPECT_EQ(StatusWith("", "GET", "/healthz"), 200) << "asks for none";
}

TEST_F(AgentAccessTest, TokensLeaveATrace) {
  Write(HealingPipeline());
  StartAndWait();
  const std::string robot = MakeToken("robot", "viewer");
  MakeToken("anna", "operator");
  const auto told = [&](const char* what) {
    return Eventually([&] {
      StatusWith(robot, "GET", "/api/v1/audit?limit=50");
      return body_.find(what) != std::string::npos;
    });
  };
  EXPECT_TRUE(told("(anna, operator) created")) << body_;
  EXPECT_TRUE(told("(robot, viewer) created")) << body_;
  EXPECT_EQ(Heald({"token", "revoke", "anna", Pipeline()}).code, 0);
  EXPECT_TRUE(told("(anna, operator) revoked")) << body_;
}

TEST_F(AgentAccessTest, RolesAndActorsHold) {
  Write(HealingPipeline());
  const std::string viewer = MakeToken("vera", "viewer");
  const std::string anna = MakeToken("anna", "operator");
  StartAndWait();
  EXPECT_EQ(StatusWith(viewer, "PUT", "/api/v1/switch", R"({"enabled": false})"), 403);
  EXPECT_THAT(body_, AllOf(HasSubstr("operator"), HasSubstr("viewer")));
  EXPECT_EQ(StatusWith(anna, "PUT", "/api/v1/switch", R"({"enabled": false, "actor": "bob"})"),
            403);
  EXPECT_THAT(body_, HasSubstr("leave 'actor' out"));
  EXPECT_EQ(StatusWith(anna, "PUT", "/api/v1/switch", R"({"enabled": false})"), 200);
  EXPECT_EQ(StatusWith(viewer), 200);
  EXPECT_THAT(body_, HasSubstr("user:anna"));
}

TEST_F(AgentAccessTest, AnExpiredTokenIsToldFromAWrongOne) {
  Write(HealingPipeline());
  const std::string brief = MakeToken("brief", "viewer", {"--expires", "1s"});
  StartAndWait();
  EXPECT_TRUE(Eventually([&] { return StatusWith(brief) == 401; }));
  EXPECT_THAT(body_, HasSubstr("the token of brief expired at "));
  EXPECT_THAT(Heald({"token", "list", Pipeline()}).output, HasSubstr("expired "));
}

TEST_F(AgentAccessTest, ADamagedTokensFileIsLoggedAndLetsNobodyNewIn) {
  Write(HealingPipeline());
  const std::string anna = MakeToken("anna", "admin");
  StartAndWait();
  EXPECT_EQ(StatusWith(anna), 200);
  Write("{", "state/tokens.json");
  // Looked at when somebody asks.
  ASSERT_TRUE(Eventually([&] {
    EXPECT_EQ(StatusWith(anna), 200);
    return agent().WaitForOutput("tokens.json can't be used", 10'000'000);
  })) << agent().output();
  EXPECT_EQ(StatusWith(""), 401);
  const Ended check = Heald({"check", Pipeline()});
  EXPECT_EQ(check.code, 1);
  EXPECT_THAT(check.output, AllOf(HasSubstr("error: the tokens file"), HasSubstr("tokens.json")));
  EXPECT_EQ(Heald({"token", "create", "--name", "bob", "--role", "admin", Pipeline()}).code, 3);
}

TEST_F(AgentAccessTest, AReloadChangesTheAgentsToken) {
  WriteWithAgent("agent: {listen: '127.0.0.1:0', state_dir: state, token: first-token-of-16}\n");
  StartAndWait();
  EXPECT_EQ(StatusWith("first-token-of-16"), 200);
  WriteWithAgent("agent: {listen: '127.0.0.1:0', state_dir: state, token: second-token-of-16}\n");
  EXPECT_EQ(StatusWith("first-token-of-16", "POST", "/api/v1/reload"), 200);
  EXPECT_EQ(StatusWith("first-token-of-16"), 401);
  EXPECT_EQ(StatusWith("second-token-of-16"), 200);
}

TEST_F(AgentAccessTest, AListenerForOthersNeedsTokenAndTls) {
  WriteWithAgent("agent: {listen: '0.0.0.0:0', state_dir: state}\n");
  for (const char* verb : {"check", "run"}) {
    const Ended ended = Heald({verb, Pipeline()});
    EXPECT_EQ(ended.code, 1) << ended.output;
    EXPECT_THAT(ended.output,
                AllOf(HasSubstr("pipeline.yaml:2:17: error: '0.0.0.0:0' can be reached from other "
                                "machines and has neither token nor TLS"),
                      HasSubstr("heald token create --name NAME --role admin"),
                      HasSubstr("agent.tls: {cert_file: …, key_file: …}"),
                      HasSubstr("agent.allow_insecure: [no_token, no_tls]")));
  }
  MakeToken("anna", "admin");
  EXPECT_THAT(Heald({"check", Pipeline()}).output,
              AllOf(HasSubstr("and has no TLS"), Not(HasSubstr("token create"))));
  EXPECT_EQ(Heald({"token", "revoke", "anna", Pipeline()}).code, 0);
  EXPECT_THAT(Heald({"check", Pipeline()}).output, HasSubstr("neither token nor TLS"));
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/state/heald.db")) << "nothing was started";
}

TEST_F(AgentAccessTest, TheCommandLinesAddressNeedsTheSame) {
  Write(HealingPipeline());
  const Ended ended = Heald({"run", "--listen", "0.0.0.0:0", Pipeline()});
  EXPECT_EQ(ended.code, 1) << ended.output;
  EXPECT_THAT(ended.output, AllOf(HasSubstr("--listen"), HasSubstr("neither token nor TLS"),
                                  HasSubstr("heald token create")));
}

TEST_F(AgentAccessTest, WaivedByNameItStartsAndSaysSo) {
  WriteWithAgent(
      "agent: {listen: '0.0.0.0:0', state_dir: state, allow_insecure: [no_token, no_tls]}\n");
  const Ended check = Heald({"check", Pipeline()});
  EXPECT_EQ(check.code, 0);
  EXPECT_THAT(check.output, HasSubstr("warning: '0.0.0.0:0' can be reached from other machines: "
                                      "whoever reaches it is admin"));
  StartAndWait();
  const size_t port = url_.rfind(':');
  url_ = "http://127.0.0.1" + url_.substr(port);
  EXPECT_EQ(StatusWith("", "PUT", "/api/v1/switch", R"({"enabled": false})"), 200);
  EXPECT_THAT(body_, HasSubstr("address:127.0.0.1"));
}

TEST_F(AgentAccessTest, TokensAreMadeListedAndRevokedWithoutAnAgent) {
  Write(HealingPipeline());
  const Ended none = Heald({"token", "list", Pipeline()});
  EXPECT_EQ(none.code, 0);
  EXPECT_THAT(none.output, HasSubstr("no tokens in " + dir_ + "/state/tokens.json"));
  const std::string token = MakeToken("anna", "approver");
  const std::string id = token.substr(6, 8);
  EXPECT_THAT(Heald({"token", "list", Pipeline()}).output,
              AllOf(HasSubstr(id + "  anna"), HasSubstr("approver"), HasSubstr("never"),
                    Not(HasSubstr(token.substr(15)))));
  const auto list = nlohmann::json::parse(
      Heald({"token", "list", "--state-dir", dir_ + "/state", "--format", "json"}).output);
  EXPECT_EQ(list[0]["id"], id);
  EXPECT_EQ(list[0]["expires"], nullptr);
  EXPECT_FALSE(list[0].contains("sha256"));
  const Ended revoked = Heald({"token", "revoke", id, Pipeline()});
  EXPECT_EQ(revoked.code, 0);
  EXPECT_THAT(revoked.output, AllOf(HasSubstr("revoked " + id + " of anna (approver)"),
                                    HasSubstr("No token is left")));
  EXPECT_EQ(Heald({"token", "revoke", id, Pipeline()}).code, 1);
}

TEST_F(AgentAccessTest, WrongUseIsTold) {
  Write(HealingPipeline());
  const auto create = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"token", "create"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Heald(arguments);
  };
  EXPECT_EQ(create({"--name", "anna", Pipeline()}).code, 2);
  EXPECT_EQ(create({"--name", "anna", "--role", "root", Pipeline()}).code, 2);
  EXPECT_EQ(create({"--name", "a b", "--role", "admin", Pipeline()}).code, 2);
  for (const char* expires : {"soon", "0s", "30", "-1d"})
    EXPECT_EQ(create({"--name", "a", "--role", "admin", "--expires", expires, Pipeline()}).code, 2)
        << expires;
  EXPECT_EQ(Heald({"token"}).code, 2);
  EXPECT_EQ(Heald({"token", "list", dir_ + "/none.yaml"}).code, 1);
  EXPECT_EQ(create({"--name", "a", "--role", "admin", "--state-dir", "/proc/none"}).code, 3);
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/state/tokens.json"));
}

TEST_F(AgentAccessTest, AMistakeElsewhereInTheFileDoesNotStandInTheWay) {
  std::string text = HealingPipeline();
  text.replace(text.find("mode: enforce"), 13, "mode: enforec");
  Write(text);
  EXPECT_EQ(Heald({"check", Pipeline()}).code, 1);
  MakeToken("anna", "admin");
  EXPECT_TRUE(std::filesystem::exists(dir_ + "/state/tokens.json"));
  // But where the folder itself is in doubt, no token goes to the wrong one.
  text.replace(text.find("state_dir"), 9, "state_dri");
  Write(text);
  const Ended ended = Heald({"token", "create", "--name", "bob", "--role", "admin", Pipeline()});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.output, AllOf(HasSubstr("did you mean 'state_dir'?"), HasSubstr("--state-dir"),
                                  Not(HasSubstr("enforec"))));
}

}  // namespace
}  // namespace heald::testing
