// The replay plugin behind its C tables, on a clock that the test moves.
#include "heald/plugin.h"

#include <gmock/gmock.h>

#include <cmath>
#include <memory>

#include "plugins/support/recording/recording_writer.h"
#include "tests/fakes/source_harness.h"
#include "tests/replay/files.h"

extern "C" const heald_plugin heald_plugin_v1;

namespace heald::replay {
namespace {

using fakes::SourceHarness;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Texts = std::vector<std::string>;

constexpr int64_t kSecond = 1'000'000'000;

class ReplayPluginTest : public ::testing::Test {
 protected:
  void Start(nlohmann::json config) {
    source_ = std::make_unique<SourceHarness>(heald_plugin_v1, "past", config);
    start_ns_ = source_->host().now_ns() + kSecond;  // of the first poll
  }
  // "cpu{service=a} 1 @10", with the seconds since the first poll.
  Texts Rows() {
    Texts texts;
    for (const SourceHarness::Row& row : source_->TakeRows()) {
      std::string text = row.name + "{";
      for (const auto& [name, value] : row.labels.items())
        text += (text.back() == '{' ? "" : ",") + name + "=" + value;
      char number[64];
      std::snprintf(number, sizeof number, "} %g @%g", row.value,
                    static_cast<double>(row.ts_ns - start_ns_) / 1e9);
      texts.push_back(text + number);
    }
    return texts;
  }
  // What comes with the next `polls` seconds.
  Texts Poll(int polls = 1) {
    for (int i = 0; i < polls; ++i) EXPECT_EQ(source_->Poll(), "");
    return Rows();
  }

  Files files_;
  std::unique_ptr<SourceHarness> source_;
  int64_t start_ns_ = 0;
};

TEST_F(ReplayPluginTest, PlaysAsRecordedFromNowOn) {
  Start({{"file", files_.Write("a.csv", "timestamp,cpu\n100,1\n102,2\n103.5,3\n")},
         {"labels", {{"service", "a"}}}});
  EXPECT_THAT(Poll(), ElementsAre("cpu{service=a} 1 @0"));
  EXPECT_THAT(Poll(), IsEmpty());
  EXPECT_THAT(Poll(), ElementsAre("cpu{service=a} 2 @2"));
  EXPECT_THAT(Poll(2), ElementsAre("cpu{service=a} 3 @3.5"));
  EXPECT_THAT(Poll(10), IsEmpty());
  EXPECT_THAT(source_->log(), ElementsAre("replay `past`: played to its end"));
  EXPECT_EQ(source_->host().MetricTotal("rounds_total"), 1);
}

TEST_F(ReplayPluginTest, FasterMeansCloserTogether) {
  Start(
      {{"file", files_.Write("a.csv", "timestamp,cpu\n0,1\n30,2\n60,3\n90,4\n")}, {"speed", "60"}});
  EXPECT_THAT(Poll(), ElementsAre("cpu{} 1 @0"));
  EXPECT_THAT(Poll(), ElementsAre("cpu{} 2 @0.5", "cpu{} 3 @1"));
}

TEST_F(ReplayPluginTest, MaxGivesAllAtOnceAndEndsNow) {
  Start(
      {{"file", files_.Write("a.csv", "timestamp,cpu\n0,1\n3600,2\n7200,3\n")}, {"speed", "max"}});
  EXPECT_THAT(Poll(), ElementsAre("cpu{} 1 @-7200", "cpu{} 2 @-3600", "cpu{} 3 @0"));
}

TEST_F(ReplayPluginTest, OriginalTimesStayAsTheyAre) {
  Start({{"file", files_.Write("a.csv", "timestamp,cpu\n100,1\n101,2\n")},
         {"shift", "original"},
         {"speed", "max"}});
  EXPECT_EQ(source_->Poll(), "");
  const std::vector<SourceHarness::Row> rows = source_->TakeRows();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].ts_ns, 100 * kSecond);
  EXPECT_EQ(rows[1].ts_ns, 101 * kSecond);
}

