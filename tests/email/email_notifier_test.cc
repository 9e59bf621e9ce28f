// The notifier against a mail server on loopback (aiosmtpd), with Python's mail parser as the judge
// of what it sent. Where HEALD_TEST_SMTP_URL names a server, one mail goes there as well, to
// HEALD_TEST_SMTP_TO.
#include "plugins/notifiers/email/email_notifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/fakes/certificates.h"
#include "tests/fakes/child_process.h"
#include "tests/fakes/http_server.h"
#include "tests/notifiers/harness.h"

namespace heald::email {
namespace {

using heald::testing::NotifierHarness;
using heald::testing::ProblemsOf;
using heald::testing::Told;
using log_notifier::Str;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using Json = nlohmann::json;

class EmailTest : public ::testing::Test {
 protected:
  EmailTest() { harness_.SetIncident(HEALD_INCIDENT_OPEN); }
  ~EmailTest() override {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }
  static bool HasServer() {
    static const bool has =
        std::system((std::string(HEALD_PYTHON) + " -c 'import aiosmtpd' 2>/dev/null").c_str()) == 0;
    return has;
  }
  void StartServer(std::vector<std::string> options = {}) {
    std::vector<std::string> argv = {
        HEALD_PYTHON, std::string(HEALD_SOURCE_DIR) + "/tests/email/smtp_server.py", folder_};
    argv.insert(argv.end(), options.begin(), options.end());
    server_.emplace(argv, folder_ + "/log");
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!std::filesystem::exists(folder_ + "/port") && server_->Running() &&
           std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    std::string port;
    std::ifstream(folder_ + "/port") >> port;
    ASSERT_NE(port, "") << std::ifstream(folder_ + "/log").rdbuf();
    port_ = port;
    harness_.config() = {{"server", "smtp://127.0.0.1:" + port},
                         {"starttls", "never"},
                         {"from", "heald <heald@example.com>"},
                         {"to", {"ops@example.com"}},
                         {"timeout", 10'000'000'000},
                         {"link", "https://heald.example/#/incidents/3"}};
  }
  void Plan(const Json& plan) { std::ofstream(folder_ + "/plan") << plan; }
  std::vector<Json> Mails() {
    std::vector<Json> mails;
    std::ifstream in(folder_ + "/mails.jsonl");
    for (std::string line; std::getline(in, line);) mails.push_back(Json::parse(line));
    return mails;
  }

  const std::string folder_ = [] {
    std::string pattern = ::testing::TempDir() + "heald-email-XXXXXX";
    return std::string(mkdtemp(pattern.data()));
  }();
  std::string port_;
  std::optional<fakes::ChildProcess> server_;
  NotifierHarness<EmailNotifier> harness_;
};

#define NEEDS_SERVER() \
  if (!HasServer()) GTEST_SKIP() << "python3-aiosmtpd is not installed"

TEST_F(EmailTest, AMailReadsAsWrittenAndThreads) {
  NEEDS_SERVER();
  StartServer();
  harness_.sample().finding.summary = Str("latency <p99> is überhöht\n.\nnot the end");
  harness_.config()["cc"] = {"Zoë <zoe@example.com>"};
  ASSERT_EQ(harness_.Tell({"e1"}).message, "");
  harness_.SetIncident(HEALD_INCIDENT_RESOLVED);
  ASSERT_EQ(harness_.Tell({"e2"}).message, "");
  ASSERT_THAT(Mails(), SizeIs(2));
  const Json mail = Mails()[0];
  EXPECT_THAT(mail["faults"], IsEmpty());
  EXPECT_EQ(mail["from"], "heald@example.com");
  EXPECT_THAT(mail["to"], ElementsAre("ops@example.com", "zoe@example.com"));
  EXPECT_EQ(mail["headers"]["Subject"], "⚠️ Warning · payments · latency_p99");
  EXPECT_EQ(mail["headers"]["Cc"], "Zoë <zoe@example.com>");
  EXPECT_EQ(mail["headers"]["Message-ID"], "<e1@example.com>");
  EXPECT_EQ(mail["headers"]["Auto-Submitted"], "auto-generated");
  const std::string text = mail["text"];
  for (const char* part : {"latency <p99> is überhöht\n.\nnot the end", "Now: 1.84 s",
                           "Expected: at most 0.09 s", "▁█  latency_p99, last 1 s",
                           "Open in heald: https://heald.example/#/incidents/3", "incident #3"}) {
    std::string wanted = part;
    for (size_t at = 0; (at = wanted.find('\n', at)) != std::string::npos; at += 2)
      wanted.replace(at, 1, "\r\n");
    EXPECT_THAT(text, HasSubstr(wanted));
  }
  EXPECT_THAT(mail["html"].get<std::string>(), HasSubstr("latency &lt;p99&gt; is überhöht"));
  EXPECT_EQ(Mails()[1]["headers"]["References"], mail["headers"]["References"])
      << "one incident, one thread";
}

TEST_F(EmailTest, AnOpeningIsToldOnceEvenAfterARestart) {
  NEEDS_SERVER();
  StartServer();
  EXPECT_EQ(harness_.Tell({"found", "opened"}).code, HEALD_OK);
  harness_.Restart();
  EXPECT_EQ(harness_.Tell({"again"}).code, HEALD_OK);
  EXPECT_THAT(Mails(), SizeIs(1));
}

TEST_F(EmailTest, AQuestionHasItsLink) {
  NEEDS_SERVER();
  StartServer();
  harness_.config()["approval_link"] = "https://heald.example/approve?t=a&b";
  harness_.config()["approval"] = "Approve or deny";
  harness_.SetDecision(HEALD_DECISION_AWAITS_APPROVAL);
  ASSERT_EQ(harness_.Tell({"e1"}).message, "");
  EXPECT_THAT(Mails().at(0)["text"].get<std::string>(),
              HasSubstr("Approve or deny: https://heald.example/approve?t=a&b"));
  EXPECT_THAT(Mails().at(0)["html"].get<std::string>(),
              HasSubstr("href=\"https://heald.example/approve?t=a&amp;b\""));
}

TEST_F(EmailTest, LogsInOverTlsAndShowsNoPassword) {
  NEEDS_SERVER();
  const fakes::Authority authority(folder_, "ca");
  const fakes::CertificateFiles files = authority.Issue("server", "DNS:localhost,IP:127.0.0.1");
  StartServer({"--tls", files.cert_file, files.key_file, "--login", "heald", "pass-word"});
  harness_.config().update(Json{{"starttls", "required"},
                                {"username", "heald"},
                                {"password", "wrong-secret"},
                                {"tls", {{"ca_file", authority.ca_file()}}}});
  const Told told = harness_.Tell({"e1"});
  EXPECT_EQ(told.code, HEALD_DENIED);
  EXPECT_TRUE(told.retryable);
  EXPECT_THAT(told.message, HasSubstr("doesn't accept username and password: 535"));
  EXPECT_THAT(told.message, Not(HasSubstr("secret")));
  harness_.config()["password"] = "pass-word";
  harness_.Restart();
  ASSERT_EQ(harness_.Tell({"e1"}).message, "");
  EXPECT_EQ(Mails().at(0)["tls"], true);
  EXPECT_EQ(Mails().at(0)["login"], "heald");

  harness_.config()["tls"] = Json::object();
  harness_.Restart();
  harness_.SetIncident(HEALD_INCIDENT_ESCALATED);
  EXPECT_THAT(harness_.Tell({"e2"}).message, HasSubstr("can't be trusted"));
}

TEST_F(EmailTest, WithoutEncryptionNothingIsSentWhereItIsRequired) {
  NEEDS_SERVER();
  StartServer();
  harness_.config()["starttls"] = "required";
  const Told told = harness_.Tell({"e1"});
  EXPECT_EQ(told.code, HEALD_DENIED);
  EXPECT_THAT(told.message, HasSubstr("offers no encryption"));
  harness_.config()["starttls"] = "if_offered";
  harness_.Restart();
  EXPECT_EQ(harness_.Tell({"e1"}).message, "");
}

TEST_F(EmailTest, AQuestionSaysHowAndUntilWhenItIsAnswered) {
  NEEDS_SERVER();
  StartServer();
  harness_.SetDecision(HEALD_DECISION_AWAITS_APPROVAL);
  Json filled = harness_.config();
  filled["approval"] = "Approve or deny until 21:15 UTC";
  ASSERT_EQ(harness_.Deliver({harness_.sample().event}, nullptr, filled).message, "");
  EXPECT_THAT(Mails().at(0)["text"].get<std::string>(),
              HasSubstr("Approve or deny until 21:15 UTC: heald approve d1\r\n"));
  filled["approval_link"] = "https://heald.example/approve/x";
  harness_.Restart();
  heald_notification again = harness_.sample().event;
  again.event_id = Str("e2");
  ASSERT_EQ(harness_.Deliver({again}, nullptr, filled).message, "");
  EXPECT_THAT(Mails().at(1)["text"].get<std::string>(),
              HasSubstr("until 21:15 UTC: https://heald.example/approve/x\r\nor: heald approve d1"));
  EXPECT_THAT(Mails().at(1)["html"].get<std::string>(), HasSubstr("<code>heald approve d1</code>"));
}

TEST_F(EmailTest, TheServersWordDecidesWhetherTheMailWaits) {
  NEEDS_SERVER();
  StartServer();
  Plan({{"mail", "451 try later"}});
  Told told = harness_.Tell({"e1"});
  EXPECT_EQ(told.code, HEALD_UNAVAILABLE) << told.message;
  EXPECT_TRUE(told.retryable);
  EXPECT_THAT(told.message, HasSubstr("451 try later"));
  Plan({{"data", "452 full"}});
  EXPECT_EQ(harness_.Tell({"e1"}).code, HEALD_UNAVAILABLE);
  Plan({{"mail", "550 who are you"}});
  told = harness_.Tell({"e1"});
  EXPECT_EQ(told.code, HEALD_DENIED);
  EXPECT_TRUE(told.retryable) << "a corrected file sends it";
  Plan({{"rcpt", {{"ops@example.com", "550 no such user"}}}});
  told = harness_.Tell({"e1"});
  EXPECT_EQ(told.code, HEALD_DENIED);
  EXPECT_THAT(told.message, HasSubstr("correct `to` and `cc`"));
  Plan({{"data", "554 this is spam"}});
  told = harness_.Tell({"e1"});
  EXPECT_EQ(told.code, HEALD_INVALID);
  EXPECT_FALSE(told.retryable);
  EXPECT_THAT(told.message, HasSubstr("refuses the mail: 554 this is spam"));
  Plan(Json::object());
  EXPECT_EQ(harness_.Tell({"e1"}).message, "");
  EXPECT_THAT(Mails(), SizeIs(1));
}

class PostponedTest : public EmailTest {
 protected:
  void SetUp() override {
    NEEDS_SERVER();
    StartServer();
    harness_.config()["to"] = {"ops@example.com", "late@example.com"};
    harness_.SetIncident(HEALD_INCIDENT_ESCALATED);
  }
  // As the host does with what isn't done; the pause of a recipient is at most a minute.
  Told Again(const std::vector<std::string>& ids, std::vector<int32_t>* codes = nullptr) {
    harness_.host().Advance(sdk::Seconds(61));
    return harness_.Tell(ids, codes);
  }
  // "e1 ops@example.com", in the order in which the server took them.
  std::vector<std::string> Taken() {
    std::vector<std::string> out;
    for (const Json& mail : Mails())
      for (const std::string to : mail["to"])
        out.push_back(std::string(mail["headers"]["X-Heald-Event"]) + " " + to);
    return out;
  }
  bool Logged(std::string_view words) {
    for (const auto& line : harness_.host().log())
      if (line.message.find(words) != std::string::npos) return true;
    return false;
  }
  const Json greylisted_ = {{"rcpt", {{"late@example.com", "451 greylisted"}}}};
};

TEST_F(PostponedTest, WhoHasTheMailDoesntGetItAgain) {
  harness_.config()["to"] = {"ops@example.com", "late@example.com", "gone@example.com"};
  Plan({{"rcpt", {{"late@example.com", "450 greylisted"}, {"gone@example.com", "550 gone"}}}});
  const Told told = harness_.Tell({"e1"});
  EXPECT_EQ(told.code, HEALD_UNAVAILABLE);
  EXPECT_TRUE(told.retryable);
  EXPECT_THAT(told.message, HasSubstr("for late@example.com now: 450 greylisted (1 waits)"));
  EXPECT_THAT(told.message, HasSubstr("the others have their mails"));
  EXPECT_TRUE(Logged("gone@example.com: 550 gone"));
  Plan(Json::object());
  EXPECT_EQ(Again({"e1"}).message, "");
  EXPECT_THAT(Taken(), ElementsAre("e1 ops@example.com", "e1 late@example.com"));
}

TEST_F(PostponedTest, LaterMailsReachTheOthersAndWaitForWhoIsPutOff) {
  Plan(greylisted_);
  harness_.Tell({"e1"});
  std::vector<int32_t> codes;
  Told told = harness_.Tell({"e1", "e2", "e3"}, &codes);
  EXPECT_THAT(Taken(),
              ElementsAre("e1 ops@example.com", "e2 ops@example.com", "e3 ops@example.com"));
  EXPECT_THAT(codes, ElementsAre(HEALD_UNAVAILABLE, HEALD_OK, HEALD_OK))
      << "one stands for what waits";
  EXPECT_THAT(told.message, HasSubstr("(3 wait)"));
  told = harness_.Tell({"e1"});
  EXPECT_EQ(told.code, HEALD_FULL) << "no news, so only a pause";
  EXPECT_LE(told.retry_after_ns, 1'000'000'000);
  Plan(Json::object());
  EXPECT_EQ(Again({"e1"}).message, "");
  EXPECT_THAT(Taken(),
              ElementsAre("e1 ops@example.com", "e2 ops@example.com", "e3 ops@example.com",
                          "e1 late@example.com", "e2 late@example.com", "e3 late@example.com"));
  EXPECT_EQ(Again({"e4"}).message, "");
  EXPECT_THAT(Mails().back()["to"], SizeIs(2)) << "all is as before";
}

TEST_F(PostponedTest, OutlivesTheAgent) {
  Plan(greylisted_);
  harness_.Tell({"e1"});
  harness_.Tell({"e1", "e2"});
  harness_.Restart();
  EXPECT_EQ(harness_.Tell({"e1"}).code, HEALD_UNAVAILABLE) << "told anew";
  Plan(Json::object());
  EXPECT_EQ(Again({"e1"}).message, "");
  EXPECT_THAT(Taken(), ElementsAre("e1 ops@example.com", "e2 ops@example.com",
                                   "e1 late@example.com", "e2 late@example.com"));
}

TEST_F(PostponedTest, WhoIsTakenOutOfTheFileIsForgotten) {
  Plan(greylisted_);
  harness_.Tell({"e1"});
  harness_.config()["to"] = {"ops@example.com"};
  harness_.Restart();
  EXPECT_EQ(harness_.Tell({"e1"}).message, "");
  EXPECT_TRUE(Logged("late@example.com is no longer in `to` or `cc`"));
  EXPECT_THAT(Taken(), ElementsAre("e1 ops@example.com"));
}

TEST_F(PostponedTest, AMailThatIsNeverTakenIsToldInItsTurn) {
  Plan(greylisted_);
  harness_.Tell({"e1"});
  Json spam = greylisted_;
  spam["data"] = "554 this is spam";
  Plan(spam);
  std::vector<int32_t> codes;
  harness_.Tell({"e1", "e2"}, &codes);
  EXPECT_THAT(codes, ElementsAre(::testing::Ne(HEALD_INVALID), HEALD_CANCELLED))
      << "what is said of e2 must not drop e1";
  Plan(Json::object());
  const Told told = Again({"e1", "e2"}, &codes);
  EXPECT_THAT(codes, ElementsAre(HEALD_OK, HEALD_INVALID));
  EXPECT_THAT(told.message, HasSubstr("554 this is spam"));
}

TEST_F(PostponedTest, AnOnlyRecipientIsWaitedForAndThenForAPerson) {
  harness_.config()["to"] = {"late@example.com"};
  Plan(greylisted_);
  EXPECT_EQ(harness_.Tell({"e1"}).code, HEALD_UNAVAILABLE);
  Plan({{"rcpt", {{"late@example.com", "550 no such user"}}}});
  const Told told = Again({"e1"});
  EXPECT_EQ(told.code, HEALD_DENIED);
  EXPECT_TRUE(told.retryable) << "a corrected file sends it";
  EXPECT_THAT(told.message, HasSubstr("correct `to` and `cc`"));
  Plan(Json::object());
  EXPECT_EQ(Again({"e1"}).message, "");
  EXPECT_THAT(Taken(), ElementsAre("e1 late@example.com"));
}

TEST_F(EmailTest, AMailWhoseAnswerWasLostComesAgainWithItsId) {
  NEEDS_SERVER();
  StartServer();
  for (const char* where : {"mail", "data"}) {
    Plan({{"abort", where}});
    const Told told = harness_.Tell({"e1"});
    EXPECT_EQ(told.code, HEALD_UNAVAILABLE) << where;
    EXPECT_TRUE(told.retryable) << where;
  }
  Plan(Json::object());
  EXPECT_EQ(harness_.Tell({"e1"}).message, "");
  ASSERT_THAT(Mails(), SizeIs(2));
  EXPECT_EQ(Mails()[0]["headers"]["Message-ID"], Mails()[1]["headers"]["Message-ID"]);
}

TEST_F(EmailTest, WhatIsNoMailServerIsWaitedFor) {
  fakes::HttpServer web([](const fakes::FakeRequest&) { return fakes::FakeReply{}; });
  harness_.config() = {{"server", "smtp://127.0.0.1:" + std::to_string(web.port())},
                       {"starttls", "never"},
                       {"from", "heald@example.com"},
                       {"to", {"ops@example.com"}},
                       {"timeout", 300'000'000}};
  const Told silent = harness_.Tell({"e1"});
  EXPECT_EQ(silent.code, HEALD_UNAVAILABLE);
  EXPECT_TRUE(silent.retryable);
  EXPECT_THAT(silent.message, HasSubstr("doesn't answer in time"));
}

TEST_F(EmailTest, AServerThatIsAwayIsWaitedFor) {
  harness_.config() = {{"server", "smtp://127.0.0.1:" + std::to_string(fakes::FreePort())},
                       {"starttls", "never"},
                       {"from", "heald@example.com"},
                       {"to", {"ops@example.com"}}};
  const Told told = harness_.Tell({"e1"});
  EXPECT_EQ(told.code, HEALD_UNAVAILABLE);
  EXPECT_TRUE(told.retryable);
  EXPECT_THAT(told.message, HasSubstr("no connection to smtp://127.0.0.1"));
}

TEST_F(EmailTest, AServerOfOnesOwnTakesTheMail) {
  const char* url = std::getenv("HEALD_TEST_SMTP_URL");
  const char* to = std::getenv("HEALD_TEST_SMTP_TO");
  if (url == nullptr || to == nullptr)
    GTEST_SKIP() << "HEALD_TEST_SMTP_URL and HEALD_TEST_SMTP_TO name no mail server";
  harness_.config() = {{"server", url},
                       {"starttls", "if_offered"},
                       {"from", "heald <heald@localhost.localdomain>"},
                       {"to", {to}}};
  harness_.sample().finding.summary = Str(".\nüber\n..\n");
  EXPECT_EQ(harness_.Tell({"own-server"}).message, "");
}

TEST(EmailConfigTest, SaysWhatCannotWork) {
  const auto with = [](const Json& more) {
    Json config = {{"server", "smtp://mail.example.com:587"},
                   {"from", "heald@example.com"},
                   {"to", {"ops@example.com"}}};
    config.update(more);
    return ProblemsOf<EmailNotifier>(config);
  };
  EXPECT_THAT(with(Json::object()), IsEmpty());
  EXPECT_THAT(with({{"server", "mail.example.com"}}),
              Contains(HasSubstr("/server: is not a mail")));
  EXPECT_THAT(with({{"server", "smtp://u:SECRET@mail"}}),
              ElementsAre(::testing::AllOf(HasSubstr("/server"), Not(HasSubstr("SECRET")))));
  EXPECT_THAT(with({{"to", {"ops@example.com", "ops"}}}), Contains(HasSubstr("/to/1: 'ops'")));
  EXPECT_THAT(with({{"from", "x"}}), Contains(HasSubstr("/from")));
  EXPECT_THAT(with({{"username", "u"}}), Contains(HasSubstr("/password")));
  EXPECT_THAT(with({{"username", "u"}, {"password", "p"}, {"starttls", "never"}}),
              Contains(HasSubstr("in the clear")));
  EXPECT_THAT(with({{"tls", {{"ca_file", "/nowhere"}}}}), Contains(HasSubstr("/tls/ca_file")));
}

}  // namespace
}  // namespace heald::email
