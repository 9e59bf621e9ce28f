#include "plugins/detectors/log_patterns/detector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/problems.h"
#include "tests/log_patterns/harness.h"

namespace heald::log_patterns {
namespace {

using sdk::FindingState;
using sdk::Severity;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kLearn = 660;  // s

std::vector<sdk::Finding> Of(const std::vector<sdk::Finding>& findings, std::string_view metric) {
  std::vector<sdk::Finding> out;
  for (const sdk::Finding& finding : findings)
    if (finding.metric == metric) out.push_back(finding);
  return out;
}

TEST(LogPatternsTest, IsSilentWhileItLearnsAndWhileNothingChanges) {
  Harness log;
  log.Usual(kShop, 2000);
  EXPECT_THAT(log.Take(), IsEmpty());
  EXPECT_EQ(log.detector().templates().size(), 2u);
}

TEST(LogPatternsTest, ReportsANewTemplateOnceUpdatesItAndClearsItWhenItStops) {
  Harness log;
  log.Usual(kShop, kLearn);
  for (int i = 0; i < 60; ++i) {
    log.Usual(kShop, 1);
    log.Feed(kShop, "ERROR card " + std::to_string(i) + " declined by acquirer");
  }
  const std::vector<sdk::Finding> seen = Of(log.Take(), "new_log_templates");
  ASSERT_THAT(seen, SizeIs(6)) << "opened, then updated every 10 s";
  EXPECT_EQ(seen[0].state, FindingState::kOpen);
  EXPECT_EQ(seen[0].severity, Severity::kWarning);
  EXPECT_EQ(seen[0].target, kShop);
  EXPECT_EQ(seen[0].summary, "new in the log: \"ERROR card <*> declined by acquirer\", 1 line");
  EXPECT_EQ(seen[0].annotations.Get("example"), "ERROR card 0 declined by acquirer");
  ASSERT_THAT(seen[0].contributors, SizeIs(1));
  EXPECT_EQ(seen[0].contributors[0].share, 1);
  EXPECT_GT(seen[0].confidence, 0.9);
  EXPECT_EQ(seen[5].state, FindingState::kUpdate);
  EXPECT_EQ(seen[5].id, seen[0].id);
  EXPECT_EQ(seen[5].count, 51u);

  log.Usual(kShop, 400);
  const std::vector<sdk::Finding> after = Of(log.Take(), "new_log_templates");
  ASSERT_THAT(after, SizeIs(1));
  EXPECT_EQ(after[0].state, FindingState::kClear);
  EXPECT_EQ(after[0].annotations.Get("cleared"), "normal");
  log.Feed(kShop, "ERROR card 5 declined by acquirer");
  EXPECT_THAT(log.Take(), IsEmpty()) << "it is known now";
}

TEST(LogPatternsTest, ANewTemplateOfNoErrorIsInfoAndOneThatStaysIsLearntWithoutBeingARecovery) {
  Harness log;
  log.Usual(kShop, kLearn);
  for (int i = 0; i < 2000; ++i) {
    log.Usual(kShop, 1);
    log.Feed(kShop, "cache warmed in " + std::to_string(i) + " ms");
  }
  const std::vector<sdk::Finding> seen = Of(log.Take(), "new_log_templates");
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.front().severity, Severity::kInfo);
  EXPECT_EQ(seen.back().state, FindingState::kClear);
  EXPECT_EQ(seen.back().annotations.Get("cleared"), "re-baselined");
  EXPECT_THAT(seen.back().summary, HasSubstr("no recovery"));
}

TEST(LogPatternsTest, SeveralNewTemplatesAreOneFinding) {
  Harness log;
  log.Usual(kShop, kLearn);
  log.Feed(kShop, "WARN disk is slow");
  log.Feed(kShop, "FATAL disk is gone for good");
  const std::vector<sdk::Finding> seen = log.Take();
  ASSERT_THAT(seen, SizeIs(2));
  EXPECT_EQ(seen[1].state, FindingState::kUpdate);
  EXPECT_EQ(seen[1].id, seen[0].id);
  EXPECT_EQ(seen[1].severity, Severity::kWarning) << "it got worse";
  EXPECT_THAT(seen[1].contributors, SizeIs(2));
  EXPECT_THAT(seen[1].summary, HasSubstr("with 1 more new templates"));
}

TEST(LogPatternsTest, WhereEveryLineIsNewNewOnesAreNoNews) {
  Harness log;
  std::string name = "aaaaaa";
  for (int i = 0; i < 2000; ++i) {
    log.Usual(kShop, 1);
    for (size_t c = 0; ++name[c] > 'z' && c + 1 < name.size(); ++c) name[c] = 'a';
    log.Feed(kShop, name + " " + name + "x did " + name + "y");
  }
  EXPECT_THAT(Of(log.Take(), "new_log_templates"), IsEmpty());
}

TEST(LogPatternsTest, ReportsATemplateThatComesFarMoreOftenThanUsual) {
  Harness log;
  log.Usual(kShop, kLearn);
  for (int i = 0; i < 30; ++i) {
    log.Usual(kShop, 1);
    for (int k = 0; k < 20; ++k)
      log.Feed(kShop, "request 1 served in " + std::to_string(k) + " ms");
  }
  const std::vector<sdk::Finding> seen = log.Take();
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen[0].metric, "log_template_rate");
  EXPECT_EQ(seen[0].severity, Severity::kInfo);
  EXPECT_THAT(seen[0].summary, HasSubstr("\"request <*> served in <*> ms\""));
  EXPECT_THAT(seen[0].summary, ContainsRegex("usually about (29|30)"));
  EXPECT_GT(seen[0].score, 6);
  log.Usual(kShop, 300);
  const std::vector<sdk::Finding> after = log.Take();
  ASSERT_FALSE(after.empty());
  EXPECT_EQ(after.back().state, FindingState::kClear);
  EXPECT_EQ(after.back().annotations.Get("cleared"), "normal");
}

