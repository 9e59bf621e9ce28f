#include "plugins/actions/http/http_action.h"

#include <gmock/gmock.h>

#include "heald/testing.h"
#include "tests/fakes/certificates.h"
#include "tests/fakes/http_server.h"
#include "tests/fakes/problems.h"

namespace heald::http_action {
namespace {

using fakes::FakeReply;
using fakes::FakeRequest;
using fakes::HttpServer;
using fakes::ProblemsIn;
using sdk::EffectState;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class HttpActionTest : public ::testing::Test {
 protected:
  HttpActionTest() : server_([this](const FakeRequest& request) { return Answer(request); }) {
    request_.decision = "d1";
    config_.url = server_.url() + "/repair";
  }
  FakeReply Answer(const FakeRequest& request) const {
    return request.path == "/state" ? state_ : repair_;
  }
  sdk::Effect Execute() {
    HttpAction action(host_.host(), config_);
    return action.Execute(request_, action.MakePlan(request_, config_), config_);
  }
  sdk::Effect Observe() {
    HttpAction action(host_.host(), config_);
    return action.Observe(request_, action.MakePlan(request_, config_), config_);
  }
  void Watch() { config_.observe.url = server_.url() + "/state"; }

  sdk::testing::FakeHost host_;
  FakeReply repair_;
  FakeReply state_;
  HttpServer server_;
  Config config_;
  sdk::Request request_;
};

TEST_F(HttpActionTest, SendsMethodHeadersBodyAndItsKey) {
  config_.method = Method::kPatch;
  config_.body = R"({"service": "payments"})";
  config_.headers = {{"X-Team", "blue"}};
  config_.bearer_token = "secret";
  repair_.body = "queued";
  const sdk::Effect effect = Execute();
  EXPECT_EQ(effect.state, EffectState::kDone);
  EXPECT_THAT(effect.detail, AllOf(HasSubstr("PATCH http://"), HasSubstr("answered 200: queued")));
  ASSERT_EQ(server_.requests().size(), 1U);
  const FakeRequest sent = server_.requests().front();
  EXPECT_EQ(sent.method, "PATCH");
  EXPECT_EQ(sent.path, "/repair");
  EXPECT_EQ(sent.body, config_.body);
  EXPECT_EQ(sent.Header("idempotency-key"), "d1");
  EXPECT_EQ(sent.Header("content-type"), "application/json");
  EXPECT_EQ(sent.Header("x-team"), "blue");
  EXPECT_EQ(sent.Header("authorization"), "Bearer secret");
}

TEST_F(HttpActionTest, UnexpectedStatusFailsWithTheAnswer) {
  repair_ = {.status = 503, .body = "later"};
  const sdk::Effect effect = Execute();
  EXPECT_EQ(effect.state, EffectState::kFailed);
  EXPECT_THAT(effect.detail, HasSubstr("answered 503: later (expected 2xx)"));
  EXPECT_EQ(server_.requests().size(), 1U) << "a POST that was answered is not repeated";
}

TEST_F(HttpActionTest, StatusesCanBeExpected) {
  config_.expect_status = {404, 409};
  repair_.status = 409;
  EXPECT_EQ(Execute().state, EffectState::kDone);
  request_.decision = "d2";
  repair_.status = 200;
  EXPECT_THAT(Execute().detail, HasSubstr("(expected 404, 409)"));
}

TEST_F(HttpActionTest, RefusedConnectionIsTriedAgainAndThenSaid) {
  server_.Stop();
  config_.timeout = sdk::Milliseconds(700);
  const sdk::Effect effect = Execute();
  EXPECT_EQ(effect.state, EffectState::kFailed);
  EXPECT_THAT(effect.detail, HasSubstr("not sent: connection refused"));
  server_.Start();
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(HttpActionTest, AnswerThatNeverCameIsNotAskedForTwice) {
  repair_.close_silently = true;
  const sdk::Effect effect = Execute();
  EXPECT_EQ(effect.state, EffectState::kFailed);
  EXPECT_THAT(effect.detail, HasSubstr("sent, but no answer came"));
  EXPECT_EQ(server_.requests().size(), 1U);
  request_.decision = "d2";
  Watch();
  EXPECT_EQ(Execute().state, EffectState::kPending) << "observe will tell";
  EXPECT_EQ(Observe().state, EffectState::kDone);
}

TEST_F(HttpActionTest, ObserveWaitsForTheExpectedAnswer) {
  Watch();
  state_.status = 425;
  EXPECT_EQ(Observe().state, EffectState::kAbsent);
  EXPECT_EQ(Execute().state, EffectState::kPending);
  EXPECT_EQ(Observe().state, EffectState::kPending);
  state_.status = 200;
  EXPECT_EQ(Observe().state, EffectState::kDone);
}

TEST_F(HttpActionTest, OneDecisionIsSentOnce) {
  EXPECT_EQ(Execute().state, EffectState::kDone);
  EXPECT_EQ(Execute().state, EffectState::kDone) << "the kept result";
  EXPECT_EQ(Observe().state, EffectState::kDone);
  EXPECT_EQ(server_.requests().size(), 1U);
}

TEST_F(HttpActionTest, KilledWhileSendingItIsUnknownAndNotSentAgain) {
  support::RunJournal(std::string(host_.host().StateDir())).Write("d1", {});
  EXPECT_THROW(Execute(), sdk::Failure);
  const sdk::Effect effect = Observe();
  EXPECT_EQ(effect.state, EffectState::kFailed);
  EXPECT_THAT(effect.detail, HasSubstr("isn't known; it is not sent again"));
  EXPECT_TRUE(server_.requests().empty());
  Watch();
  EXPECT_EQ(Observe().state, EffectState::kDone);
}

TEST_F(HttpActionTest, LabelsMakeNoOtherRequestOfIt) {
  config_.url = server_.url() + "/repair/${target.service}?force=1";
  HttpAction action(host_.host(), config_);
  Config filled = config_;
  filled.url = server_.url() + "/repair/payments?force=1";
  EXPECT_THAT(action.MakePlan(request_, filled).summary, HasSubstr("/repair/payments"));
  for (const char* value : {"../users", "a?x", "a&b=c", "a#", "%2e%2e", "a b"}) {
    filled.url = server_.url() + "/repair/" + value + "?force=1";
    EXPECT_THROW(action.MakePlan(request_, filled), sdk::Failure) << value;
  }
}

TEST_F(HttpActionTest, NoLabelBreaksTheJsonOrAddsToIt) {
  config_.body = "{\"service\": \"\x02${target.service}\x03\"}";
  HttpAction action(host_.host(), config_);
  Config filled = config_;
  filled.body = "{\"service\": \"\x02pay\", \"force\": \"yes\x03\"}";
  action.Execute(request_, action.MakePlan(request_, filled), filled);
  EXPECT_EQ(server_.requests().at(0).body, R"({"service": "pay\", \"force\": \"yes"})");

  filled.body = "{\"service\": \x02pay\x03";
  EXPECT_THROW(action.MakePlan(request_, filled), sdk::Failure);
}

TEST_F(HttpActionTest, SpeaksTlsWithItsOwnAuthority) {
  const fakes::Authority authority(std::string(host_.host().StateDir()), "ca");
  const fakes::CertificateFiles files = authority.Issue("server", "IP:127.0.0.1");
  HttpServer server([](const FakeRequest&) { return FakeReply{}; },
                    {files.cert_file, files.key_file, ""});
  config_.url = server.url() + "/repair";
  EXPECT_EQ(Execute().state, EffectState::kFailed) << "nobody vouches for it";
  request_.decision = "d2";
  config_.tls.ca_file = authority.ca_file();
  EXPECT_EQ(Execute().state, EffectState::kDone);
}

TEST_F(HttpActionTest, ValidationNamesWhatIsWrong) {
  EXPECT_THAT(ProblemsIn<HttpAction>(config_), ElementsAre());
  config_.url = "http://${target.host}/x";
  config_.observe.url = "nonsense";
  EXPECT_THAT(ProblemsIn<HttpAction>(config_),
              ElementsAre(HasSubstr("/url: a label must not choose the host"),
                          HasSubstr("/observe/url: ")));
}

TEST_F(HttpActionTest, ABodyThatCanNeverBeSentIsToldWhenItIsLoaded) {
  config_.body = "{\"service\": \"\x02${target.service}\x03\"";
  EXPECT_THAT(ProblemsIn<HttpAction>(config_), ElementsAre(HasSubstr("/body: is not JSON")));
  config_.body = "{\"replicas\": \x02${finding.value}\x03}";
  EXPECT_THAT(ProblemsIn<HttpAction>(config_), ElementsAre()) << "a number comes there";
  config_.body = "restart now";
  EXPECT_THAT(ProblemsIn<HttpAction>(config_), ElementsAre(HasSubstr("another content_type")));
  config_.content_type = "text/plain";
  EXPECT_THAT(ProblemsIn<HttpAction>(config_), ElementsAre());
  config_.content_type = "text/plain\r\nX-Evil: 1";
  EXPECT_THAT(ProblemsIn<HttpAction>(config_), ElementsAre(HasSubstr("/content_type: ")));
}

}  // namespace
}  // namespace heald::http_action
