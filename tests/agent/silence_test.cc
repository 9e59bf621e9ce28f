// Silences, approvals and health by the command line, against a running agent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/agent/identity.h"
#include "tests/agent/fixture.h"
#include "tests/fakes/argocd_server.h"

namespace heald::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kPatience = 20'000'000'000;

class AgentSilenceTest : public AgentTest {
 protected:
  struct Ended {
    int code = -1;
    std::string output;  // stdout and stderr
  };
  Ended Heald(const std::vector<std::string>& arguments,
              const std::map<std::string, std::string>& environment = {}) {
    demo::DemoProcess process("heald", arguments, environment);
    Ended ended;
    ended.code = process.Wait(kPatience);
    ended.output = process.output();
    return ended;
  }
  void SetUp() override {
    SetSick([] { return true; });
  }
};

using AgentHealthTest = AgentSilenceTest;

TEST_F(AgentHealthTest, AnAgentThatIsWellButCannotReachItsStoreIsNotReady) {
  std::string text = HealingPipeline();
  const std::string_view kAgent = "agent: {";
  text.insert(text.find(kAgent) + kAgent.size(), "store: 'postgresql://anna@127.0.0.1:1/x', ");
  Write(text);
  ASSERT_NO_FATAL_FAILURE(StartAndWait());
  const Ended health = Heald({"health", "--url", url_});
  EXPECT_EQ(health.code, 0) << health.output;
  EXPECT_EQ(health.output, "ok\n");
  const Ended ready = Heald({"health", "--ready", "--url", url_});
  EXPECT_EQ(ready.code, 1) << ready.output;
  EXPECT_THAT(ready.output, AllOf(HasSubstr("failing"), HasSubstr("store")));
  const Ended json = Heald({"health", "--ready", "--url", url_, "--format", "json"});
  EXPECT_EQ(nlohmann::json::parse(json.output, nullptr, false)["status"], "failing") << json.output;
}

