// `heald backtest` over files.
#include <gmock/gmock.h>

#include "tests/backtest/fixture.h"

namespace heald::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kEnforce = "mode: enforce, guard: {cooldown: 5m}";
constexpr const char* kHead = "timestamp,latency{service='pay'},latency{service='users'}";

// payments is too slow for `bad` rows from row 100 on.
std::string Outage(int bad, int rows = 400) {
  return BacktestFixture::Csv(kHead, rows, [=](int i) {
    return std::string(i >= 100 && i < 100 + bad ? "0.9" : "0.1") + ",0.2";
  });
}

class BacktestCliTest : public BacktestFixture {};

TEST_F(BacktestCliTest, TellsWhatWouldHaveBeenDoneAndHowHistoryWentOn) {
  Write("p.yaml", Pipeline(kEnforce));
  Write("short.csv", Outage(2));  // over 30 s after it began
  const json result = Result("p.yaml --input short.csv");
  EXPECT_EQ(result["samples"], 800);
  EXPECT_EQ(result["series"], 2);
  EXPECT_EQ(result["from"], "2026-11-22T00:00:00.000Z");
  EXPECT_EQ(result["incidents_total"], 1);
  EXPECT_EQ(result["cleared_by_itself"], 1);
  const json& incident = result["incidents"][0];
  EXPECT_EQ(incident["target"], "pay");
  EXPECT_EQ(incident["opened"], "2026-11-22T00:25:00.000Z");
  const json& policy = result["policies"][0];
  EXPECT_EQ(policy["executed"], 1);
  EXPECT_EQ(policy["cleared_by_itself"], 1);
  EXPECT_EQ(policy["still_bad"], 0);
  ASSERT_EQ(incident["acts"].size(), 1u);
  EXPECT_EQ(incident["acts"][0]["history"], "cleared_by_itself");
  EXPECT_NEAR(incident["acts"][0]["cleared_after_seconds"].get<double>(), 30, 1);
}

TEST_F(BacktestCliTest, HistoryDoesNotHealAndGuardsHoldOnTheVirtualClock) {
  Write("p.yaml", Pipeline("mode: enforce, guard: {cooldown: 5m, max_per_hour: 2}"));
  Write("long.csv", Outage(160));  // 40 minutes
  const json result = Result("p.yaml --input long.csv");
  const json& policy = result["policies"][0];
  EXPECT_EQ(policy["executed"], 2);  // again after the cooldown, then it was enough for that hour
  EXPECT_EQ(policy["still_bad"], 2);
  std::map<std::string, int> held;
  for (const json& each : policy["held_back"]) held[each["guard"]] = each["times"];
  EXPECT_GE(held["cooldown"], 1);
  EXPECT_GE(held["max_per_hour"], 1);
  EXPECT_EQ(result["incidents"][0]["acts"][1]["attempt"], 2);
  EXPECT_GE(result["incidents"][0]["acts"][1]["after_begin_seconds"].get<double>(), 300);
}

TEST_F(BacktestCliTest, ShadowAndApproveSayWhatTheyWouldHaveDone) {
  Write("in.csv", Outage(20));
  Write("shadow.yaml", Pipeline("mode: shadow"));
  json policy = Result("shadow.yaml --input in.csv")["policies"][0];
  EXPECT_EQ(policy["would_act"], 1);
  EXPECT_EQ(policy["executed"], 0);
  Write("approve.yaml", Pipeline("mode: approve, guard: {cooldown: 5m}"));
  policy = Result("approve.yaml --input in.csv")["policies"][0];
  EXPECT_EQ(policy["asked"], 1);
  EXPECT_EQ(policy["executed"], 0);
}

TEST_F(BacktestCliTest, ConditionsReadTheSamplesOfTheirMoment) {
  Write("p.yaml", Pipeline("when: load > 10, mode: enforce, guard: {cooldown: 5m}"));
  const auto run = [&](const char* load_then) {
    Write("in.csv",
          Csv("timestamp,latency{service='pay'},prom.load{service='pay'}", 300, [&](int i) {
            const bool bad = i >= 100 && i < 140;
            return bad ? "0.9," + std::string(i < 120 ? "1" : load_then) : std::string("0.1,50");
          }));
    return Result("p.yaml --input in.csv");
  };
  EXPECT_EQ(run("1")["policies"][0]["executed"], 0);
  const json result = run("20");
  ASSERT_EQ(result["policies"][0]["executed"], 1);
  EXPECT_NEAR(result["incidents"][0]["acts"][0]["after_begin_seconds"].get<double>(), 300, 10);
}

