#include "plugins/sources/scrape/exposition.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>

namespace heald::scrape {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Page {
  std::vector<ExposedSample> samples;
  std::string error;
};

Page Read(std::string_view text, TextFormat format = TextFormat::kPrometheus) {
  Page page;
  ExpositionReader reader(text, format);
  ExposedSample sample;
  while (reader.Next(&sample)) page.samples.push_back(sample);
  page.error = reader.error();
  return page;
}

TEST(ScrapeExpositionTest, ReadsEveryFormOfALine) {
  const Page page = Read(
      "# HELP http_requests_total Requests \\n so far\n"
      "# TYPE http_requests_total counter\n"
      "\n"
      "http_requests_total{method=\"post\",code=\"200\"} 1027 1395066363000\n"
      "  spaced { a = \"b\" , c=\"d\", }\t 3.5e-2 \n"
      "bare 7\n"
      "empty{} -1\n"
      "rule:with:colons NaN\n"
      "# just a comment\n"
      "up_inf +Inf\n"
      "down_inf -Inf\n"
      "tight{a=\"b\"}9\n"
      "last 1");
  ASSERT_EQ(page.error, "");
  ASSERT_EQ(page.samples.size(), 9u);
  EXPECT_EQ(page.samples[0].name, "http_requests_total");
  EXPECT_EQ(page.samples[0].series, "http_requests_total{method=\"post\",code=\"200\"}");
  EXPECT_EQ(page.samples[0].value, 1027);
  EXPECT_EQ(page.samples[0].ts_ns, 1'395'066'363'000'000'000);
  EXPECT_EQ(page.samples[1].value, 0.035);
  EXPECT_EQ(ParseLabels(page.samples[1].labels), (sdk::LabelSet{{"a", "b"}, {"c", "d"}}));
  EXPECT_EQ(page.samples[2].series, "bare");
  EXPECT_EQ(page.samples[2].ts_ns, 0);
  EXPECT_EQ(page.samples[3].value, -1);
  EXPECT_TRUE(std::isnan(page.samples[4].value));
  EXPECT_EQ(page.samples[5].value, kInfinity);
  EXPECT_EQ(page.samples[6].value, -kInfinity);
  EXPECT_EQ(page.samples[8].name, "last");
}

TEST(ScrapeExpositionTest, UnescapesLabelValues) {
  const Page page =
      Read(R"(m{path="C:\\DIR\\",quote="say \"hi\"",lines="a\nb",odd="\x",u="grün"} 1)");
  ASSERT_EQ(page.error, "");
  EXPECT_EQ(ParseLabels(page.samples[0].labels), (sdk::LabelSet{{"path", "C:\\DIR\\"},
                                                                {"quote", "say \"hi\""},
                                                                {"lines", "a\nb"},
                                                                {"odd", "\\x"},
                                                                {"u", "grün"}}));
}

TEST(ScrapeExpositionTest, TakesAnEmptyLabelForNone) {
  const Page page = Read("m{a=\"\",b=\"1\"} 1\n");
  EXPECT_EQ(ParseLabels(page.samples[0].labels), (sdk::LabelSet{{"b", "1"}}));
}

struct Mistake {
  const char* text;
  const char* error;
};

class ScrapeMistakeTest : public ::testing::TestWithParam<Mistake> {};

TEST_P(ScrapeMistakeTest, NamesLineAndPlace) {
  EXPECT_EQ(Read(GetParam().text).error, GetParam().error);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ScrapeMistakeTest,
    ::testing::Values(
        Mistake{"ok 1\nm", "line 2: expected a value, found the end of the page"},
        Mistake{"m abc\n", "line 1: expected a value, found 'abc'"},
        Mistake{"m\n1\n", "line 1: expected a value, found the end of the line"},
        Mistake{"1m 2\n", "line 1: expected a metric name, found '1m 2'"},
        Mistake{"m{a=\"b} 2\nn 1\n",
                "line 1: expected a label value that ends in '\"', found '\"b} 2'"},
        Mistake{"m{a=b} 2\n", "line 1: expected '\"', found 'b} 2'"},
        Mistake{"m{a \"b\"} 2\n", "line 1: expected '=', found '\"b\"} 2'"},
        Mistake{"m{1a=\"b\"} 2\n", "line 1: expected a label name or '}', found '1a=\"b\"} 2'"},
        Mistake{"m{a=\"b\" c=\"d\"} 2\n", "line 1: expected ',' or '}', found 'c=\"d\"} 2'"},
        Mistake{"m{a=\"b\"", "line 1: expected ',' or '}', found the end of the page"},
        Mistake{"\n\nm 1 1.5\n", "line 3: expected a timestamp in whole milliseconds, found '1.5'"},
        Mistake{"m 1 x\n", "line 1: expected a timestamp, found 'x'"},
        Mistake{"m 1 1e300\n", "line 1: expected a timestamp, found '1e300'"},
        Mistake{"m 1 NaN\n", "line 1: expected a timestamp, found 'NaN'"},
        Mistake{"m 1 2 3\n", "line 1: expected the end of the line, found '3'"},
        Mistake{"m 1 # {a=\"b\"} 1\n",
                "line 1: expected the end of the line, found '# {a=\"b\"} 1'"},
        Mistake{"m 1e999\n", "line 1: expected a value, found '1e999'"},
        Mistake{"m 1_000\n", "line 1: expected a value, found '1_000'"},
        Mistake{"m +-1\n", "line 1: expected a value, found '+-1'"},
        Mistake{"m{a=\"\xff\"} 1\n", "line 1: expected UTF-8, found '?\"} 1'"},
        Mistake{"a 1\nm{a=\"\xc0\x80\"} 1\n", "line 2: expected UTF-8, found '??\"} 1'"},
        Mistake{"<!DOCTYPE html>\n", "line 1: expected a metric name, found '<!DOCTYPE html>'"}));

