#include "plugins/sources/loki/lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace heald::loki {
namespace {

LogAnswer Parse(std::string body) {
  return LineParser().ParseAnswer(body);
}
std::string Answer(const std::string& values) {
  return R"({"status":"success","data":{"resultType":"streams","result":[{"stream":{"app":"a"},"values":[)" +
         values + R"(]}],"stats":{"x":1}}})";
}

TEST(LokiLinesTest, ReadsStreamsInTheOrderOfTimeWithEveryEscape) {
  const LogAnswer answer = Parse(
      R"({"status":"success","data":{"resultType":"streams","result":[)"
      R"({"stream":{"app":"b\"x"},"values":[["5","late"],["1","caf\u00e9 \"q\" \\ \t \u0000"]]},)"
      R"({"stream":{},"values":[["3","between"]]}]}})");
  EXPECT_EQ(answer.error, "");
  ASSERT_EQ(answer.entries.size(), 3u);
  EXPECT_EQ(answer.entries[0].line, std::string("caf\xc3\xa9 \"q\" \\ \t \0", 15));
  EXPECT_EQ(answer.entries[1].line, "between");
  EXPECT_EQ(answer.entries[2].ts_ns, 5);
  EXPECT_EQ(answer.streams[0].Get("app"), "b\"x");
}

TEST(LokiLinesTest, ReadsStructuredFieldsWhereTheServerTellsThemApart) {
  const LogAnswer answer = Parse(Answer(
      R"(["1","x",{"structuredMetadata":{"trace_id":"7","detected_level":"error"},"parsed":{"code":"500"}}],["2","y",{}])"));
  EXPECT_EQ(answer.error, "");
  EXPECT_EQ(answer.entries[0].attributes,
            (sdk::LabelSet{{"trace_id", "7"}, {"detected_level", "error"}, {"code", "500"}}));
  EXPECT_EQ(SeverityIn(answer.entries[0].attributes), uint32_t{HEALD_SEVERITY_CRITICAL});
  EXPECT_EQ(answer.entries[1].line, "y");
}

TEST(LokiLinesTest, BytesThatAreNoTextBecomeReplacementsAndTheRestIsKept) {
  const LogAnswer answer = Parse(Answer("[\"1\",\"bad \xff byte\"],[\"2\",\"good\"]"));
  EXPECT_EQ(answer.error, "");
  ASSERT_EQ(answer.entries.size(), 2u);
  EXPECT_EQ(answer.entries[0].line, "bad \xef\xbf\xbd byte");
}

TEST(LokiLinesTest, NothingOfADamagedAnswerIsTaken) {
  const std::string whole = Answer(R"(["1","x"],["2","y"])");
  EXPECT_EQ(Parse(whole).entries.size(), 2u);
  for (size_t cut = 0; cut < whole.size(); ++cut) {
    const LogAnswer answer = Parse(whole.substr(0, cut));
    EXPECT_NE(answer.error, "") << cut;
    EXPECT_TRUE(answer.entries.empty()) << cut;
  }
  for (const char* values : {R"([1,"x"])", R"(["1"])", R"(["abc","x"])", R"(["1x","x"])", R"("x")",
                             R"(["99999999999999999999","x"])"})
    EXPECT_NE(Parse(Answer(values)).error, "") << values;
}

TEST(LokiLinesTest, ReadsFramesOfATailAndWhatTheySayIsMissing) {
  std::string frame =
      R"({"streams":[{"stream":{"app":"a"},"values":[["1","x"]]}],"dropped_entries":[{"labels":{},"timestamp":"1"}]})";
  LogAnswer answer = LineParser().ParseFrame(frame);
  EXPECT_EQ(answer.error, "");
  EXPECT_EQ(answer.entries.size(), 1u);
  EXPECT_TRUE(answer.dropped);
  frame = R"({"streams":null,"dropped_entries":null})";
  answer = LineParser().ParseFrame(frame);
  EXPECT_EQ(answer.error, "");
  EXPECT_FALSE(answer.dropped);
}

TEST(LokiLinesTest, SeverityIsWhatALabelSays) {
  EXPECT_EQ(SeverityIn({{"level", "WARN"}}), uint32_t{HEALD_SEVERITY_WARNING});
  EXPECT_EQ(SeverityIn({{"severity", "info"}}), uint32_t{HEALD_SEVERITY_INFO});
  EXPECT_EQ(SeverityIn({{"level", "odd"}, {"app", "error"}}), uint32_t{HEALD_SEVERITY_NORMAL});
}

}  // namespace
}  // namespace heald::loki