TEST_F(BacktestCliTest, WhatComesBeforeIsOnlyLearntFrom) {
  Write("p.yaml", Pipeline("mode: shadow", "{above: {critical: 0.5}}"));
  Write("in.csv", Outage(20));
  // The outage is from 00:25 to 00:30.
  json result = Result("p.yaml --input in.csv --from 2026-11-22T00:40:00Z");
  EXPECT_EQ(result["incidents_total"], 0);
  EXPECT_EQ(result["samples_learnt"], 2 * 160);
  EXPECT_EQ(result["learnt_from"], "2026-11-22T00:00:00.000Z");
  result = Result("p.yaml --input in.csv --from 2026-11-22T00:40:00Z --warmup 1m");
  EXPECT_EQ(result["samples_learnt"], 2 * 4);
  // One that is still so when the time begins is found there.
  result = Result("p.yaml --input in.csv --warmup 27m");
  EXPECT_EQ(result["from"], "2026-11-22T00:27:00.000Z");
  ASSERT_EQ(result["incidents_total"], 1);
  EXPECT_EQ(result["incidents"][0]["began"], "2026-11-22T00:25:00.000Z");
  result = Result("p.yaml --input in.csv --to 2026-11-22T00:20:00Z");
  EXPECT_EQ(result["incidents_total"], 0);
  EXPECT_EQ(result["samples"], 2 * 80);
}

TEST_F(BacktestCliTest, ReadsRecordings) {
  Write("p.yaml", Pipeline("mode: shadow"));
  std::string text = R"({"heald_recording":1})"
                     "\n"
                     R"({"series":0,"source":"prom","name":"latency","labels":{"service":"pay"}})"
                     "\n"
                     R"({"series":1,"source":"other","name":"up","labels":{}})"
                     "\n";
  for (int i = 0; i < 100; ++i)
    text += "{\"t\":" + std::to_string(kBegin + 15 * i) + ",\"v\":[[0," +
            (i >= 50 ? "0.9" : "0.1") + "],[1,1]]}\n";
  Write("rec.jsonl", text);
  const json result = Result("p.yaml --input rec.jsonl");
  EXPECT_EQ(result["samples"], 100);
  EXPECT_EQ(result["incidents_total"], 1);
  EXPECT_EQ(result["open_at_end"], 1);
  EXPECT_THAT(result["notes"].dump(),
              AllOf(HasSubstr("nothing reads them: up"), HasSubstr("wasn't finished")));
}

TEST_F(BacktestCliTest, LabelsTellRecallPrecisionAndDelay) {
  Write("p.yaml", Pipeline("mode: shadow"));
  Write("in.csv", Csv(kHead, 800, [](int i) {
          const bool real = i >= 100 && i < 120;
          const bool noise = i >= 300 && i < 304;
          return std::string(real || noise ? "0.9" : "0.1") + ",0.2";
        }));
  Write("labels.csv",
        "start,end,name\n"
        "2026-11-22T00:24:00Z,2026-11-22T00:30:00Z,database away\n"
        "2026-11-22T02:00:00Z,2026-11-22T02:10:00Z,nobody saw it\n");
  const json labels = Result("p.yaml --input in.csv --labels labels.csv")["labels"];
  EXPECT_EQ(labels["recall"], 0.5);
  EXPECT_EQ(labels["precision"], 0.5);
  EXPECT_EQ(labels["median_delay_seconds"], 60);
  EXPECT_EQ(labels["windows"][0]["name"], "database away");
  EXPECT_EQ(labels["windows"][1]["found"], false);
  Write("labels.csv", "start,end\n2026-11-22T00:25:00Z,2026-11-22T00:30:00Z\n");
  ASSERT_EQ(Run("p.yaml --input in.csv --labels labels.csv"), 0);
  EXPECT_THAT(out_, HasSubstr("incident #1, 0 s after its begin"));
}

