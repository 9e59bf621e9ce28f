// An incident's trace as a receiver gets it from the whole agent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/agent/fixture.h"
#include "tests/fakes/certificates.h"
#include "tests/fakes/otlp_receiver.h"

namespace heald::testing {
namespace {

using fakes::ReceivedSpan;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

constexpr int64_t kPatience = 20'000'000'000;
constexpr int kOk = 1;
constexpr int kClient = 3;

class AgentTracesTest : public AgentTest {
 protected:
  AgentTracesTest() {
    SetSick([this] { return Starts().size() == 1; });
  }
  std::string Pipeline(const std::string& more = "") {
    std::string text = HealingPipeline();
    const std::string at = "state_dir: state";
    return text.replace(text.find(at), at.size(),
                        at + more + ", traces: {endpoint: '" + receiver_.url() + "'}");
  }
  bool WaitForRoots(size_t count) {
    return Eventually([&] { return receiver_.Named("incident").size() == count; });
  }
  ReceivedSpan Only(const std::string& name) {
    const auto found = receiver_.Named(name);
    EXPECT_THAT(found, SizeIs(1)) << name;
    return found.empty() ? ReceivedSpan() : found.front();
  }
  // No span came twice, and each one's parent is there.
  void ExpectWholeTraces() {
    std::set<std::string> ids;
    for (const ReceivedSpan& span : receiver_.spans())
      EXPECT_TRUE(ids.insert(span.trace_id + span.span_id).second) << span.name << " came twice";
    for (const ReceivedSpan& span : receiver_.spans()) {
      if (span.parent_id.empty()) continue;
      EXPECT_THAT(ids, Contains(span.trace_id + span.parent_id)) << span.name;
    }
    EXPECT_THAT(receiver_.problems(), IsEmpty());
  }