TEST(LogPatternsTest, ReportsABurstOfErrorsAtOnceAndSaysWhichLinesTheyAre) {
  Harness log;
  const auto error = [&](int i) { log.Feed(kShop, "ERROR db timeout after " + std::to_string(i)); };
  for (int i = 0; i < kLearn; ++i) {
    log.Usual(kShop, 1);
    if (i % 60 == 0) error(i);
  }
  log.Take();
  int lines = 0;
  while (log.detector().templates().size() < 10 && lines < 100) {
    ++lines;
    error(lines);
    const std::vector<sdk::Finding> seen = log.Take();
    if (seen.empty()) continue;
    EXPECT_EQ(seen[0].metric, "error_log_rate");
    EXPECT_EQ(seen[0].severity, Severity::kWarning);
    EXPECT_EQ(seen[0].unit, "1/s");
    EXPECT_THAT(seen[0].summary, HasSubstr("most of them \"ERROR db timeout after <*>\""));
    EXPECT_GE(seen[0].value, seen[0].expected_high);
    break;
  }
  EXPECT_LE(lines, 12) << "not at the interval's end";
  for (int i = 0; i < 100; ++i) error(i);
  const std::vector<sdk::Finding> worse = log.Take();
  ASSERT_FALSE(worse.empty());
  EXPECT_EQ(worse.back().severity, Severity::kCritical);
  log.Pass(300);
  const std::vector<sdk::Finding> after = log.Take();
  ASSERT_THAT(after, SizeIs(1)) << "silence ends it by the clock";
  EXPECT_EQ(after[0].state, FindingState::kClear);
}

TEST(LogPatternsTest, TheLevelComesFromTheRecordItsFieldsItsStreamOrItsWords) {
  const auto errors = [](const sdk::LabelSet& labels, std::string_view text, uint32_t severity) {
    Harness log;
    for (int i = 0; i < kLearn; ++i) {
      log.Pass(1);
      log.Feed(labels, text, HEALD_SEVERITY_INFO);
    }
    for (int i = 0; i < 200; ++i) log.Feed(labels, text, severity);
    return !Of(log.Take(), "error_log_rate").empty();
  };
  EXPECT_TRUE(errors(kShop, "it broke", HEALD_SEVERITY_CRITICAL));
  EXPECT_FALSE(errors(kShop, "ERROR it broke", HEALD_SEVERITY_INFO)) << "the record knows better";
  const sdk::LabelSet labelled{{"service", "shop"}, {"level", "error"}};
  EXPECT_TRUE(errors(labelled, "it broke", HEALD_SEVERITY_NORMAL));
}

