#include "plugins/detectors/log_patterns/tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace heald::log_patterns {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Words(std::string_view line, size_t max_bytes = 4096) {
  Splitter splitter(max_bytes);
  std::vector<std::string> words;
  for (const Token& token : splitter.Split(line)) words.push_back(Masked(token.text));
  return words;
}
uint64_t LineHash(std::string_view line) {
  Splitter splitter(4096);
  splitter.Split(line);
  return splitter.hash();
}
Level LevelOfLine(std::string_view line) {
  Splitter splitter(4096);
  return LevelOf(splitter.Split(line));
}

TEST(TokensTest, MasksWhatHasADigitAndJoinsWhatIsOneThing) {
  EXPECT_EQ(Masked("4711"), "<*>");
  EXPECT_EQ(Masked("10.0.0.1:8080"), "<*>");
  EXPECT_EQ(Masked("2026-11-22T10:00:00.123Z"), "<*>");
  EXPECT_EQ(Masked("550e8400-e29b-41d4-a716-446655440000"), "<*>");
  EXPECT_EQ(Masked("user-4711"), "user-<*>");
  EXPECT_EQ(Masked("/api/users/42/orders"), "/api/users/<*>/orders");
  EXPECT_EQ(Masked("3.5ms,"), "<*>,");
  EXPECT_EQ(Masked("1..2"), "<*>..<*>");
  EXPECT_EQ(Masked("plain"), "plain");
}

TEST(TokensTest, PunctuationStaysWithTheWordInFrontOfIt) {
  EXPECT_THAT(Words(R"({"level":"error","took":17} user=bob, id=7)"),
              ElementsAre("{\"", "level\":\"", "error\",\"", "took\":", "<*>}", "user=", "bob,",
                          "id=", "<*>"));
}

TEST(TokensTest, OddLinesHaveWordsOrNone) {
  EXPECT_THAT(Words(""), ElementsAre());
  EXPECT_THAT(Words(" \t\r\n\x01\x7f "), ElementsAre());
  EXPECT_THAT(Words("::: ==="), ElementsAre(":::", "==="));
  EXPECT_THAT(Words(std::string_view("a\0b", 3)), ElementsAre("a", "b"));
  EXPECT_EQ(Words(std::string(1 << 20, 'x'), 100)[0].size(), 100u);
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "w ";
  EXPECT_EQ(Words(many).size(), kMaxTokens);
  for (int c = 0; c < 256; ++c) EXPECT_LE(Words(std::string(5, char(c))).size(), 5u) << c;
}

TEST(TokensTest, LinesThatDifferInMaskedWordsOnlyHashTheSame) {
  EXPECT_EQ(LineHash("took 12 ms for user=7"), LineHash("took 9999 ms for user=b12"));
  EXPECT_NE(LineHash("took 12 ms"), LineHash("took 12 s"));
  EXPECT_NE(LineHash("a b"), LineHash("b a"));
}

TEST(TokensTest, FindsTheLevelThatALineNames) {
  EXPECT_EQ(LevelOfLine("2026-11-22 10:00:00 ERROR payment failed"), Level::kError);
  EXPECT_EQ(LevelOfLine("ts=1 level=warn msg=x"), Level::kWarning);
  EXPECT_EQ(LevelOfLine(R"({"time":"now","severity":"FATAL","msg":"x"})"), Level::kError);
  EXPECT_EQ(LevelOfLine("2026/11/22 [error] 12#12: *1 upstream timed out"), Level::kError);
  EXPECT_EQ(LevelOfLine("panic: runtime error"), Level::kError);
  EXPECT_EQ(LevelOfLine("INFO no error found"), Level::kInfo);
  EXPECT_EQ(LevelOfLine("no error found"), Level::kUnknown);
  EXPECT_EQ(LevelOfLine("finished"), Level::kUnknown);
}

TEST(TokensTest, PrintableIsValidOneLineAndBounded) {
  EXPECT_EQ(Printable("a\tb\nc", 100), "a b c");
  EXPECT_EQ(Printable("caf\xc3\xa9 \xff\xc3", 100), "caf\xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(Printable("\xed\xa0\x80", 100), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd") << "surrogate";
  EXPECT_EQ(Printable("aaaaaaaaaa", 8), "aaaaa…");
  EXPECT_EQ(Printable("", 8), "");
}

}  // namespace
}  // namespace heald::log_patterns
