#include "core/config/diagnostic.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace heald {
namespace {

std::vector<Diagnostic> Sample() {
  static const Source source("dir/p.yaml", "first: größe\nsecond:\tx\n");
  Report report(source);
  report.Warn({1, 0, 6}, "later", "", "/second");
  report.Error({0, 7, 7}, "bad \"size\"", "write 1", "/first");
  report.Error({}, "whole file", "do this");
  return report.Take();
}

TEST(ConfigDiagnosticTest, PrintsInFileOrderWithMarkers) {
  EXPECT_EQ(FormatText(Sample()),
            "dir/p.yaml: error: whole file\n"
            "      = do this\n"
            "dir/p.yaml:1:8: error: bad \"size\"\n"
            "    1 | first: größe\n"
            "      |        ^~~~~ write 1\n"
            "dir/p.yaml:2:1: warning: later\n"
            "    2 | second: x\n"
            "      | ^~~~~~\n");
}

TEST(ConfigDiagnosticTest, CountsCharactersNotBytes) {
  const Source source("p", "é: ü x\n");
  Report report(source);
  report.Error({0, 7, 1}, "here");
  EXPECT_EQ(report.Take()[0].column, 6);
}

TEST(ConfigDiagnosticTest, SaysEachThingOnce) {
  const Source source("p", "a: 1\n");
  Report report(source);
  report.Error({0, 0, 1}, "same");
  report.Error({0, 0, 1}, "same");
  EXPECT_EQ(report.Take().size(), 1u);
}

TEST(ConfigDiagnosticTest, HidesSecretsAlsoOverSeveralLines) {
  const Source source("p", "a: |\n  s3cret\n  more\nb: 1\n");
  Report report(source);
  report.Hide({0, 3, 1}, 3);
  for (int line = 0; line < 4; ++line) report.Error({line, 0, 1}, "x" + std::to_string(line));
  std::string shown;
  for (const Diagnostic& d : report.Take()) shown += d.source_line + "/";
  EXPECT_EQ(shown, "a: */********/******/b: 1/");
}

TEST(ConfigDiagnosticTest, PrintsJson) {
  const auto json = nlohmann::json::parse(FormatJson(Sample()));
  ASSERT_EQ(json["diagnostics"].size(), 3u);
  EXPECT_FALSE(json["diagnostics"][0].contains("line"));
  EXPECT_EQ(json["diagnostics"][1]["level"], "error");
  EXPECT_EQ(json["diagnostics"][1]["file"], "dir/p.yaml");
  EXPECT_EQ(json["diagnostics"][1]["line"], 1);
  EXPECT_EQ(json["diagnostics"][1]["column"], 8);
  EXPECT_EQ(json["diagnostics"][1]["length"], 5);
  EXPECT_EQ(json["diagnostics"][1]["message"], "bad \"size\"");
  EXPECT_EQ(json["diagnostics"][1]["hint"], "write 1");
  EXPECT_EQ(json["diagnostics"][1]["path"], "/first");
}

TEST(ConfigDiagnosticTest, PrintsSarif) {
  const auto sarif = nlohmann::json::parse(FormatSarif(Sample(), "0.1.0"));
  EXPECT_EQ(sarif["version"], "2.1.0");
  const auto& run = sarif["runs"][0];
  EXPECT_EQ(run["tool"]["driver"]["name"], "heald");
  EXPECT_EQ(run["tool"]["driver"]["version"], "0.1.0");
  EXPECT_EQ(run["columnKind"], "unicodeCodePoints");
  ASSERT_EQ(run["results"].size(), 3u);
  EXPECT_EQ(run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
            "dir/p.yaml");
  const auto& second = run["results"][1];
  EXPECT_EQ(second["level"], "error");
  EXPECT_EQ(second["message"]["text"], "bad \"size\" (write 1)");
  const auto& region = second["locations"][0]["physicalLocation"]["region"];
  EXPECT_EQ(region["startLine"], 1);
  EXPECT_EQ(region["startColumn"], 8);
  EXPECT_EQ(region["endColumn"], 13);
}

TEST(ConfigDiagnosticTest, KnowsErrorsFromWarnings) {
  EXPECT_TRUE(HasErrors(Sample()));
  EXPECT_FALSE(HasErrors({Sample()[2]}));
}

}  // namespace
}  // namespace heald