TEST(LogPatternsTest, TargetsAreTheStreamsLabelsWithoutItsLevelOrThoseOfGroupBy) {
  for (const bool grouped : {false, true}) {
    Config config;
    if (grouped) config.group_by = {"service"};
    Harness log(config);
    const sdk::LabelSet pod{{"service", "shop"}, {"pod", "shop-1"}, {"level", "info"}};
    log.Usual(pod, kLearn);
    log.Feed({{"service", "shop"}, {"pod", "shop-1"}, {"level", "error"}}, "it broke");
    const std::vector<sdk::Finding> seen = log.Take();
    ASSERT_THAT(seen, SizeIs(1));
    EXPECT_EQ(seen[0].target,
              grouped ? kShop : sdk::LabelSet({{"service", "shop"}, {"pod", "shop-1"}}));
    EXPECT_EQ(seen[0].severity, Severity::kWarning);
  }
}

TEST(LogPatternsTest, ANewGroupLearnsFirst) {
  Harness log;
  log.Usual(kShop, kLearn);
  log.Feed({{"service", "other"}}, "FATAL never seen");
  EXPECT_THAT(log.Take(), IsEmpty());
  EXPECT_EQ(log.detector().group_count(), 2u);
}

TEST(LogPatternsTest, OddLinesHurtNobody) {
  Harness log;
  log.Usual(kShop, kLearn);
  log.Feed(kShop, "");
  log.Feed(kShop, "  \t ");
  EXPECT_EQ(log.host().MetricTotal("lines_skipped_total"), 2);
  log.Feed(kShop, std::string(2 << 20, 'z'));
  std::string binary;
  for (int i = 0; i < 4096; ++i) binary += static_cast<char>(i * 37);
  log.Feed(kShop, binary);
  log.Feed(kShop, "broken \xff\xfe text \xc3");
  log.FeedAt({}, "of no stream", log.now_ns());
  for (const sdk::Finding& finding : log.Take())
    for (const auto& [name, value] : finding.annotations.items()) {
      EXPECT_EQ(value, Printable(value, 1 << 20)) << name << " is valid text";
      EXPECT_LE(value.size(), Templates::kExampleBytes);
    }
}

