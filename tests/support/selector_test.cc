#include "plugins/support/selector.h"

#include <gtest/gtest.h>

namespace heald::support {
namespace {

bool Matches(std::string_view selector, std::string_view name, const sdk::LabelSet& labels) {
  std::vector<Selector> selectors;
  EXPECT_EQ(ParseSelectors(selector, &selectors), "") << selector;
  for (const Selector& each : selectors)
    if (each.Matches(name, labels)) return true;
  return false;
}

std::string Error(std::string_view selector) {
  std::vector<Selector> selectors;
  return ParseSelectors(selector, &selectors);
}

TEST(SupportSelectorTest, MatchesAsPrometheusDoes) {
  EXPECT_TRUE(Matches("m", "m", {{"a", "1"}}));
  EXPECT_FALSE(Matches("m", "n", {}));
  EXPECT_TRUE(Matches("m{}", "m", {}));
  EXPECT_TRUE(Matches("m{code=\"500\"}", "m", {{"code", "500"}}));
  EXPECT_FALSE(Matches("m{code=\"500\"}", "m", {{"code", "5000"}}));
  EXPECT_TRUE(Matches("m{code=~\"5..\", path!=\"/health\"}", "m", {{"code", "503"}}));
  EXPECT_FALSE(Matches("m{code=~\"5.\"}", "m", {{"code", "503"}})) << "anchored at both ends";
  EXPECT_TRUE(Matches("m{code!~\"5..\",}", "m", {{"code", "200"}}));
  EXPECT_TRUE(Matches("m{gone=\"\"}", "m", {})) << "no label is the empty text";
  EXPECT_TRUE(Matches(R"(m{p='it\'s', q=`a\d`})", "m", {{"p", "it's"}, {"q", "a\\d"}}));
  EXPECT_TRUE(Matches(R"(m{p=~"a\\d"})", "m", {{"p", "a7"}}));
  EXPECT_TRUE(Matches("m{a=\"1\"} or n{b=\"2\"}", "n", {{"b", "2"}}));
  EXPECT_TRUE(Matches(" job:order_rate ", "job:order_rate", {}));
}

TEST(SupportSelectorTest, SaysWhereAMistakeIs) {
  EXPECT_EQ(Error(""), "column 1: expected a metric name, found the end");
  EXPECT_EQ(Error("{a=\"b\"}"), "column 1: expected a metric name, found '{a=\"b\"}'");
  EXPECT_EQ(Error("m{a}"), "column 4: expected =, !=, =~ or !~, found '}'");
  EXPECT_EQ(Error("m{a=b}"), "column 5: expected a quoted text, found 'b}'");
  EXPECT_EQ(Error("m{a=\"b\""), "column 8: expected ',' or '}', found the end");
  EXPECT_EQ(Error("m{a=\"b"), "column 5: expected a text that ends in its quote, found '\"b'");
  EXPECT_EQ(Error("m{a=~\"(\"}"),
            "column 6: expected a regular expression (missing ): (), found '\"(\"}'");
  EXPECT_EQ(Error("rate(m[5m])"), "column 5: expected '{', 'or' or the end, found '(m[5m])'");
  EXPECT_EQ(Error("m{a=\"\\d\"}"),
            "column 7: expected one of \\n \\t \\\\ \\\" \\' (a regular expression's backslash is "
            "written twice), found 'd\"}'");
}

TEST(SupportSelectorTest, ReadsMatchersAlone) {
  std::vector<Matcher> matchers;
  EXPECT_EQ(ParseMatchers("{path!=\"/health\"}", &matchers), "");
  ASSERT_EQ(matchers.size(), 1u);
  EXPECT_FALSE(matchers[0].Matches("/health"));
  EXPECT_EQ(ParseMatchers("path=\"x\"", &matchers), "column 1: expected '{', found 'path=\"x\"'");
}

}  // namespace
}  // namespace heald::support