TEST_F(BacktestCliTest, PredictionsAreHeldAgainstWhatHappened) {
  Write("p.yaml", R"(version: 1
agent: {state_dir: state}
sources:
  prom: {plugin: prometheus, config: {url: 'http://127.0.0.1:1', interval: 15s, queries: {memory: x}}}
detectors:
  leaking: {plugin: trend, inputs: [prom.memory], config: {above: 1000, horizon: 15m}}
policies:
  tell: {inputs: [leaking], action: alert, mode: enforce, guard: {cooldown: 5m}}
)");
  Write("in.csv", Csv("timestamp,memory{service='pay'}", 1000, [](int i) {
          const double noise = (i * 7919 % 13 - 6) * 0.5;
          return std::to_string((i < 500 ? 200 : 200 + (i - 500) * 4) + noise);
        }));
  const json result = Result("p.yaml --input in.csv");
  const json& detector = result["detectors"][0];
  ASSERT_GE(detector["predictions"]["came_true"], 1) << out_;
  EXPECT_GT(detector["predictions"]["median_lead_seconds"], 120);
  EXPECT_GE(result["policies"][0]["told"], 1);
  EXPECT_EQ(result["policies"][0]["executed"], 0);
}

TEST_F(BacktestCliTest, ComparesPipelinesOverTheSameHistory) {
  Write("strict.yaml", Pipeline("mode: shadow", "{above: {critical: 0.5}}"));
  Write("lax.yaml", Pipeline("mode: shadow", "{above: {critical: 0.8}}"));
  Write("in.csv", Csv(kHead, 600, [](int i) {
          return std::string(i >= 100 && i < 120   ? "0.9"
                             : i >= 300 && i < 320 ? "0.6"
                                                   : "0.1") +
                 ",0.2";
        }));
  ASSERT_EQ(Run("strict.yaml lax.yaml --input in.csv --format json"), 0) << err_;
  const json report = json::parse(out_);
  EXPECT_EQ(report["results"][0]["incidents_total"], 2);
  EXPECT_EQ(report["results"][1]["incidents_total"], 1);
  ASSERT_EQ(report["differences"].size(), 2u);
  EXPECT_EQ(report["differences"][0]["only_in"], "strict.yaml");
  EXPECT_EQ(report["differences"][0]["incidents"].size(), 1u);
  EXPECT_EQ(report["differences"][1]["incidents"].size(), 0u);
  ASSERT_EQ(Run("strict.yaml --against lax.yaml --input in.csv"), 0) << err_;
  EXPECT_THAT(out_, AllOf(HasSubstr("side by side"),
                          HasSubstr("strict.yaml, and not lax.yaml, sees 1 incident\n"),
                          HasSubstr("lax.yaml, and not strict.yaml, sees 0 incidents")));
}

TEST_F(BacktestCliTest, ThePageIsAFileOfItsOwn) {
  Write("p.yaml", Pipeline(kEnforce));
  Write("in.csv", Csv("timestamp,latency{service='</script><b>'}", 200,
                      [](int i) { return std::string(i > 100 ? "0.9" : "0.1"); }));
  ASSERT_EQ(Run("p.yaml --input in.csv --html report.html"), 0) << err_;
  const std::string page = Read("report.html");
  EXPECT_THAT(page, AllOf(HasSubstr("<!doctype html>"), HasSubstr("\\u003c/script>\\u003cb>"),
                          Not(HasSubstr("@report@")), Not(HasSubstr("</script><b>"))));
  EXPECT_THAT(page,
              AllOf(Not(HasSubstr(" src=")), Not(HasSubstr("@import")), Not(HasSubstr("url("))));
  EXPECT_FALSE(std::filesystem::exists(dir_ / "report.html.part"));
  EXPECT_EQ(Run("p.yaml --input in.csv --html no/such/folder.html"), 3);
  EXPECT_THAT(err_, HasSubstr("can't write no/such/folder.html: No such file"));
}

TEST_F(BacktestCliTest, ThePageDoesNotReplaceWhatIsRead) {
  Write("p.yaml", Pipeline(kEnforce));
  Write("in.csv", Outage(2));
  for (const char* const name : {"in.csv", "./p.yaml"}) {
    const std::string before = Read(name);
    EXPECT_EQ(Run("p.yaml --input in.csv --html " + std::string(name)), 2);
    EXPECT_THAT(err_, HasSubstr("that is read: give the page another name"));
    EXPECT_EQ(Read(name), before);
  }
}

