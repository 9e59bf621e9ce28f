#include "core/config/listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace heald {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const Result<size_t> kNoTokens = size_t{0};

AgentSpec On(const std::string& listen) {
  AgentSpec agent;
  agent.listen = listen;
  return agent;
}

TEST(ConfigListenerTest, LoopbackNeedsNothing) {
  for (const char* listen :
       {"127.0.0.1:8080", "127.1.2.3:0", "localhost:8080", "[::1]:8080", "127.255.255.255:1"})
    EXPECT_THAT(CheckListener(On(listen), kNoTokens), IsEmpty()) << listen;
}

TEST(ConfigListenerTest, WhatIsNotLoopbackNeedsTokenAndTls) {
  for (const char* listen : {"0.0.0.0:8080", "[::]:8080", "10.0.0.1:80", "heald.example:80",
                             "127.evil.example:80", "128.0.0.1:80", "[::ffff:10.0.0.1]:80"}) {
    const auto found = CheckListener(On(listen), kNoTokens);
    ASSERT_EQ(found.size(), 1u) << listen;
    EXPECT_EQ(found[0].level, Level::kError);
    EXPECT_THAT(found[0].hint, AllOf(HasSubstr("heald token create"), HasSubstr("agent.tls"),
                                     HasSubstr("[no_token, no_tls]")));
  }
}

TEST(ConfigListenerTest, ATokenOfEitherKindWillDo) {
  AgentSpec agent = On("0.0.0.0:8080");
  agent.tls = {"/cert.pem", "/key.pem", ""};
  EXPECT_EQ(CheckListener(agent, kNoTokens).size(), 1u);
  EXPECT_THAT(CheckListener(agent, size_t{1}), IsEmpty());
  agent.token = "0123456789abcdef";
  EXPECT_THAT(CheckListener(agent, kNoTokens), IsEmpty());
}

TEST(ConfigListenerTest, OneWaiverIsNotTheOther) {
  AgentSpec agent = On("0.0.0.0:8080");
  agent.allow_no_tls = true;
  const auto found = CheckListener(agent, kNoTokens);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].level, Level::kError);
  EXPECT_THAT(found[0].message, AllOf(HasSubstr("no token"), Not(HasSubstr("TLS"))));
  EXPECT_THAT(found[0].hint, Not(HasSubstr("no_tls")));
  EXPECT_EQ(found[1].level, Level::kWarning);
}

TEST(ConfigListenerTest, AWaiverThatIsNotUsedSaysNothing) {
  AgentSpec agent = On("127.0.0.1:8080");
  agent.allow_no_tls = agent.allow_no_token = true;
  EXPECT_THAT(CheckListener(agent, kNoTokens), IsEmpty());
  agent.listen = "0.0.0.0:8080";
  agent.tls = {"/cert.pem", "/key.pem", ""};
  EXPECT_THAT(CheckListener(agent, size_t{2}), IsEmpty());
}

TEST(ConfigListenerTest, ADamagedTokensFileIsAnErrorEverywhere) {
  const Result<size_t> damaged = MakeError(Code::kCorrupt, "tokens.json is damaged");
  for (const char* listen : {"127.0.0.1:8080", "0.0.0.0:8080"}) {
    AgentSpec agent = On(listen);
    agent.token = "0123456789abcdef";
    agent.allow_no_tls = true;
    const auto found = CheckListener(agent, damaged);
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(found[0].level, Level::kError);
    EXPECT_EQ(found[0].message, "tokens.json is damaged");
  }
}

TEST(ConfigListenerTest, UrlsAreHttpAndHaveNoPassword) {
  for (const char* url : {"http://localhost", "https://a.example:1/b?c=d@e#f", "HTTPS://x/"})
    EXPECT_EQ(WhyNoUrl(url), "") << url;
  for (const char* url : {"", "http://", "ftp://x", "x", "http:/x", "javascript:alert(1)",
                          "https://x/\"><script>", "http://x y", "http:///x", "http://a\\b",
                          "https://anna@x", "https://anna:hunter2@x", "ftp://anna:hunter2@x"}) {
    EXPECT_NE(WhyNoUrl(url), "") << url;
    EXPECT_THAT(WhyNoUrl(url), Not(HasSubstr("hunter2")));
  }
}

}  // namespace
}  // namespace heald