  fakes::OtlpReceiver receiver_;
};

TEST_F(AgentTracesTest, AHealedIncidentIsOneTrace) {
  Write(Pipeline());
  StartAndWait();
  ASSERT_TRUE(WaitForRoots(1)) << agent().output();
  ExpectWholeTraces();
  const nlohmann::json incident = Get("/api/v1/incidents/1");
  for (const ReceivedSpan& span : receiver_.spans()) {
    EXPECT_EQ(span.trace_id, incident["trace_id"]) << span.name;
    EXPECT_EQ(span.service, "heald");
  }

  const ReceivedSpan root = Only("incident");
  EXPECT_EQ(root.parent_id, "");
  EXPECT_EQ(root.status, kOk);
  EXPECT_EQ(root.attributes.at("heald.incident.id"), 1);
  EXPECT_EQ(root.attributes.at("heald.target.service"), "a");
  EXPECT_EQ(root.attributes.at("heald.incident.resolution"), "healed");
  EXPECT_EQ(root.attributes.at("heald.policy"), "cure");
  EXPECT_THAT(root.events, Contains(::testing::Pair("incident.opened", ::testing::_)));

  const ReceivedSpan found = Only("detect");
  EXPECT_EQ(found.parent_id, root.span_id);
  EXPECT_EQ(found.attributes.at("heald.detector"), "ill");
  EXPECT_EQ(found.attributes.at("heald.value"), 1.0);
  const ReceivedSpan decided = Only("decide");
  EXPECT_EQ(decided.attributes.at("heald.verdict"), "act");
  EXPECT_THAT(decided.attributes.at("heald.guard.cooldown").get<std::string>(),
              ::testing::StartsWith("allows: "));
  const ReceivedSpan done = Only("execute");
  EXPECT_EQ(done.parent_id, root.span_id);
  EXPECT_EQ(done.status, kOk);
  EXPECT_EQ(done.attributes.at("heald.outcome"), "verified");
  EXPECT_EQ(done.attributes.at("heald.action"), "restart");
  const ReceivedSpan called = Only("call");
  EXPECT_EQ(called.parent_id, done.span_id);
  EXPECT_EQ(Only("verify").parent_id, done.span_id);
  const auto calls = [&] {
    std::vector<ReceivedSpan> out = receiver_.spans();
    std::erase_if(out, [](const ReceivedSpan& span) { return span.kind != kClient; });
    return out;
  }();
  EXPECT_FALSE(calls.empty()) << "what the action did";
  for (const ReceivedSpan& call : calls) EXPECT_EQ(call.parent_id, called.span_id);

  EXPECT_LE(root.start_ns, found.start_ns);
  EXPECT_LE(found.end_ns, decided.end_ns);
  EXPECT_LE(decided.end_ns, called.start_ns);
  EXPECT_LE(called.end_ns, Only("verify").start_ns);
  EXPECT_LE(done.end_ns, root.end_ns);
  EXPECT_TRUE(Eventually([&] {
    return GetText("/metrics")
               .find("heald_trace_spans_total{result=\"sent\"} " +
                     std::to_string(receiver_.spans().size())) != std::string::npos;
  }));
}

TEST_F(AgentTracesTest, ShowsHowLongPeopleWereAsked) {
  std::string text = Pipeline();
  text.replace(text.find("mode: enforce"), 13, "mode: approve");
  Write(text);
  StartAndWait();
  nlohmann::json waiting;
  ASSERT_TRUE(Eventually([&] {
    waiting = Get("/api/v1/approvals")["approvals"];
    return !waiting.empty();
  })) << agent().output();
  int status = 0;
  Call("PUT", "/api/v1/approvals/" + waiting[0]["id"].get<std::string>(),
       R"({"approve": true, "actor": "anna"})", &status);
  ASSERT_EQ(status, 200);
  ASSERT_TRUE(WaitForRoots(1)) << agent().output();
  ExpectWholeTraces();
  const ReceivedSpan asked = Only("approve");
  EXPECT_EQ(asked.attributes.at("heald.approval"), "given");
  EXPECT_EQ(asked.attributes.at("heald.actor"), "user:anna");
  EXPECT_EQ(asked.start_ns, Only("decide").end_ns);
  EXPECT_LE(asked.end_ns, Only("execute").start_ns);
}

TEST_F(AgentTracesTest, WhatHappenedWhileTheReceiverWasAwayComesAfterAKillToo) {
  receiver_.server().Stop();
  Write(Pipeline());
  StartAndWait();
  ASSERT_TRUE(agent().WaitForOutput("resolved", kPatience)) << agent().output();
  ASSERT_TRUE(agent().WaitForOutput("traces can't be sent, and wait", kPatience));
  agent().Signal(SIGKILL);
  agent().Wait(kPatience);
  receiver_.server().Start();
  StartAndWait();
  ASSERT_TRUE(WaitForRoots(1)) << agent().output();
  ExpectWholeTraces();
  EXPECT_EQ(Only("incident").trace_id, Get("/api/v1/incidents/1")["trace_id"]);
  agent().Signal(SIGTERM);
  ASSERT_EQ(agent().Wait(kPatience), 0);
  const size_t sent = receiver_.spans().size();
  StartAndWait();
  agent().Signal(SIGTERM);
  ASSERT_EQ(agent().Wait(kPatience), 0);
  EXPECT_EQ(receiver_.spans().size(), sent) << "nothing comes twice";
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/state/heald.db-wal"))
      << "a stop leaves the journal in one file";
}

TEST_F(AgentTracesTest, ASlowReceiverHoldsUpNeitherHealingNorTheStop) {
  receiver_.Refuse(1000, {.delay = 60s});
  Write(Pipeline(", drain: 2s"));
  StartAndWait();
  ASSERT_TRUE(agent().WaitForOutput("resolved", kPatience)) << agent().output();
  const auto began = std::chrono::steady_clock::now();
  agent().Signal(SIGTERM);
  EXPECT_EQ(agent().Wait(kPatience), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
}

TEST_F(AgentTracesTest, WhatIsRefusedIsSaidAndCounted) {
  receiver_.Refuse(1, {.status = 400, .body = "no such field"});
  Write(Pipeline());
  StartAndWait();
  EXPECT_TRUE(agent().WaitForOutput("which are lost: HTTP status 400: no such field", kPatience));
  EXPECT_TRUE(WaitForRoots(1)) << "the next ones are sent all the same";
  EXPECT_THAT(GetText("/metrics"), HasSubstr("heald_trace_spans_total{result=\"refused\"}"));
}

TEST_F(AgentTracesTest, GoesOverTlsWithTheHeadersOfTheFile) {
  const fakes::Authority authority(dir_, "ca");
  const fakes::CertificateFiles files = authority.Issue("collector", "IP:127.0.0.1");
  fakes::OtlpReceiver secure({files.cert_file, files.key_file, ""});
  std::string text = Pipeline();
  const std::string plain = "'" + receiver_.url() + "'";
  Write(text.replace(text.find(plain), plain.size(),
                     "'" + secure.url() + "', headers: {authorization: '${env:OTLP_KEY}'}"));
  StartAndWait({{"SSL_CERT_FILE", authority.ca_file()}, {"OTLP_KEY", "Bearer abc"}});
  ASSERT_TRUE(Eventually([&] { return secure.Named("incident").size() == 1; })) << agent().output();
  EXPECT_EQ(secure.server().requests().front().Header("authorization"), "Bearer abc");
  EXPECT_THAT(GetText("/api/v1/config"), ::testing::Not(HasSubstr("Bearer abc")));
}

TEST_F(AgentTracesTest, TheEnvironmentSaysWhereToAndAReloadElsewhere) {
  fakes::OtlpReceiver other;
  Write(HealingPipeline());
  StartAndWait({{"OTEL_EXPORTER_OTLP_ENDPOINT", other.url()}, {"OTEL_SERVICE_NAME", "healer"}});
  ASSERT_TRUE(Eventually([&] { return other.Named("incident", "healer").size() == 1; }))
      << agent().output();
  Write(Pipeline());
  SetSick([this] { return Starts().size() == 2; });
  int status = 0;
  Call("POST", "/api/v1/reload", "", &status);
  ASSERT_EQ(status, 200);
  ASSERT_TRUE(WaitForRoots(1)) << agent().output();
  EXPECT_THAT(other.Named("incident"), SizeIs(1));
}

}  // namespace
}  // namespace heald::testing
