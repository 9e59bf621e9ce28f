#include "core/api/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace heald::api {
namespace {

using ::testing::HasSubstr;

constexpr const char* kToken = "0123456789abcdef";

int OriginStatus(const std::string& host, const std::string& origin,
                 std::vector<std::string> allowed = {}) {
  Request request;
  request.headers = {{"host", host}};
  if (!origin.empty()) request.headers.emplace_back("origin", origin);
  request.local_address = "10.1.2.3";
  const auto refusal = Access("0.0.0.0", "", std::move(allowed)).CheckOrigin(request);
  return refusal ? refusal->status : 200;
}

int TokenStatus(const std::string& header) {
  Request request;
  if (!header.empty()) request.headers = {{"authorization", header}};
  const auto refusal = Access("127.0.0.1", kToken, {}).CheckToken(request);
  return refusal ? refusal->status : 200;
}

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
  const auto refusal = Access("127.0.0.1", "", {}).CheckOrigin(request);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->content_type, "application/problem+json");
  EXPECT_THAT(refusal->body, HasSubstr("agent.allowed_hosts"));
}

TEST(ApiAccessTest, TokenMustMatchWhole) {
  EXPECT_EQ(TokenStatus("Bearer 0123456789abcdef"), 200);
  EXPECT_EQ(TokenStatus("bearer 0123456789abcdef"), 200);
  for (const char* header :
       {"", "Bearer", "Bearer ", "Bearer 0123456789abcde", "Bearer 0123456789abcdef0",
        "Bearer 0123456789abcdef0123456789abcdef", "Bearer 1123456789abcdef",
        "Bearer 0123456789abcdeF", "Basic 0123456789abcdef", "0123456789abcdef"})
    EXPECT_EQ(TokenStatus(header), 401) << header;
}

TEST(ApiAccessTest, EmptySecretsEqualNothing) {
  EXPECT_FALSE(EqualConstantTime("", ""));
  EXPECT_FALSE(EqualConstantTime("a", ""));
  EXPECT_FALSE(EqualConstantTime("", "a"));
  EXPECT_TRUE(EqualConstantTime("a", "a"));
}

}  // namespace
}  // namespace heald::api