TEST_F(ReplayPluginTest, LoopsWithoutATimeTwice) {
  Start({{"file", files_.Write("a.csv", "timestamp,cpu\n10,1\n11,2\n")}, {"loop", true}});
  EXPECT_THAT(Poll(4), ElementsAre("cpu{} 1 @0", "cpu{} 2 @1", "cpu{} 1 @2", "cpu{} 2 @3"));
  EXPECT_EQ(source_->host().MetricTotal("rounds_total"), 2);
}

TEST_F(ReplayPluginTest, FilesFollowEachOtherAndTheirSeriesAreTheSame) {
  files_.Write("1.csv", "timestamp,cpu,mem\n0,1,5\n");
  files_.Write("2.csv", "timestamp,metric,value,zone\n1,disk,7,x\n1,cpu,2,\n");
  Start({{"files", {files_.Path("1.csv"), files_.Path("2.csv")}}});
  EXPECT_THAT(Poll(2), ElementsAre("cpu{} 1 @0", "mem{} 5 @0", "disk{zone=x} 7 @1", "cpu{} 2 @1"));
}

TEST_F(ReplayPluginTest, HistoryIsTheBeginningAndTheRestIsLive) {
  Start({{"file", files_.Write("a.csv", "timestamp,cpu\n0,1\n5,2\n10,3\n12,4\n")}});
  EXPECT_EQ(source_->Backfill(start_ns_ - 10 * kSecond, start_ns_), "");
  EXPECT_THAT(Rows(), ElementsAre("cpu{} 1 @-10", "cpu{} 2 @-5"));
  EXPECT_THAT(Poll(), ElementsAre("cpu{} 3 @0"));
  EXPECT_THAT(Poll(2), ElementsAre("cpu{} 4 @2"));
}

TEST_F(ReplayPluginTest, HistoryMayBeAllThereIs) {
  Start({{"file", files_.Write("a.csv", "timestamp,cpu\n0,1\n5,2\n")}});
  EXPECT_EQ(source_->Backfill(start_ns_ - 10 * kSecond, start_ns_), "");
  EXPECT_THAT(Rows(), ElementsAre("cpu{} 1 @-10", "cpu{} 2 @-5"));
  EXPECT_THAT(Poll(3), IsEmpty());
  EXPECT_THAT(source_->log(), ElementsAre("replay `past`: played to its end"));
}

TEST_F(ReplayPluginTest, OriginalHistoryIsWhatWasRecordedThen) {
  Start({{"file", files_.Write("a.csv", "timestamp,cpu\n100,1\n105,2\n110,3\n112,4\n")},
         {"shift", "original"}});
  EXPECT_EQ(source_->Backfill(105 * kSecond, 110 * kSecond), "");
  start_ns_ = 0;
  EXPECT_THAT(Rows(), ElementsAre("cpu{} 2 @105", "cpu{} 3 @110"));
  EXPECT_THAT(Poll(2), ElementsAre("cpu{} 4 @112")) << "nothing twice, nothing from before";
}

TEST_F(ReplayPluginTest, RangesMayFollowEachOtherOrGoBack) {
  Start({{"file", files_.Write("a.csv", "timestamp,cpu\n100,1\n105,2\n105,3\n110,4\n")},
         {"shift", "original"}});
  start_ns_ = 0;
  const auto range = [&](int64_t from, int64_t to) {
    EXPECT_EQ(source_->Backfill(from * kSecond, to * kSecond), "");
    return Rows();
  };
  EXPECT_THAT(range(100, 105), ElementsAre("cpu{} 1 @100", "cpu{} 2 @105", "cpu{} 3 @105"));
  EXPECT_THAT(range(105, 109), ElementsAre("cpu{} 2 @105", "cpu{} 3 @105"));
  EXPECT_THAT(range(109, 111), ElementsAre("cpu{} 4 @110"));
  EXPECT_THAT(range(99, 100), ElementsAre("cpu{} 1 @100"));
}

TEST_F(ReplayPluginTest, WhatThePipelineHasNoRoomForComesLater) {
  Start({{"file", files_.Write("a.csv", "timestamp,cpu\n0,1\n1,2\n2,3\n")}});
  source_->sink().SetFull(true);
  EXPECT_THAT(Poll(2), IsEmpty());
  source_->sink().SetFull(false);
  EXPECT_THAT(Poll(), ElementsAre("cpu{} 1 @0", "cpu{} 2 @1", "cpu{} 3 @2"));
}