TEST(ScrapeExpositionTest, KeepsTinyNumbersAndRefusesOthersThatDoNotFit) {
  EXPECT_EQ(Read("m 1e-400\n").error, "");
  EXPECT_EQ(Read("m 0x10\n").error, "line 1: expected a value, found '0x10'");
}

TEST(ScrapeExpositionTest, ReadsOpenMetricsWithExemplarsAndSeconds) {
  const Page page = Read(
      "# TYPE foo histogram\n"
      "foo_bucket{le=\"0.1\"} 8 # {} 0.054\n"
      "foo_bucket{le=\"+Inf\"} 17 1520879607.789 # {trace_id=\"oHg5SJYRHA0\"} 9.8 1520879607.789\n"
      "foo_created 1520430000.123\n"
      "# EOF\n",
      TextFormat::kOpenMetrics);
  ASSERT_EQ(page.error, "");
  ASSERT_EQ(page.samples.size(), 3u);
  EXPECT_EQ(page.samples[0].value, 8);
  EXPECT_EQ(page.samples[1].value, 17);
  EXPECT_EQ(page.samples[1].ts_ns, 1'520'879'607'789'000'000);
}

TEST(ScrapeExpositionTest, NoticesACutOpenMetricsPage) {
  EXPECT_EQ(Read("m 1\n", TextFormat::kOpenMetrics).error,
            "line 2: expected '# EOF', found the end of the page");
  EXPECT_EQ(Read("m 1\n# EOF\nm 2\n", TextFormat::kOpenMetrics).error,
            "line 3: expected nothing after '# EOF', found 'm 2'");
}

TEST(ScrapeExpositionTest, KnowsTheFormatByContentType) {
  EXPECT_EQ(FormatOf("application/openmetrics-text; version=1.0.0; charset=utf-8"),
            TextFormat::kOpenMetrics);
  EXPECT_EQ(FormatOf("text/plain; version=0.0.4"), TextFormat::kPrometheus);
  EXPECT_EQ(FormatOf(""), TextFormat::kPrometheus);
}

TEST(ScrapeExpositionTest, NeverReadsBeyondACutPage) {
  const std::string page = "m{a=\"b\\\\c\",d=\"e\\\"\"} 12.5 1395066363000 # {x=\"y\"} 1\n# EOF\n";
  for (const TextFormat format : {TextFormat::kPrometheus, TextFormat::kOpenMetrics})
    for (size_t size = 0; size <= page.size(); ++size) {
      // A buffer of exactly this size, so that the address sanitizer sees a byte too many.
      const std::vector<char> cut(page.begin(), page.begin() + static_cast<ptrdiff_t>(size));
      Read({cut.data(), cut.size()}, format);
    }
}

TEST(ScrapeExpositionTest, ReadsALargePageQuickly) {
  std::string page;
  for (int i = 0; page.size() < (8u << 20); ++i)
    page += "http_request_duration_seconds_bucket{service=\"orders\",route=\"/orders/" +
            std::to_string(i % 1000) + "\",le=\"0.25\"} " + std::to_string(i) + "\n";
  const auto begun = std::chrono::steady_clock::now();
  ExpositionReader reader(page, TextFormat::kPrometheus);
  ExposedSample sample;
  size_t count = 0;
  while (reader.Next(&sample)) ++count;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  EXPECT_EQ(reader.error(), "");
  RecordProperty("megabytes_per_second",
                 std::to_string(static_cast<double>(page.size()) / 1e6 / took.count()));
  EXPECT_GT(count, 80'000u);
}

}  // namespace
}  // namespace heald::scrape