TEST_F(BacktestCliTest, MistakesAreNamed) {
  Write("p.yaml", Pipeline(kEnforce));
  Write("in.csv", Outage(2));
  EXPECT_EQ(Run("p.yaml"), 2);
  EXPECT_THAT(err_, HasSubstr("say which history: --from -24h"));
  EXPECT_EQ(Run("p.yaml --input in.csv --from yesterday"), 2);
  EXPECT_THAT(err_, HasSubstr("--from: "));
  EXPECT_EQ(Run("p.yaml --input in.csv --from 2026-11-22T01:00:00Z --to 2026-11-22T00:00:00Z"), 2);
  EXPECT_THAT(err_, HasSubstr("--from is not before --to"));
  EXPECT_EQ(Run("p.yaml --input in.csv --from 2027-01-01T00:00:00Z --warmup 1h"), 1);
  EXPECT_THAT(err_, AllOf(HasSubstr("in.csv has nothing in that time"),
                          HasSubstr("to 2026-11-22T01:39:45.000Z")));
  EXPECT_EQ(Run("p.yaml --input in.csv --from 2026-11-22T01:39:50Z"), 1);
  EXPECT_THAT(err_, HasSubstr("all samples are from before 2026-11-22T01:39:50.000Z"));
  EXPECT_EQ(Run("p.yaml --input in.csv --to 2020-01-01T00:00:00Z"), 1);
  EXPECT_THAT(err_, HasSubstr("it begins at 2026-11-22T00:00:00.000Z"));
  Write("other.csv", "timestamp,cpu,disk\n1795305600,1,2\n");
  EXPECT_EQ(Run("p.yaml --input other.csv"), 1);
  EXPECT_THAT(err_, AllOf(HasSubstr("the pipeline reads none of what it has (cpu, disk)"),
                          HasSubstr("It reads prom.latency")));
  Write("broken.csv", Outage(2) + "oops,1,2\n");
  EXPECT_EQ(Run("p.yaml --input broken.csv"), 1);
  EXPECT_THAT(err_, HasSubstr("broken.csv:402: "));
  Write("labels.csv", "start,end\n2026-11-22T00:30:00Z,2026-11-22T00:24:00Z\n");
  EXPECT_EQ(Run("p.yaml --input in.csv --labels labels.csv"), 1);
  EXPECT_THAT(err_, HasSubstr("labels.csv:2: it ends before it starts"));
  EXPECT_EQ(Run("p.yaml --input nothing.csv"), 1);
  EXPECT_THAT(err_, HasSubstr("nothing.csv"));
  Write("wrong.yaml", Pipeline("mode: enforc"));
  EXPECT_EQ(Run("wrong.yaml --input in.csv"), 1);
  EXPECT_THAT(err_, HasSubstr("wrong.yaml:"));
  EXPECT_EQ(out_, "");
}

TEST_F(BacktestCliTest, SourcesThatCannotLookBackAreNamed) {
  Write("p.yaml", R"(version: 1
agent: {state_dir: state}
sources:
  web: {plugin: scrape, config: {targets: ['http://127.0.0.1:1/metrics'], metrics: {up2: {gauge: up2}}}}
detectors:
  down: {plugin: threshold, inputs: [web.up], config: {below: {critical: 1}}}
policies:
  tell: {inputs: [down], action: alert, mode: shadow}
)");
  EXPECT_EQ(Run("p.yaml --from -1h"), 1);
  EXPECT_THAT(err_, HasSubstr("source web (plugin scrape) can't look back"));
}

TEST_F(BacktestCliTest, RowsThatGoBackAreLeftOutAndSaid) {
  Write("p.yaml", Pipeline(kEnforce));
  Write("in.csv", Outage(2) + std::to_string(kBegin) + ",0.9,0.9\n");
  const json result = Result("p.yaml --input in.csv");
  EXPECT_EQ(result["samples"], 800);
  EXPECT_THAT(result["notes"].dump(), HasSubstr("2 samples left out: they come after later ones"));
}

}  // namespace
}  // namespace heald::testing