TEST_F(ReplayPluginTest, PlaysRecordingsBySource) {
  std::string error;
  const auto writer = recording::RecordingWriter::Create(
      files_.Path("rec.jsonl.gz"), true, {0, "test", {{"prom", {"cpu"}}, {"web", {"cpu"}}}},
      &error);
  ASSERT_TRUE(writer) << error;
  writer->Declare({"prom", "cpu", {{"service", "a"}}});
  writer->Declare({"web", "cpu", {{"service", "a"}}});
  const recording::RecordedSample samples[] = {{0, 1}, {1, std::nan("")}};
  writer->Add(kSecond, samples);
  ASSERT_TRUE(writer->Finish(0));
  Start({{"file", files_.Path("rec.jsonl.gz")}, {"sources", {"web"}}});
  EXPECT_THAT(Poll(), ElementsAre("cpu{service=a} nan @0"));
  Start({{"file", files_.Path("rec.jsonl.gz")}});
  EXPECT_EQ(source_->Poll(),
            "cpu{service=\"a\"} was recorded from source 'prom' and from 'web': choose one with "
            "sources");
}

TEST_F(ReplayPluginTest, CountsWhatIsOutOfOrderAndSaysSoOnce) {
  Start({{"file", files_.Write("a.csv", "timestamp,cpu,mem\n5,1,1\n3,2,2\n4,3,3\n6,4,4\n")}});
  EXPECT_EQ(Poll(2).size(), 8u);
  EXPECT_EQ(source_->host().MetricTotal("out_of_order_samples_total"), 4);
  EXPECT_EQ(source_->log()[0],
            "replay `past`: samples of 1970-01-01T00:00:03.000Z come after later ones; detectors "
            "leave such samples out");
}

TEST_F(ReplayPluginTest, ABrokenFileIsTheNodesState) {
  Start({{"file", files_.Write("a.csv", "timestamp,cpu\n1,1\n2,x\n")}});
  EXPECT_THAT(source_->Poll(), HasSubstr("a.csv:3: column 2 (cpu): 'x' is not a number"));
  EXPECT_THAT(source_->Poll(), HasSubstr("a.csv:3: "));
}

TEST_F(ReplayPluginTest, AFileWithoutSamplesIsSaid) {
  Start({{"file", files_.Write("a.csv", "timestamp,cpu\n1,\n")}, {"loop", true}});
  EXPECT_THAT(source_->Poll(), HasSubstr("there are no samples in "));
}

TEST_F(ReplayPluginTest, AnUnfinishedRecordingIsPlayedAndSaid) {
  Start({{"file", files_.Write("rec.jsonl",
                               "{\"heald_recording\":1}\n{\"series\":0,\"name\":\"cpu\"}\n"
                               "{\"t\":1,\"v\":[[0,1]]}\n{\"t\":2,\"v\":[[0")}});
  EXPECT_THAT(Poll(), ElementsAre("cpu{} 1 @0"));
  EXPECT_THAT(source_->log()[0], HasSubstr("wasn't finished (line 4 is torn)"));
}

TEST_F(ReplayPluginTest, LeavesOutSeriesBeyondMaxSeries) {
  Start({{"file", files_.Write("a.csv", "timestamp,a,b\n1,1,2\n")}});
  source_->host().LimitSeries(1);
  EXPECT_THAT(Poll(), ElementsAre("a{} 1 @0"));
  EXPECT_EQ(source_->host().MetricTotal("dropped_samples_total|reason=max_series"), 1);
}

TEST_F(ReplayPluginTest, InternsAgainWhatExpired) {
  Start({{"file", files_.Write("a.csv", "timestamp,a\n1,1\n2,2\n3,3\n")}});
  source_->Poll();
  source_->host().Expire(source_->TakeRows()[0].series);
  EXPECT_THAT(Poll(2), ElementsAre("a{} 3 @2")) << "the one between finds the series gone";
}

}  // namespace
}  // namespace heald::replay