TEST_F(AgentHealthTest, WhereNoAgentAnswersItSaysSo) {
  const Ended nobody = Heald({"health", "--url", "http://127.0.0.1:1"});
  EXPECT_EQ(nobody.code, 3);
  EXPECT_THAT(nobody.output, HasSubstr("http://127.0.0.1:1"));
  const fakes::HttpServer other_server([](const fakes::FakeRequest&) {
    return fakes::FakeReply{.raw = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"};
  });
  const Ended other = Heald({"health", "--url", other_server.url()});
  EXPECT_EQ(other.code, 3);
  EXPECT_THAT(other.output, HasSubstr("is no heald"));
}

TEST_F(AgentSilenceTest, WhatIsSilencedIsLeftAloneUntilItExpires) {
  SetSick([] { return false; });
  Write(HealingPipeline());
  ASSERT_NO_FATAL_FAILURE(StartAndWait());
  const Ended added = Heald({"silence", "add", "service=a", "detector=ill", "--for", "1h",
                             "--comment", "deploy 7", "--url", url_});
  EXPECT_EQ(added.code, 0) << added.output;
  EXPECT_THAT(added.output,
              AllOf(HasSubstr("s1"), HasSubstr("service=\"a\""), HasSubstr("by local: deploy 7")));
  ASSERT_TRUE(Eventually([this] { return Starts().size() == 1; }));
  const size_t starts = 1;
  SetSick([] { return true; });
  ASSERT_TRUE(Eventually([&] {
    const nlohmann::json incidents = Get("/api/v1/incidents")["incidents"];
    return !incidents.empty() && incidents[0]["silenced_by"] == "s1";
  })) << agent().output();
  EXPECT_TRUE(Eventually([&] {
    const nlohmann::json chain = Get("/api/v1/incidents/1");
    return !chain["decisions"].empty() && chain["decisions"][0]["verdict"] == "refused";
  }));
  EXPECT_EQ(Starts().size(), starts);
  EXPECT_THAT(Heald({"silence", "list", "--url", url_}).output, HasSubstr("s1"));
  SetSick([this, starts] { return Starts().size() == starts; });
  const Ended expired = Heald({"silence", "expire", "s1", "--url", url_});
  EXPECT_EQ(expired.code, 0) << expired.output;
  EXPECT_TRUE(Eventually([&] { return Starts().size() > starts; })) << agent().output();
  EXPECT_THAT(Heald({"silence", "list", "--url", url_}).output, HasSubstr("nothing is silenced"));
  EXPECT_THAT(Heald({"silence", "list", "--all", "--url", url_}).output,
              HasSubstr("ended by local"));
  const Ended again = Heald({"silence", "expire", "s1", "--url", url_});
  EXPECT_EQ(again.code, 1);
  EXPECT_THAT(again.output, HasSubstr("is over since"));
  EXPECT_THAT(Heald({"explain", "1", dir_ + "/pipeline.yaml"}).output,
              AllOf(HasSubstr("silenced until"), HasSubstr("no longer silenced")));
}

TEST_F(AgentSilenceTest, ADecisionIsApprovedFromTheCommandLine) {
  std::string text = HealingPipeline();
  text.replace(text.find("mode: enforce"), 13, "mode: approve");
  text.replace(text.find("state_dir: state"), 16, "state_dir: state, token: operators-token-1234");
  Write(text);
  ASSERT_NO_FATAL_FAILURE(StartAndWait());
  const std::map<std::string, std::string> token = {{"HEALD_TOKEN", "operators-token-1234"}};
  Ended waiting;
  ASSERT_TRUE(Eventually([&] {
    waiting = Heald({"approve", "--url", url_}, token);
    return waiting.output.find("restart a") != std::string::npos;
  })) << waiting.output
      << agent().output();
  EXPECT_THAT(waiting.output,
              AllOf(HasSubstr("policy cure  plan "), ContainsRegex("expires in 1[45][.0-9]* min"),
                    HasSubstr("because sick 1 > 0.5")));
  const std::string decision = waiting.output.substr(0, waiting.output.find(' '));
  EXPECT_EQ(decision.size(), 8u);
  const size_t starts = Starts().size();
  SetSick([this, starts] { return Starts().size() == starts; });
  const Ended without = Heald({"approve", decision, "--url", url_});
  EXPECT_EQ(without.code, 3);
  EXPECT_THAT(without.output, HasSubstr("HEALD_TOKEN"));
  const Ended another =
      Heald({"approve", decision, "--plan", "0123456789ab", "--url", url_}, token);
  EXPECT_EQ(another.code, 1);
  EXPECT_THAT(another.output, HasSubstr("the plan that you saw (0123456789ab) is not the one"));
  const Ended approved =
      Heald({"approve", decision, "--url", url_, "--token", "operators-token-1234"});
  EXPECT_EQ(approved.code, 0) << approved.output;
  EXPECT_THAT(approved.output, HasSubstr("approved by token:agent: restart a"));
  EXPECT_TRUE(Eventually([&] { return Starts().size() > starts; })) << agent().output();
  const Ended again = Heald({"deny", decision, dir_ + "/pipeline.yaml", "--url", url_}, token);
  EXPECT_EQ(again.code, 1);
  EXPECT_THAT(again.output, HasSubstr("no decision " + decision + " awaits approval"));
  EXPECT_THAT(Heald({"explain", "1", dir_ + "/pipeline.yaml"}).output,
              HasSubstr("approved by token:agent (cli)"));
}

TEST_F(AgentSilenceTest, ADecisionIsDeniedOnceAndForThatIncident) {
  std::string text = HealingPipeline();
  text.replace(text.find("mode: enforce"), 13, "mode: approve");
  Write(text);
  ASSERT_NO_FATAL_FAILURE(StartAndWait());
  ASSERT_TRUE(Eventually([&] { return !Get("/api/v1/approvals")["approvals"].empty(); }));
  const nlohmann::json asked = Get("/api/v1/approvals")["approvals"][0];
  const std::string decision = asked["id"];
  // Two at once: one of them is first.
  std::vector<Ended> both(2);
  std::thread other([&] { both[1] = Heald({"deny", decision, "--actor", "ben", "--url", url_}); });
  both[0] = Heald({"deny", decision, "--actor", "anna", "--url", url_});
  other.join();
  const bool anna = both[0].code == 0;
  EXPECT_EQ(both[0].code + both[1].code, 1) << both[0].output << both[1].output;
  EXPECT_THAT(both[anna ? 0 : 1].output,
              HasSubstr(anna ? "denied by user:anna: " : "denied by user:ben: "));
  EXPECT_THAT(both[anna ? 1 : 0].output,
              HasSubstr(anna ? "denied by user:anna (cli)" : "denied by user:ben (cli)"));
  EXPECT_THAT(Heald({"approve", "--url", url_}).output, HasSubstr("nothing awaits approval"));
  EXPECT_EQ(Heald({"deny", "--url", url_}).code, 2);
}

TEST_F(AgentSilenceTest, AnUndoThatWaitsForItsTargetIsListedAndGivenUp) {
  fakes::ArgocdServer argocd;
  argocd.Put("checkout", {std::string(40, 'a'), std::string(40, 'b')});
  SetSick([&argocd] { return argocd.Count("POST", "/rollback") == 0; });
  std::string text = HealingPipeline();
  text.replace(text.find("    verify: "), 0, "    undo: {after: 3s}\n");
  text.resize(text.find("    plugin: process"));
  Write(text + "    plugin: argocd\n    deadline: 3s\n    config: {url: '" + argocd.url() +
        "', bearer_token: " + fakes::ArgocdServer::kToken +
        ", operation: rollback, application: checkout, healthy_within: 1s}\n");
  ASSERT_NO_FATAL_FAILURE(StartAndWait());
  ASSERT_TRUE(Eventually([&] {
    const nlohmann::json incidents = Get("/api/v1/incidents")["incidents"];
    return !incidents.empty() && incidents[0]["state"] == "resolved";
  })) << agent().output();
  argocd.Stop();
  Ended waiting;
  ASSERT_TRUE(Eventually(
      [&] {
        waiting = Heald({"approve", "--url", url_});
        return waiting.output.find("not undone yet") != std::string::npos;
      },
      60))
      << waiting.output << agent().output();
  const std::string decision = waiting.output.substr(0, waiting.output.find(' '));
  EXPECT_TRUE(agent().WaitForOutput("  warning  heald  incident #1  not undone yet: ", kPatience));
  EXPECT_THAT(waiting.output, AllOf(HasSubstr("roll back checkout"), HasSubstr("because argocd: "),
                                    HasSubstr("`heald deny " + decision + "` leaves it as it is")));
  const Ended denied = Heald({"deny", decision, "--url", url_});
  EXPECT_EQ(denied.code, 0) << denied.output;
  EXPECT_THAT(denied.output,
              AllOf(HasSubstr("left as it is by local: restart on a: roll back checkout"),
                    HasSubstr(" on a,")));
  EXPECT_TRUE(agent().WaitForOutput("left as it is by local (cli)", kPatience));
  EXPECT_THAT(Heald({"approve", "--url", url_}).output, HasSubstr("nothing awaits approval"));
}

// From Slack's message to the healed service, and all that is written down of it.
TEST_F(AgentSilenceTest, ALinkInSlackAnswersItsDecisionOnce) {
  std::mutex mutex;
  std::string link;  // guarded by mutex
  fakes::HttpServer slack([&](const fakes::FakeRequest& request) {
    const std::lock_guard lock(mutex);
    if (const size_t at = request.body.find("/approve?t="); at != std::string::npos)
      link = request.body.substr(at, request.body.find('|', at) - at);
    return fakes::FakeReply{.body = "ok"};
  });
  std::string text = HealingPipeline();
  text.replace(text.find("mode: enforce"), 13, "mode: approve\n    approval: {expires: 5m}");
  text.replace(text.find("state_dir: state"), 16,
               "state_dir: state, public_url: 'http://127.0.0.1:9', approval: {links: true}");
  Write(text +
        "notifiers:\n  chat:\n    plugin: slack\n    inputs: [cure]\n    config: "
        "{webhook_url: '" +
        slack.url() + "/hook', min_interval: 0s}\n");
  ASSERT_NO_FATAL_FAILURE(StartAndWait());
  const auto sent = [&] {
    const std::lock_guard lock(mutex);
    return link;
  };
  ASSERT_TRUE(Eventually([&] { return !sent().empty(); })) << agent().output();
  const std::string token = sent().substr(std::string("/approve?t=").size());
  const auto ask = [&](const std::string& method, const std::string& path,
                       const std::string& body = "") {
    support::HttpClient client{support::HttpConfig{}};
    support::HttpRequest request;
    request.method = method;
    request.url = url_ + path;
    request.body = body;
    if (!body.empty()) request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
    return client.Perform(request).response;
  };
  const size_t starts = Starts().size();
  SetSick([this, starts] { return Starts().size() == starts; });
  for (int i = 0; i < 3; ++i) {
    const support::HttpResponse page = ask("GET", sent());
    EXPECT_EQ(page.status, 200);
    EXPECT_THAT(page.body, AllOf(HasSubstr("restart a"), HasSubstr("sick 1 &gt; 0.5")));
  }
  EXPECT_EQ(ask("POST", "/approve", "t=" + token + "x&answer=approve&name=anna").status, 403);
  EXPECT_EQ(Get("/api/v1/approvals")["approvals"].size(), 1u) << "nothing was answered so far";
  const support::HttpResponse done =
      ask("POST", "/approve", "t=" + token + "&answer=approve&name=anna");
  EXPECT_EQ(done.status, 200) << done.body;
  EXPECT_TRUE(Eventually([&] { return Starts().size() > starts; })) << agent().output();
  const support::HttpResponse again =
      ask("POST", "/approve", "t=" + token + "&answer=approve&name=ben");
  EXPECT_EQ(again.status, 409);
  EXPECT_THAT(again.body, HasSubstr("approved by link:chat/anna"));
  const nlohmann::json decision = Get("/api/v1/incidents/1")["decisions"][0];
  EXPECT_EQ(decision["actor"], "link:chat/anna");
  EXPECT_EQ(decision["via"], "link");
  EXPECT_THAT(Heald({"explain", "1", dir_ + "/pipeline.yaml"}).output,
              HasSubstr("approved by link:chat/anna"));
  EXPECT_EQ(std::filesystem::status(dir_ + "/state/approval.key").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(AgentSilenceTest, MistakesAreExplained) {
  const auto says = [&](const std::vector<std::string>& arguments, int code,
                        const std::string& text) {
    const Ended ended = Heald(arguments);
    EXPECT_EQ(ended.code, code) << ended.output;
    EXPECT_THAT(ended.output, HasSubstr(text));
  };
  const std::string nobody = "http://127.0.0.1:1";
  says({"silence", "add", "a=b", "--comment", "x", "--url", nobody}, 2, "either --for 2h or");
  says({"silence", "add", "a=b", "--comment", "x", "--for", "2 hours", "--url", nobody}, 2,
       "--for '2 hours' is no time");
  says({"silence", "add", "a=b", "--for", "2h", "--url", nobody}, 2, "--comment is required");
  says({"silence", "list", "--url", nobody}, 3, "is the agent running?");
  says({"silence", "list", "--url", "localhost:8080"}, 2, "is no URL of an agent");
  Write(HealingPipeline());
  says({"silence", "list", "--pipeline", dir_ + "/pipeline.yaml"}, 2,
       "agent.listen leaves the port open");
}

TEST(AgentIdentityTest, AContainerIsKnownByItsCgroupOrItsHostname) {
  const std::string id = std::string(60, 'a') + "beef";
  EXPECT_EQ(agent::ContainerIn("12:pids:/docker/" + id + "\n", ""), id);
  EXPECT_EQ(agent::ContainerIn("0::/system.slice/docker-" + id + ".scope\n", ""), id);
  EXPECT_EQ(agent::ContainerIn("0::/\n", "1 2 0:3 /var/lib/docker/containers/" + id +
                                             "/hostname /etc/hostname rw - ext4 /dev/sda rw\n"),
            id);
  const std::string layer(64, 'c');
  EXPECT_EQ(agent::ContainerIn("0::/init.scope\n",
                               "1 2 0:3 / / rw - overlay overlay lowerdir=/" + layer + "/x\n"),
            "")
      << "a layer's folder is no container";
  EXPECT_EQ(agent::ContainerIn(
                "", "1 2 0:3 /" + id + " /var/lib/docker/containers/" + id + "/mounts/shm rw\n"),
            "")
      << "another container, seen from its host";
}

}  // namespace
}  // namespace heald::testing
