#include "plugins/notifiers/webhook/body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "plugins/notifiers/webhook/signature.h"

namespace heald::webhook {
namespace {

using ::testing::HasSubstr;

TEST(WebhookBodyTest, ValuesAreEscapedSoThatNoLabelChangesTheForm) {
  const std::string written =
      R"({"text": "${finding.summary} on ${target.host}", "severity": "${incident.severity}"})";
  const std::string evil = "a\"b\n\\ \", \"severity\": \"none";
  const std::string filled = R"({"text": ")" + evil + R"( on h", "severity": "critical"})";
  const auto json = nlohmann::json::parse(JsonBody(written, filled));
  EXPECT_EQ(json.size(), 2u);
  EXPECT_THAT(json["text"].get<std::string>(), HasSubstr("a\"b\n\\ "));
}

TEST(WebhookBodyTest, EscapesOfTheTemplateAreWhatTheyStandFor) {
  const std::string written = R"({"price": "${$}5", "shell": "$${HOME}", "of": "${target.a}"})";
  const std::string filled = R"({"price": "$5", "shell": "${HOME}", "of": "x"y"})";
  const auto json = nlohmann::json::parse(JsonBody(written, filled));
  EXPECT_EQ(json["price"], "$5");
  EXPECT_EQ(json["shell"], "${HOME}");
  EXPECT_EQ(json["of"], "x\"y");
}

TEST(WebhookBodyTest, PlaceholdersSideBySideAndAtTheEdgesKeepTheirText) {
  EXPECT_EQ(JsonBody("\"${target.a}${target.b}\"", "\"o\"ne two\""), "\"o\\\"ne two\"");
  EXPECT_EQ(JsonBody("\"${target.a}\"", "\"\""), "\"\"");
  EXPECT_EQ(JsonBody("[1, 2]", "[1, 2]"), "[1, 2]");
}

TEST(WebhookBodyTest, TextThatIsNotUtf8StaysSendable) {
  const auto json = nlohmann::json::parse(JsonBody("\"${target.a}\"", "\"a\xff\""));
  EXPECT_EQ(json, "a\xef\xbf\xbd");
}

TEST(WebhookBodyTest, WhatIsNotJsonIsToldWhenItIsLoaded) {
  EXPECT_EQ(CheckJsonBody(R"({"text": "${finding.summary}"})"), "");
  EXPECT_EQ(CheckJsonBody(R"({"${target.x}": {"a": [1, "b ${incident.url} c"]}})"), "");
  EXPECT_THAT(CheckJsonBody(R"({"text": "${finding.summary}")"), HasSubstr("is not JSON"));
  EXPECT_THAT(CheckJsonBody("hello ${target.a}"), HasSubstr("content_type"));
  EXPECT_THAT(CheckJsonBody(R"({"value": ${finding.value}})"), HasSubstr("outside of quotes"));
}

TEST(WebhookSignatureTest, IsHmacSha256OfTimeAndBody) {
  // printf '1795294950.{"a":1}' | openssl dgst -sha256 -hmac 0123456789abcdef
  EXPECT_EQ(Signature("0123456789abcdef", 1795294950, "{\"a\":1}"),
            "sha256=e5aa1eae6d8683627e5d14a3cfd629c794d3e94eaa062a33d779e7edc210864b");
}

}  // namespace
}  // namespace heald::webhook
