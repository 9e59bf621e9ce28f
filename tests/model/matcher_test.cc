#include "core/model/matcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace heald {
namespace {

using ::testing::HasSubstr;

Matcher Parsed(std::string_view text) {
  Result<Matcher> matcher = Matcher::Parse(text);
  EXPECT_TRUE(matcher) << text;
  return std::move(*matcher);
}

TEST(ModelMatcherTest, ReadsWhatPeopleWrite) {
  EXPECT_EQ(Parsed("service=payments").ToString(), R"(service="payments")");
  EXPECT_EQ(Parsed(" zone != \"a b\" ").ToString(), R"(zone!="a b")");
  EXPECT_EQ(Parsed("metric=~latency.*").ToString(), R"(metric=~"latency.*")");
  EXPECT_EQ(Parsed("pod!~web-\\d+").ToString(), R"(pod!~"web-\\d+")");
  EXPECT_EQ(Parsed("service=").ToString(), R"(service="")");
  EXPECT_EQ(Parsed("query=a=b").value(), "a=b");
}

TEST(ModelMatcherTest, PrintsWhatItReadsBack) {
  for (const char* text :
       {R"(a="x\"y\\z")", R"(a=~"web-\\d+|\"")", R"(a!="")", R"x(a!~"(x|y)")x"}) {
    const Matcher matcher = Parsed(text);
    EXPECT_EQ(matcher.ToString(), text);
    EXPECT_EQ(Parsed(matcher.ToString()).value(), matcher.value());
  }
}

TEST(ModelMatcherTest, SaysWhatIsWrong) {
  const auto why = [](std::string_view text) {
    const Result<Matcher> matcher = Matcher::Parse(text);
    EXPECT_FALSE(matcher) << text;
    return matcher ? std::string() : matcher.error().message;
  };
  EXPECT_THAT(why("payments"), HasSubstr("write label=value"));
  EXPECT_THAT(why("=payments"), HasSubstr("no label's name"));
  EXPECT_THAT(why("service!payments"), HasSubstr("is no matcher"));
  EXPECT_THAT(why("service=~web("), HasSubstr("no regular expression"));
  EXPECT_THAT(why("service=\"web"), HasSubstr("quotes"));
  EXPECT_THAT(why("service=\"a\"b\""), HasSubstr("quotes"));
  EXPECT_THAT(why("service=" + std::string(2000, 'x')), HasSubstr("at most 1000"));
}

TEST(ModelMatcherTest, ARegularExpressionMatchesTheWholeText) {
  EXPECT_TRUE(Parsed("service=~pay.*").Matches("payments"));
  EXPECT_FALSE(Parsed("service=~pay").Matches("payments"));
  EXPECT_TRUE(Parsed("service!~pay").Matches("payments"));
  EXPECT_TRUE(Parsed("service!=orders").Matches(""));
}

TEST(ModelMatcherTest, SeesTheFindingTheTargetAndThePolicy) {
  Finding finding;
  finding.node = "spikes";
  finding.metric = "latency_p99";
  finding.severity = Severity::kCritical;
  finding.target = {{"pod", "web-1"}, {"metric", "a label"}};
  const Labels group = {{"namespace", "shop"}};
  const MatchSubject subject{finding, group, "restart_slow"};
  EXPECT_EQ(subject.Value("detector"), "spikes");
  EXPECT_EQ(subject.Value("metric"), "latency_p99");
  EXPECT_EQ(subject.Value("target.metric"), "a label");
  EXPECT_EQ(subject.Value("severity"), "critical");
  EXPECT_EQ(subject.Value("kind"), "anomaly");
  EXPECT_EQ(subject.Value("policy"), "restart_slow");
  EXPECT_EQ(subject.Value("pod"), "web-1");
  EXPECT_EQ(subject.Value("namespace"), "shop") << "of the incident";
  EXPECT_EQ(subject.Value("zone"), "");
  EXPECT_TRUE(MatchesAll({Parsed("pod=~web-.*"), Parsed("zone=")}, subject));
  EXPECT_FALSE(MatchesAll({Parsed("pod=~web-.*"), Parsed("zone=a")}, subject));
}

}  // namespace
}  // namespace heald
