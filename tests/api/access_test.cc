#include "core/api/access.h"

#include <gmock/gmock.h>

#include <random>

#include "core/base/units.h"
#include "tests/api/state_folder.h"

namespace heald::api {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kToken = "0123456789abcdef";

int OriginStatus(const std::string& host, const std::string& origin,
                 std::vector<std::string> allowed = {}) {
  Request request;
  request.headers = {{"host", host}};
  if (!origin.empty()) request.headers.emplace_back("origin", origin);
  request.local_address = "10.1.2.3";
  AccessOptions options;
  options.listen_host = "0.0.0.0";
  options.allowed_hosts = std::move(allowed);
  const auto refusal = Access(std::move(options)).CheckOrigin(request);
  return refusal ? refusal->status : 200;
}

Request With(const std::string& authorization, const std::string& peer = "10.9.8.7") {
  Request request;
  if (!authorization.empty()) request.headers = {{"authorization", authorization}};
  request.peer_address = peer;
  return request;
}

std::string HeaderOf(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return "";
}

class ApiAuthTest : public StateFolder {
 protected:
  Access Make(bool loopback = true, const std::string& agent_token = "",
              bool allow_no_token = false) {
    AccessOptions options;
    options.loopback = loopback;
    options.agent_token = agent_token;
    options.tokens_file = File();
    options.allow_no_token = allow_no_token;
    options.notice = [this](bool, const std::string& text) { notices_.push_back(text); };
    return Access(options, clock_);
  }
  static std::string Bearer(const std::string& token) { return "Bearer " + token; }
  static int StatusOf(const Access& access, const Request& request) {
    const auto who = access.Authenticate(request);
    const Response* refusal = std::get_if<Response>(&who);
    return refusal == nullptr ? 200 : refusal->status;
  }
  // "actor role", or the refusal's status
  static std::string Who(const Access& access, const Request& request) {
    const auto who = access.Authenticate(request);
    if (const Response* refusal = std::get_if<Response>(&who))
      return std::to_string(refusal->status);
    const auto& identity = std::get<Identity>(who);
    return identity.actor + " " + std::string(ToString(identity.role));
  }
  VirtualClock clock_{1'800'000'000 * kSecond};
  std::vector<std::string> notices_;
};

TEST(ApiAccessTest, KnowsItsOwnHosts) {
  for (const char* host : {"localhost", "localhost:8080", "LOCALHOST:1", "127.0.0.1:8080",
                           "[::1]:8080", "10.1.2.3:8080", "0.0.0.0:8080"})
    EXPECT_EQ(OriginStatus(host, ""), 200) << host;
}

TEST(ApiAccessTest, RefusesForeignHosts) {
  for (const char* host :
       {"", "evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example",
        "10.1.2.4", "localhost:80x", "[::1", ":8080", "[::1]x", "localhost@evil.example"})
    EXPECT_EQ(OriginStatus(host, ""), 403) << host;
}

TEST(ApiAccessTest, AllowedHostsMayNameAPort) {
  EXPECT_EQ(OriginStatus("heald.example:443", "", {"Heald.example"}), 200);
  EXPECT_EQ(OriginStatus("heald.example:8080", "", {"heald.example:8080"}), 200);
  EXPECT_EQ(OriginStatus("heald.example:9090", "", {"heald.example:8080"}), 403);
}

TEST(ApiAccessTest, OriginMustBeTheHostOrAllowed) {
  EXPECT_EQ(OriginStatus("localhost:8080", "http://localhost:8080"), 200);
  EXPECT_EQ(OriginStatus("localhost:8080", "https://LOCALHOST:8080"), 200);
  EXPECT_EQ(OriginStatus("localhost:8080", "https://ops.example", {"ops.example"}), 200);
  for (const char* origin :
       {"http://localhost:3000", "http://localhost", "null", "http://evil.example",
        "file://localhost:8080", "localhost:8080", "http://"})
    EXPECT_EQ(OriginStatus("localhost:8080", origin), 403) << origin;
}

TEST(ApiAccessTest, RefusalSaysWhatToDo) {
  Request request;
  request.headers = {{"host", "evil.example"}};
  const auto refusal = Access(AccessOptions()).CheckOrigin(request);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->content_type, "application/problem+json");
  EXPECT_THAT(refusal->body, HasSubstr("agent.allowed_hosts"));
}

TEST_F(ApiAuthTest, WithoutTokensEveryoneOnThisMachineIsAdmin) {
  const Access access = Make();
  EXPECT_TRUE(access.Open());
  EXPECT_EQ(Who(access, With("")), "local admin");
  EXPECT_EQ(Who(access, With("Bearer of-an-earlier-time")), "local admin");
  EXPECT_FALSE(access.HasLiveToken());
}

TEST_F(ApiAuthTest, WithoutTokensNobodyElseIsLetIn) {
  EXPECT_EQ(Who(Make(false), With("")), "401");
  EXPECT_EQ(Who(Make(false), With("Bearer x")), "401");
}

TEST_F(ApiAuthTest, ThatIsWaivedByNameOnly) {
  const Access access = Make(false, "", true);
  EXPECT_EQ(Who(access, With("")), "address:10.9.8.7 admin");
  const NewToken anna = StateFolder::Make("anna", Role::kViewer);
  clock_.Advance(kSecond);
  EXPECT_EQ(Who(access, With("")), "401") << "a token there is asked for";
  EXPECT_EQ(Who(access, With(Bearer(anna.text))), "user:anna viewer");
}

TEST_F(ApiAuthTest, TheAgentsTokenIsAnAdmins) {
  const Access access = Make(false, kToken);
  EXPECT_EQ(Who(access, With("Bearer 0123456789abcdef")), "token:agent admin");
  EXPECT_EQ(Who(access, With("bearer 0123456789abcdef")), "token:agent admin");
  EXPECT_TRUE(access.HasLiveToken());
  for (const char* header :
       {"", "Bearer", "Bearer ", "Bearer 0123456789abcde", "Bearer 0123456789abcdef0",
        "Bearer 0123456789abcdef0123456789abcdef", "Bearer 1123456789abcdef",
        "Bearer 0123456789abcdeF", "Basic 0123456789abcdef", "0123456789abcdef"})
    EXPECT_EQ(Who(access, With(header)), "401") << header;
}

TEST_F(ApiAuthTest, TokensActUnderTheirNameAndRole) {
  const NewToken anna = StateFolder::Make("anna", Role::kOperator);
  const NewToken robot = StateFolder::Make("ci", Role::kViewer);
  const Access access = Make(true, kToken);
  EXPECT_EQ(Who(access, With(Bearer(anna.text))), "user:anna operator");
  EXPECT_EQ(Who(access, With(Bearer(robot.text))), "user:ci viewer");
  EXPECT_EQ(Who(access, With(Bearer(kToken))), "token:agent admin") << "beside each other";
  EXPECT_EQ(Who(access, With("")), "401") << "also on loopback";
}

TEST_F(ApiAuthTest, AnEmptyOrDamagedTokensFileLetsNobodyIn) {
  const NewToken anna = StateFolder::Make("anna");
  ASSERT_TRUE(RevokeTokens(dir_, "anna"));
  EXPECT_EQ(Who(Make(), With("")), "401");
  EXPECT_EQ(Who(Make(), With(Bearer(anna.text))), "401");
  Overwrite("{");
  EXPECT_EQ(Who(Make(), With("")), "401");
  EXPECT_EQ(Who(Make(false, "", true), With("")), "401");
  EXPECT_EQ(Who(Make(true, kToken), With(Bearer(kToken))), "token:agent admin");
}

TEST_F(ApiAuthTest, RefusalsSayWhatToDo) {
  const NewToken anna = StateFolder::Make("anna", Role::kViewer, clock_.NowNs() + kMinute);
  const Access access = Make();
  const auto bare = std::get<Response>(access.Authenticate(With("")));
  EXPECT_EQ(bare.content_type, "application/problem+json");
  EXPECT_EQ(HeaderOf(bare, "WWW-Authenticate"), "Bearer realm=\"heald\"");
  EXPECT_THAT(bare.body, HasSubstr("heald token create"));
  const auto wrong = std::get<Response>(access.Authenticate(With("Bearer wrong")));
  EXPECT_THAT(HeaderOf(wrong, "WWW-Authenticate"), HasSubstr("error=\"invalid_token\""));
  EXPECT_THAT(wrong.body, HasSubstr("heald token list"));
  clock_.Advance(2 * kMinute);
  const auto late = std::get<Response>(access.Authenticate(With(Bearer(anna.text))));
  EXPECT_EQ(late.status, 401);
  EXPECT_THAT(late.body, HasSubstr("the token of anna expired at "));
}

TEST_F(ApiAuthTest, RolesAreALadder) {
  constexpr Role kRoles[] = {Role::kViewer, Role::kOperator, Role::kApprover, Role::kAdmin};
  for (const Role has : kRoles) {
    EXPECT_EQ(ParseRole(ToString(has)), has);
    for (const Role needed : kRoles) {
      const auto refusal = Authorize({"user:anna", has, "", false}, needed);
      EXPECT_EQ(!refusal, has >= needed);
      if (!refusal) continue;
      EXPECT_EQ(refusal->status, 403);
      EXPECT_EQ(refusal->content_type, "application/problem+json");
      EXPECT_THAT(refusal->body, HasSubstr("this takes the role " + std::string(ToString(needed)) +
                                           "; yours is " + std::string(ToString(has))));
    }
  }
  EXPECT_EQ(ParseRole("root"), std::nullopt);
}

TEST_F(ApiAuthTest, ABodyNamesThePersonOnlyWhereThereAreNoTokens) {
  const Identity local{"local", Role::kAdmin, "", true};
  EXPECT_EQ(*ActorFor(local, std::nullopt), "local");
  EXPECT_EQ(*ActorFor(local, "anna"), "user:anna");
  for (const std::string& bad : {std::string(), std::string("a b"), std::string("x\n"),
                                 std::string("user:anna"), std::string(65, 'a')})
    EXPECT_EQ(ActorFor(local, bad).error().code, Code::kInvalid) << bad;
  const Identity anna{"user:anna", Role::kApprover, "12345678", false};
  EXPECT_EQ(*ActorFor(anna, std::nullopt), "user:anna");
  EXPECT_EQ(*ActorFor(anna, "anna"), "user:anna");
  EXPECT_EQ(*ActorFor(anna, "user:anna"), "user:anna");
  EXPECT_EQ(ActorFor(anna, "bob").error().code, Code::kDenied);
  EXPECT_THAT(ActorFor(anna, "bob").error().message,
              AllOf(HasSubstr("by user:anna"), HasSubstr("the token of bob")));
  const Identity agent{"token:agent", Role::kAdmin, "agent/1", false};
  EXPECT_EQ(*ActorFor(agent, "token:agent"), "token:agent");
  EXPECT_EQ(ActorFor(agent, "agent").error().code, Code::kDenied);
  const Identity waived{"address:10.0.0.1", Role::kAdmin, "", false};
  EXPECT_EQ(ActorFor(waived, "anna").error().code, Code::kDenied);
}

TEST_F(ApiAuthTest, WhatGoesOnForLongEndsWithItsToken) {
  const NewToken anna = StateFolder::Make("anna", Role::kViewer, clock_.NowNs() + kHour);
  const NewToken bob = StateFolder::Make("bob");
  const Access access = Make(true, kToken);
  const auto of = [&](const std::string& token) {
    return std::get<Identity>(access.Authenticate(With(Bearer(token))));
  };
  const Identity agent = of(kToken), first = of(anna.text), second = of(bob.text);
  for (const Identity& identity : {agent, first, second}) EXPECT_TRUE(access.Holds(identity));
  ASSERT_TRUE(RevokeTokens(dir_, "bob"));
  clock_.Advance(kSecond);
  EXPECT_FALSE(access.Holds(second));
  EXPECT_TRUE(access.Holds(first));
  clock_.Advance(kHour);
  EXPECT_FALSE(access.Holds(first));
  EXPECT_TRUE(access.Holds(agent));
  access.Update("another-token-of-16", false);
  EXPECT_FALSE(access.Holds(agent));
}

TEST_F(ApiAuthTest, AnOpenDoorMayCloseWhileSomeoneIsInside) {
  const Access access = Make();
  const Identity local = std::get<Identity>(access.Authenticate(With("")));
  EXPECT_TRUE(access.Holds(local));
  StateFolder::Make("anna");
  clock_.Advance(kSecond);
  EXPECT_FALSE(access.Holds(local));
}

TEST_F(ApiAuthTest, AnUpdateHoldsForAllCopies) {
  const Access access = Make(true, kToken);
  const Access copy = access;
  copy.Update("another-token-of-16", false);
  EXPECT_EQ(Who(access, With(Bearer(kToken))), "401");
  EXPECT_EQ(Who(access, With("Bearer another-token-of-16")), "token:agent admin");
  copy.Update("", false);
  EXPECT_EQ(Who(access, With("")), "local admin");
}

TEST_F(ApiAuthTest, GuessingIsSlowForTheOneWhoGuesses) {
  const NewToken anna = StateFolder::Make("anna");
  const Access access = Make(false, kToken);
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(notices_.empty());
    EXPECT_EQ(StatusOf(access, With("Bearer guess" + std::to_string(i))), 401);
  }
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_THAT(notices_[0], HasSubstr("wrong tokens within a minute from 10.9.8.7"));
  clock_.Advance(10 * kSecond);
  const auto who = access.Authenticate(With(Bearer(kToken)));
  ASSERT_TRUE(std::holds_alternative<Response>(who)) << "nor is it told when a guess is right";
  const auto& refusal = std::get<Response>(who);
  EXPECT_EQ(refusal.status, 429);
  EXPECT_EQ(HeaderOf(refusal, "Retry-After"), "50");
  EXPECT_THAT(refusal.body, HasSubstr("too many wrong tokens from 10.9.8.7"));
  EXPECT_EQ(StatusOf(access, With(Bearer(kToken), "10.9.8.8")), 200);
  EXPECT_EQ(StatusOf(access, With(Bearer(anna.text))), 200)
      << "can't be guessed, so isn't kept out";
  clock_.Advance(50 * kSecond);
  EXPECT_EQ(StatusOf(access, With(Bearer(kToken))), 200);
}

