#include "plugins/support/json_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace heald::support {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr std::string_view kJson = "application/json";

// As the host fills it in.
std::string Value(const std::string& text) {
  return "\x02" + text + "\x03";
}

Json Filled(const std::string& body) {
  return Json::parse(BodyOf(kJson, body));
}

TEST(JsonBodyTest, NoValueMovesTextIntoAnotherField) {
  // Each with the very text that follows its placeholder.
  const Json json = Filled(R"({"text": ")" + Value(R"(a", "channel": "evil)") +
                           R"(", "channel": ")" + Value(R"(ops", "channel": ")") + R"("})");
  EXPECT_EQ(json,
            (Json{{"text", R"(a", "channel": "evil)"}, {"channel", R"(ops", "channel": ")"}}));
}

TEST(JsonBodyTest, ValuesAreTextHoweverTheyLook) {
  EXPECT_EQ(
      Filled(R"({"a": "x )" + Value("1\"\n\\") + Value("${b}") + R"( \" )" + Value("\"") + "\"}"),
      (Json{{"a", "x 1\"\n\\${b} \" \""}}));
  EXPECT_EQ(Filled("\"" + Value("") + "\""), "");
  EXPECT_EQ(Filled("\"" + Value("a\xff") + "\""), "a\xef\xbf\xbd");
  EXPECT_EQ(BodyOf(kJson, "[1, 2]"), "[1, 2]");
}

TEST(JsonBodyTest, OutsideOfQuotesANumberStaysOneAndNothingElseBringsFields) {
  EXPECT_EQ(Filled(R"({"n": )" + Value("1.84") + R"(, "b": )" + Value("true") + "}"),
            (Json{{"n", 1.84}, {"b", true}}));
  EXPECT_EQ(Filled(R"({"n": )" + Value(R"(1, "admin": true)") + "}"),
            (Json{{"n", R"(1, "admin": true)"}}));
  EXPECT_EQ(Filled(R"({"n": )" + Value(R"({"admin": true})") + "}"),
            (Json{{"n", R"({"admin": true})"}}));
}

TEST(JsonBodyTest, OtherTypesTakeValuesAsTheyAre) {
  EXPECT_EQ(BodyOf("text/plain", "say " + Value("\"no\"") + "!"), "say \"no\"!");
  EXPECT_FALSE(IsJson("text/plain"));
  EXPECT_TRUE(IsJson("application/vnd.tool+json; charset=utf-8"));
}

TEST(JsonBodyTest, ATypeIsJsonInAnyCaseAndWithBlanks) {
  for (const char* type : {"Application/JSON", "application/json ; charset=utf-8",
                           "application/json\t;charset=utf-8", " application/vnd.tool+Json "}) {
    EXPECT_TRUE(IsJson(type)) << type;
    EXPECT_EQ(BodyOf(type, "{\"a\": \"" + Value(R"(x", "b": "evil)") + "\"}"),
              R"({"a": "x\", \"b\": \"evil"})");
  }
  EXPECT_FALSE(IsJson("text/plain; was=application/json"));
}

TEST(JsonBodyTest, ATypeIsOneLine) {
  EXPECT_EQ(CheckContentType("application/json; charset=utf-8"), "");
  EXPECT_THAT(CheckContentType("application/json\nX-Evil: 1"), HasSubstr("line break"));
}

TEST(JsonBodyTest, ANumberAfterAMarkOfTheByteOrderIsAText) {
  const std::string marked = "\uFEFF1";
  EXPECT_EQ(Filled(R"({"n": )" + Value(marked) + "}"), (Json{{"n", marked}}));
}

TEST(JsonBodyTest, WhatIsNotJsonIsToldWhenItIsLoaded) {
  const std::string placeholder = Value("${finding.summary}");
  EXPECT_EQ(CheckJsonBody(R"({"text": ")" + placeholder + "\"}"), "");
  EXPECT_EQ(CheckJsonBody("{\"" + placeholder + R"(": {"a": [1, "b )" + placeholder + " c\"]}}"),
            "");
  EXPECT_EQ(CheckJsonBody(R"({"price": "${$}5", "shell": "$${HOME}"})"), "");
  EXPECT_THAT(CheckJsonBody(R"({"text": ")" + placeholder + "\""), HasSubstr("is not JSON"));
  EXPECT_THAT(CheckJsonBody("hello " + placeholder), HasSubstr("content_type"));
  EXPECT_THAT(CheckJsonBody(R"({"value": )" + placeholder + "}"), HasSubstr("outside of quotes"));
}

}  // namespace
}  // namespace heald::support