TEST(LogPatternsTest, LinesInNoOrderAreLearntAndOldOnesNotCounted) {
  Harness log;
  log.Usual(kShop, kLearn);
  for (int i = 0; i < 500; ++i)
    log.FeedAt(kShop, "request 1 served in 2 ms", log.now_ns() - 300 * Harness::kSecond);
  log.FeedAt(kShop, "request 1 served in 2 ms", log.now_ns() + 86'400 * Harness::kSecond);
  log.FeedAt(kShop, "request 1 served in 2 ms", 0);
  log.FeedAt(kShop, "request 1 served in 2 ms", INT64_MIN);
  log.FeedAt(kShop, "request 1 served in 2 ms", INT64_MAX);
  EXPECT_THAT(log.Take(), IsEmpty());
  EXPECT_EQ(log.host().MetricTotal("lines_late_total"), 500);
  log.Usual(kShop, 60);
  EXPECT_THAT(log.Take(), IsEmpty());
  EXPECT_EQ(log.host().MetricTotal("lines_late_total"), 500)
      << "one from the future made no others late";
}

TEST(LogPatternsTest, TheSameLinesGiveTheSameFindingsHoweverTheyAreCutIntoBatches) {
  const auto run = [](size_t batch) {
    sdk::testing::FakeHost host;
    sdk::testing::FakeSink sink(host);
    Detector detector(host.host(), {});
    const heald_series stream = host.host().Intern("app", kShop);
    std::vector<std::string> texts;
    std::vector<heald_log_line> lines;
    host.Advance(sdk::Seconds(10'000));
    const int64_t from_ns = host.now_ns() - 2000 * Harness::kSecond;
    for (int i = 0; i < 4000; ++i)
      texts.push_back(i > 3500 ? "ERROR lost " + std::to_string(i) : "ok " + std::to_string(i));
    for (int i = 0; i < 4000; ++i) {
      heald_log_line line{};
      line.size = sizeof line;
      line.stream = stream;
      line.ts_ns = from_ns + i * Harness::kSecond / 2;
      line.line = sdk::detail::Str(texts[static_cast<size_t>(i)]);
      lines.push_back(line);
    }
    heald_error error = sdk::detail::NewError();
    for (size_t at = 0; at < lines.size(); at += batch)
      sdk::detail::Check(
          Detector::VTable()->logs(&detector, &lines[at], std::min(batch, lines.size() - at),
                                   sizeof lines[0], sink.table(), &error),
          error);
    std::string story;
    for (const sdk::Finding& finding : sink.TakeFindings())
      story += finding.metric + " " + finding.summary + " " + std::to_string(finding.ts_ns) + "\n";
    return story;
  };
  const std::string one = run(1);
  EXPECT_THAT(one, HasSubstr("error_log_rate"));
  EXPECT_EQ(one, run(7));
  EXPECT_EQ(one, run(4000));
}

TEST(LogPatternsTest, AStreamThatEndsClearsWithoutCallingItARecovery) {
  Harness log;
  log.Usual(kShop, kLearn);
  log.Feed(kShop, "FATAL out of memory");
  log.Take();
  log.Expire(kShop);
  const std::vector<sdk::Finding> seen = log.Take();
  ASSERT_THAT(seen, SizeIs(1));
  EXPECT_EQ(seen[0].annotations.Get("cleared"), "expired");
}

TEST(LogPatternsTest, GroupsStayWithinTheirNumberAndAFullTreeIsNoNews) {
  Config config;
  config.max_groups = 3;
  config.max_templates = 10;
  Harness log(config);
  for (int i = 0; i < 900; ++i) {
    log.Pass(1);
    log.Feed({{"pod", "p" + std::to_string(i % 5)}}, "from pod line");
    std::string line(8, 'a');
    for (char& c : line) c = static_cast<char>('a' + (i * 7919 + (&c - line.data()) * i) % 26);
    log.Feed(kShop, line + " " + line);
  }
  EXPECT_LE(log.detector().group_count(), 3u);
  EXPECT_LE(log.detector().templates().size(), 10u);
  EXPECT_THAT(Of(log.Take(), "new_log_templates"), IsEmpty());
}

TEST(LogPatternsTest, AmongManyKindsOfLinesOfOneShapeTheNewOneIsToldAndNoneMakesRoom) {
  constexpr uint64_t kServices = 30;
  constexpr uint64_t kKinds = 30;
  Harness log;
  const auto service = [](uint64_t number) {
    return sdk::LabelSet{{"service", "s" + std::to_string(number)}};
  };
  for (int second = 0; second < 700; second += 10) {
    log.Pass(10);
    const std::string head = "2026-11-22T10:00:" + std::to_string(10 + second % 50) + "Z INFO";
    for (uint64_t i = 0; i < kServices * kKinds; ++i) {
      std::string line = head;
      for (uint64_t word = 0; word < 3 + i % 6; ++word) line += " " + Word(i * 100 + word);
      log.Feed(service(i / kKinds), line);
    }
  }
  EXPECT_THAT(log.Take(), IsEmpty());
  log.Feed(service(0), "2026-11-22T10:20:00Z ERROR payment of order 17 failed: declined by issuer");
  const std::vector<sdk::Finding> news = log.Take();
  ASSERT_THAT(Of(news, "new_log_templates"), SizeIs(1));
  EXPECT_EQ(news[0].target, service(0));
  log.Pass(1);
  EXPECT_EQ(log.trouble(), "");
}

TEST(LogPatternsTest, WhereTemplatesMakeRoomNewsAreNotToldThereButElsewhereAndTheNodeIsUnwell) {
  Config config;
  config.max_templates = 100;
  Harness log(config);
  const sdk::LabelSet noisy{{"service", "noisy"}};
  uint64_t number = 0;
  const auto live = [&](int seconds) {
    for (int i = 0; i < seconds; ++i) {
      log.Usual(kShop, 1);
      for (int line = 0; line < 3; ++line, ++number)
        log.Feed(noisy, Word(number) + " " + Word(number + 7'000'000));
    }
  };
  live(700);
  EXPECT_THAT(log.trouble(), HasSubstr("raise max_templates (100)"));
  log.Feed(noisy, "FATAL out of everything");
  EXPECT_THAT(log.Take(), IsEmpty()) << "it may have been there before";
  log.Feed(kShop, "FATAL disk is gone");
  EXPECT_THAT(Of(log.Take(), "new_log_templates"), SizeIs(1));
  log.Usual(kShop, 1200);
  EXPECT_EQ(log.trouble(), "") << "the noise is over";
}

TEST(LogPatternsTest, ConfigThatCantMeanAnythingIsRefused) {
  Config config;
  config.learn = sdk::Seconds(1);
  config.new_templates = config.rate_jumps = config.error_bursts = false;
  EXPECT_THAT(
      fakes::ProblemsIn<Detector>(config),
      ::testing::ElementsAre(::testing::StartsWith(": "), ::testing::StartsWith("/learn: ")));
}

}  // namespace
}  // namespace heald::log_patterns
