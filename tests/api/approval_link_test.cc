// Approval links: what a link says and who can make one, and the page that it leads to.
#include "core/api/approval_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "core/api/router.h"
#include "core/base/clock.h"
#include "core/base/units.h"
#include "tests/api/fake_backend.h"

namespace heald::api {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kBase = "https://heald.example/ops/approve?t=";

Decision Waiting(int64_t expires_ns) {
  Decision decision;
  decision.id = std::string(32, 'd');
  decision.incident = 7;
  decision.verdict = DecisionVerdict::kAwaitsApproval;
  decision.policy = "slow";
  decision.action = "restart";
  decision.target = {{"service", "payments"}};
  decision.plan.summary = "restart <payments>";
  decision.plan_hash = std::string(64, 'a');
  decision.why = "latency_p99 1.84 > 0.5 & rising";
  decision.guards = {{"cooldown", true, "cooldown ok"}};
  decision.expires_ns = expires_ns;
  return decision;
}

std::string TokenIn(const std::string& url) {
  return url.substr(kBase.size());
}

TEST(ApiApprovalLinkTest, SaysWhatItIsForAndOnlyItsAgentCanMakeIt) {
  const ApprovalLinks links("key", "https://heald.example/ops");
  const std::string url = links.UrlFor(Waiting(100 * kSecond), "slack");
  ASSERT_THAT(url, StartsWith(kBase));
  EXPECT_LT(url.size(), 300u);
  const Result<ApprovalClaim> claim = links.Open(TokenIn(url), 99 * kSecond);
  ASSERT_TRUE(claim) << claim.error().message;
  EXPECT_EQ(claim->decision, std::string(32, 'd'));
  EXPECT_EQ(claim->plan_hash, std::string(64, 'a'));
  EXPECT_EQ(claim->expires_ns, 100 * kSecond);
  EXPECT_EQ(claim->channel, "slack");
  EXPECT_EQ(links.Open(TokenIn(url), 100 * kSecond).error().code, Code::kDeadline);
  EXPECT_EQ(ApprovalLinks("other", "").Open(TokenIn(url), 0).error().code, Code::kDenied);
}

TEST(ApiApprovalLinkTest, EveryChangedByteIsSeen) {
  const ApprovalLinks links("key", "https://heald.example/ops");
  const std::string token = TokenIn(links.UrlFor(Waiting(100 * kSecond), "slack"));
  for (size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == '1' ? '2' : '1';
    EXPECT_EQ(links.Open(changed, 0).error().code, Code::kDenied) << i;
    EXPECT_FALSE(links.Open(token.substr(0, i), 0)) << i;
  }
  EXPECT_FALSE(links.Open("", 0));
  EXPECT_FALSE(links.Open("....", 0));
  EXPECT_FALSE(links.Open(std::string(100'000, '.'), 0));
}

TEST(ApiApprovalLinkTest, ThereIsNoneForWhatDoesNotWait) {
  const ApprovalLinks links("key", "https://heald.example/ops");
  Decision decision = Waiting(100 * kSecond);
  decision.verdict = DecisionVerdict::kAct;
  EXPECT_EQ(links.UrlFor(decision, "slack"), "");
}

TEST(ApiApprovalLinkTest, TheKeyIsMadeOnceForItsOwnerOnly) {
  std::string dir = ::testing::TempDir() + "heald-key-XXXXXX";
  ASSERT_NE(mkdtemp(dir.data()), nullptr);
  const Result<std::string> key = ReadLinkKey(dir);
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ(key->size(), 64u);
  EXPECT_EQ(*ReadLinkKey(dir), *key);
  struct stat found {};
  ASSERT_EQ(stat((dir + "/approval.key").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777u, 0600u);
  chmod((dir + "/approval.key").c_str(), 0640);
  EXPECT_THAT(ReadLinkKey(dir).error().message, HasSubstr("others may use it"));
  chmod((dir + "/approval.key").c_str(), 0600);
  std::ofstream(dir + "/approval.key") << "short";
  EXPECT_THAT(ReadLinkKey(dir).error().message, HasSubstr("it is damaged"));
  std::filesystem::remove_all(dir);
  EXPECT_THAT(ReadLinkKey(dir).error().message, HasSubstr("No such file"));
}

class ApiApprovalPageTest : public ::testing::Test {
 protected:
  ApiApprovalPageTest() {
    backend_.chain.decisions = {Waiting(clock_.NowNs() + kMinute)};
    backend_.links = links_;
  }
  Response Ask(const std::string& method, const std::string& body,
               std::vector<NameValue> query = {}, std::vector<NameValue> more = {}) {
    Request request{method, "/approve",  std::move(query), {{"host", "localhost:8080"}},
                    body,   "127.0.0.1", "192.0.2.1"};
    if (method == "POST")
      request.headers.emplace_back("content-type", "application/x-www-form-urlencoded");
    for (NameValue& header : more) request.headers.push_back(std::move(header));
    return Router(Access(AccessOptions{}), backend_).Handle(request);
  }
  Response Get(const std::string& token) { return Ask("GET", "", {{"t", token}}); }
  Response Post(const std::string& token, const std::string& answer, const std::string& name) {
    return Ask("POST", "t=" + token + "&answer=" + answer + "&name=" + name);
  }
  std::string Token() { return TokenIn(links_->UrlFor(backend_.chain.decisions[0], "slack")); }
  static std::string HeaderOf(const Response& response, std::string_view name) {
    for (const auto& [key, value] : response.headers)
      if (key == name) return value;
    return "";
  }
  const SystemClock clock_;
  const std::shared_ptr<const ApprovalLinks> links_ =
      std::make_shared<const ApprovalLinks>("key", "https://heald.example/ops");
  FakeBackend backend_;
};

TEST_F(ApiApprovalPageTest, LookingShowsAllAndChangesNothing) {
  for (const char* method : {"GET", "HEAD", "GET"}) {
    const Response page = Ask(method, "", {{"t", Token()}});
    EXPECT_EQ(page.status, 200) << method;
    EXPECT_THAT(page.body, AllOf(HasSubstr("restart &lt;payments&gt;"),
                                 HasSubstr("1.84 &gt; 0.5 &amp; rising"), HasSubstr("aaaaaaaaaaaa"),
                                 HasSubstr("cooldown ok"), HasSubstr("Z, in ")));
    EXPECT_THAT(page.body, Not(HasSubstr("<script")));
    EXPECT_THAT(page.body, Not(HasSubstr("<payments>")));
    EXPECT_THAT(HeaderOf(page, "Content-Security-Policy"),
                AllOf(HasSubstr("default-src 'none'"), HasSubstr("form-action 'self'")));
    EXPECT_EQ(HeaderOf(page, "Cache-Control"), "no-store");
    EXPECT_EQ(HeaderOf(page, "Referrer-Policy"), "same-origin");
  }
  EXPECT_EQ(backend_.approved, "");
}

TEST_F(ApiApprovalPageTest, TheFormAnswersOnce) {
  const Response done = Post(Token(), "approve", "anna");
  EXPECT_EQ(done.status, 200);
  EXPECT_THAT(done.body, HasSubstr("Recorded as link:slack/anna"));
  EXPECT_EQ(backend_.approved, "yes by link:slack/anna (link)");
  const Response again = Post(Token(), "deny", "ben");
  EXPECT_EQ(again.status, 409);
  EXPECT_THAT(again.body, HasSubstr("answered: yes by link:slack/anna"));
  EXPECT_EQ(Get(Token()).status, 409) << "and the link says so plainly";
  EXPECT_EQ(backend_.approved, "yes by link:slack/anna (link)");
}

TEST_F(ApiApprovalPageTest, ANoIsANo) {
  EXPECT_EQ(Post(Token(), "deny", "ben").status, 200);
  EXPECT_EQ(backend_.approved, "no by link:slack/ben (link)");
}

TEST_F(ApiApprovalPageTest, HoldsForThatPlanAndThatDecisionOnly) {
  const std::string token = Token();
  backend_.chain.decisions[0].plan_hash = std::string(64, 'b');
  const Response other_plan = Post(token, "approve", "anna");
  EXPECT_EQ(other_plan.status, 409);
  EXPECT_THAT(other_plan.body, HasSubstr("another plan"));
  backend_.chain.decisions[0].id = std::string(32, 'e');
  EXPECT_EQ(Post(token, "approve", "anna").status, 409);
  EXPECT_EQ(backend_.approved, "");
}

TEST_F(ApiApprovalPageTest, WhatNobodySignedOrHasExpiredDoesNothing) {
  std::string forged = Token();
  forged[0] = 'c';
  EXPECT_EQ(Get(forged).status, 403);
  EXPECT_EQ(Post(forged, "approve", "anna").status, 403);
  backend_.chain.decisions[0].expires_ns = clock_.NowNs() - 1;
  const Response late = Post(Token(), "approve", "anna");
  EXPECT_EQ(late.status, 410);
  EXPECT_THAT(late.body, HasSubstr("has expired"));
  EXPECT_EQ(backend_.approved, "");
}

TEST_F(ApiApprovalPageTest, MistakesAreSaidAndUseNothingUp) {
  EXPECT_THAT(Post(Token(), "approve", "").body, HasSubstr("Your name must be"));
  EXPECT_THAT(Post(Token(), "approve", "a+b").body, HasSubstr("Your name must be"));
  EXPECT_THAT(Post(Token(), "perhaps", "anna").body, HasSubstr("Say approve or deny"));
  EXPECT_EQ(Post(Token(), "approve", "%3Cb%3E").status, 400);
  EXPECT_EQ(Ask("POST", "t=%zz").status, 400);
  EXPECT_EQ(Ask("PUT", "").status, 405);
  EXPECT_EQ(backend_.approved, "");
}

TEST_F(ApiApprovalPageTest, AnotherSiteMayNotPost) {
  const std::string body = "t=" + Token() + "&answer=approve&name=anna";
  EXPECT_EQ(Ask("POST", body, {}, {{"origin", "https://evil.example"}}).status, 403);
  EXPECT_EQ(Ask("POST", body, {}, {{"origin", "null"}}).status, 403);
  EXPECT_EQ(backend_.approved, "");
  EXPECT_EQ(Ask("POST", body, {}, {{"origin", "http://localhost:8080"}}).status, 200);
}

TEST_F(ApiApprovalPageTest, WhoGuessesHasToWait) {
  for (size_t i = 0; i < Attempts::kPerMinute; ++i)
    EXPECT_EQ(Get("guess" + std::to_string(i) + ".x").status, 403);
  const Response waits = Get("guess.x");
  EXPECT_EQ(waits.status, 429);
  EXPECT_NE(HeaderOf(waits, "Retry-After"), "");
  EXPECT_EQ(Get(Token()).status, 200) << "behind a proxy it may be another's";
}

TEST_F(ApiApprovalPageTest, ThereIsNoneWhereLinksAreOff) {
  backend_.links = nullptr;
  EXPECT_EQ(Get(Token()).status, 404);
  EXPECT_EQ(Post(Token(), "approve", "anna").status, 404);
  EXPECT_EQ(backend_.approved, "");
}

}  // namespace
}  // namespace heald::api