TEST_F(ApiAuthTest, AClientWithARevokedTokenOrNoneDoesNotLockItselfOut) {
  const NewToken anna = StateFolder::Make("anna");
  const Access access = Make();
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(StatusOf(access, With("Bearer revoked")), 401);
    EXPECT_EQ(StatusOf(access, With("")), 401);
  }
  EXPECT_EQ(StatusOf(access, With(Bearer(anna.text))), 200);
}

TEST_F(ApiAuthTest, NoBytesInTheHeaderGetInOrCrash) {
  const NewToken anna = StateFolder::Make("anna");
  const Access access = Make(false, kToken);
  std::mt19937 random(20260730);
  const auto byte = [&] { return static_cast<char>(random() & 0xff); };
  for (int i = 0; i < 50'000; ++i) {
    std::string header = i % 3 == 0 ? "" : "Bearer " + (i % 3 == 1 ? anna.text : kToken);
    const std::string valid = header;
    if (header.empty()) {
      for (size_t n = random() % 200; n > 0; --n) header += byte();
    } else {
      constexpr size_t kScheme = 7;  // whose letters may change their case
      const size_t at = kScheme + random() % (header.size() - kScheme);
      switch (random() % 3) {
        case 0:
          header[at] = byte();
          break;
        case 1:
          header.erase(at, 1 + random() % 8);
          break;
        default:
          header.insert(at, 1, byte());
      }
    }
    if (header == valid) continue;
    EXPECT_NE(StatusOf(access, With(header, std::to_string(i))), 200) << i;
  }
}

TEST(ApiAccessTest, EqualMeansEveryByteAndTheLength) {
  const std::string secret = "0123456789abcdef0123456789abcdef";
  EXPECT_TRUE(EqualConstantTime(secret, secret));
  for (size_t i = 0; i < secret.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string wrong = secret;
      wrong[i] = static_cast<char>(wrong[i] ^ (1 << bit));
      EXPECT_FALSE(EqualConstantTime(wrong, secret)) << i << " " << bit;
    }
    EXPECT_FALSE(EqualConstantTime(secret.substr(0, i), secret));
    EXPECT_FALSE(EqualConstantTime(secret, secret.substr(0, i)));
  }
  EXPECT_FALSE(EqualConstantTime(secret + secret, secret));
  EXPECT_FALSE(EqualConstantTime(std::string(secret.size(), '\0'), secret));
}

TEST(ApiAccessTest, EmptySecretsEqualNothing) {
  EXPECT_FALSE(EqualConstantTime("", ""));
  EXPECT_FALSE(EqualConstantTime("a", ""));
  EXPECT_FALSE(EqualConstantTime("", "a"));
  EXPECT_TRUE(EqualConstantTime("a", "a"));
}

}  // namespace
}  // namespace heald::api
