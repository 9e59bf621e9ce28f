// What a recorder writes, a reader reads, also where the recorder was killed.
#include <gmock/gmock.h>
#include <unistd.h>
#include <zlib.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <limits>
#include <sstream>

#include "plugins/support/recording/recording_reader.h"
#include "plugins/support/recording/recording_writer.h"

namespace heald::recording {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::StartsWith;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr int64_t kStartNs = 1'763'800'000'000'000'000;

class RecordingTest : public ::testing::Test {
 protected:
  ~RecordingTest() override {
    for (const std::string& path : {plain_, zipped_}) std::remove(path.c_str());
  }

  static std::unique_ptr<RecordingWriter> Create(const std::string& path) {
    std::string error;
    std::unique_ptr<RecordingWriter> writer =
        RecordingWriter::Create(path, path.ends_with(".gz"),
                                {kStartNs, "heald test", {{"prom", {"cpu", "latency"}}}}, &error);
    EXPECT_TRUE(writer) << error;
    return writer;
  }
  static std::unique_ptr<HistoryFile> Open(const std::string& path) {
    std::string error;
    std::unique_ptr<HistoryFile> file = HistoryFile::Open(path, &error);
    EXPECT_TRUE(file) << error;
    return file;
  }
  static std::string Bytes(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void Write(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
  }
  static std::vector<Moment> All(HistoryFile& file, Step* last = nullptr) {
    std::vector<Moment> moments;
    Moment moment;
    Step step = file.Next(&moment);
    for (; step == Step::kNext; step = file.Next(&moment)) moments.push_back(moment);
    if (last != nullptr) *last = step;
    return moments;
  }
  // What is said of a recording with these lines behind a good head.
  std::string Complaint(const std::string& lines) {
    Write(plain_, "{\"heald_recording\":1}\n" + lines);
    const std::unique_ptr<HistoryFile> file = Open(plain_);
    Step last = Step::kNext;
    All(*file, &last);
    if (last == Step::kEnd) return "remark: " + file->remark();
    return file->error().substr(file->error().find(".jsonl"));
  }

  const std::string plain_ = ::testing::TempDir() + std::to_string(getpid()) + "recording.jsonl";
  const std::string zipped_ = plain_ + ".gz";
};

TEST_F(RecordingTest, ComesBackAsItWasWritten) {
  for (const std::string& path : {plain_, zipped_}) {
    std::unique_ptr<RecordingWriter> writer = Create(path);
    EXPECT_EQ(writer->Declare({"prom", "cpu", {{"service", "a \"b\" \xc3\xa9\n"}}}), 0u);
    const RecordedSample first[] = {{0, 0.1}};
    writer->Add(kStartNs + 1, first);
    EXPECT_EQ(writer->Declare({"prom", "latency", {}}), 1u);
    const RecordedSample second[] = {{0, 1e-300}, {1, -0.0}};
    writer->Add(kStartNs + 250'000'000, second);
    ASSERT_TRUE(writer->Finish(kStartNs)) << writer->error();
    EXPECT_EQ(writer->samples_total(), 3u);

    const std::unique_ptr<HistoryFile> file = Open(path);
    EXPECT_THAT(file->outputs(), ElementsAre(Pair("prom", ElementsAre("cpu", "latency"))));
    EXPECT_TRUE(file->series().empty());
    const std::vector<Moment> moments = All(*file);
    ASSERT_EQ(moments.size(), 2u);
    EXPECT_EQ(moments[0].ts_ns, kStartNs + 1);
    EXPECT_EQ(moments[1].ts_ns, kStartNs + 250'000'000);
    EXPECT_EQ(moments[0].samples[0].value, 0.1);
    EXPECT_EQ(moments[1].samples[0].value, 1e-300);
    EXPECT_TRUE(std::signbit(moments[1].samples[1].value));
    EXPECT_EQ(file->series()[0].labels.Get("service"), "a \"b\" \xc3\xa9\n");
    EXPECT_EQ(file->series()[1].source, "prom");
    EXPECT_EQ(file->remark(), "");
  }
}

TEST_F(RecordingTest, NumbersThatJsonHasntSurvive) {
  std::unique_ptr<RecordingWriter> writer = Create(plain_);
  writer->Declare({"s", "m", {}});
  const RecordedSample samples[] = {{0, std::nan("")},
                                    {0, kInf},
                                    {0, -kInf},
                                    {0, 5e-324},
                                    {0, std::numeric_limits<double>::max()}};
  writer->Add(-1, samples);
  ASSERT_TRUE(writer->Finish(0));
  const std::vector<Moment> moments = All(*Open(plain_));
  ASSERT_EQ(moments.size(), 1u);
  EXPECT_EQ(moments[0].ts_ns, -1);
  EXPECT_TRUE(std::isnan(moments[0].samples[0].value));
  for (size_t i = 1; i < std::size(samples); ++i)
    EXPECT_EQ(moments[0].samples[i].value, samples[i].value);
}

TEST_F(RecordingTest, IsReadableText) {
  std::unique_ptr<RecordingWriter> writer = Create(plain_);
  writer->Declare({"prom", "cpu", {{"service", "a"}}});
  const RecordedSample samples[] = {{0, 0.5}};
  writer->Add(kStartNs + 250'000'000, samples);
  writer->Finish(kStartNs + 1'000'000'000);
  EXPECT_EQ(Bytes(plain_),
            "{\"heald_recording\":1,\"began\":\"2025-11-22T08:26:40.000Z\",\"by\":\"heald test\","
            "\"sources\":{\"prom\":[\"cpu\",\"latency\"]}}\n"
            "{\"series\":0,\"source\":\"prom\",\"name\":\"cpu\",\"labels\":{\"service\":\"a\"}}\n"
            "{\"t\":1763800000.25,\"v\":[[0,0.5]]}\n"
            "{\"end\":\"2025-11-22T08:26:41.000Z\",\"series\":1,\"samples\":1}\n");
}

TEST_F(RecordingTest, ManySamplesOfOneTimeTakeSeveralLines) {
  std::unique_ptr<RecordingWriter> writer = Create(zipped_);
  std::vector<RecordedSample> samples;
  for (uint32_t i = 0; i < 25'000; ++i) {
    writer->Declare({"s", "m", {{"i", std::to_string(i)}}});
    samples.push_back({i, i + 0.123456789012345});
  }
  writer->Add(kStartNs, samples);
  ASSERT_TRUE(writer->Finish(kStartNs));
  const std::unique_ptr<HistoryFile> file = Open(zipped_);
  uint32_t next = 0;
  for (const Moment& moment : All(*file))
    for (const RecordedSample& sample : moment.samples) {
      EXPECT_EQ(moment.ts_ns, kStartNs);
      ASSERT_EQ(sample.series, next);
      ASSERT_EQ(sample.value, samples[next++].value);
    }
  EXPECT_EQ(next, 25'000u);
  EXPECT_EQ(file->series()[24'999].labels.Get("i"), "24999");
}

// Every place at which a write may be torn: what comes before is there, and it is said.
TEST_F(RecordingTest, WhatAKilledRecorderLeftIsRead) {
  std::unique_ptr<RecordingWriter> writer = Create(plain_);
  writer->Declare({"prom", "cpu", {{"service", "a"}}});
  for (int i = 0; i < 3; ++i) {
    const RecordedSample samples[] = {{0, 0.5 * i}};
    writer->Add(kStartNs + i, samples);
  }
  writer->Finish(kStartNs);
  const std::string whole = Bytes(plain_);
  const size_t head = whole.find('\n') + 1;
  for (size_t size = head; size < whole.size() - 1; ++size) {
    Write(plain_, whole.substr(0, size));
    const std::unique_ptr<HistoryFile> file = Open(plain_);
    Step last = Step::kNext;
    const std::vector<Moment> moments = All(*file, &last);
    ASSERT_EQ(last, Step::kEnd) << file->error();
    ASSERT_THAT(file->remark(), HasSubstr("wasn't finished")) << size;
    size_t lines = 0;
    for (size_t at = whole.find("{\"t\""); at < size; at = whole.find("{\"t\"", at + 1)) {
      const size_t close = whole.find("]]}", at);
      lines += close + 3 <= size;
    }
    ASSERT_EQ(moments.size(), lines) << size;
  }
  Write(plain_, whole.substr(0, head / 2));
  std::string error;
  EXPECT_FALSE(HistoryFile::Open(plain_, &error));
  EXPECT_THAT(error, HasSubstr(plain_ + ":1: the first line isn't that of a recording"));
}

TEST_F(RecordingTest, ACompressedOneIsReadUpToItsLastFlush) {
  std::unique_ptr<RecordingWriter> writer = Create(zipped_);
  writer->Declare({"prom", "cpu", {}});
  const RecordedSample samples[] = {{0, 1}};
  for (int i = 0; i < 100; ++i) writer->Add(kStartNs + i, samples);
  ASSERT_TRUE(writer->Flush());
  const std::string flushed = Bytes(zipped_);  // as kill -9 would leave it
  writer.reset();
  for (const size_t more : {0, 1, 7}) {
    Write(zipped_, flushed + std::string(more, '\x5a'));
    const std::unique_ptr<HistoryFile> file = Open(zipped_);
    Step last = Step::kNext;
    EXPECT_GE(All(*file, &last).size(), 100u);
    if (more == 0) {
      EXPECT_EQ(last, Step::kEnd) << file->error();
      EXPECT_THAT(file->remark(), HasSubstr("wasn't finished"));
    }
  }
  Write(zipped_, flushed.substr(0, flushed.size() - 40));
  const std::unique_ptr<HistoryFile> file = Open(zipped_);
  Step last = Step::kNext;
  const size_t read = All(*file, &last).size();
  EXPECT_EQ(last, Step::kEnd) << file->error();
  EXPECT_LE(read, 100u);
}

TEST_F(RecordingTest, ABrokenLineInTheMiddleIsAnError) {
  const std::string series = "{\"series\":0,\"name\":\"m\"}\n";
  const std::string good = "{\"t\":1,\"v\":[[0,1]]}\n";
  EXPECT_THAT(Complaint(series + "{\"t\":1,\"v\":[[0,1\n" + good),
              StartsWith(".jsonl:3: samples are written {\"t\":"));
  EXPECT_THAT(Complaint("{\"t\":1,\"v\":[[0,1]]}\n" + series),
              StartsWith(".jsonl:2: a sample is of a series that no line above declares"));
  EXPECT_THAT(Complaint(series + "{\"t\":\"1\",\"v\":[]}\n"),
              StartsWith(".jsonl:3: the time must be seconds since 1970"));
  EXPECT_THAT(Complaint(series + "{\"t\":1.0000000001,\"v\":[]}\n"),
              StartsWith(".jsonl:3: the time must be seconds since 1970"));
  EXPECT_THAT(Complaint(series + "{\"t\":1,\"v\":[[0,null]]}\n"),
              StartsWith(".jsonl:3: a value must be a number"));
  EXPECT_THAT(Complaint(series + "{\"t\":1,\"v\":[[0,1]]}{}\n"),
              StartsWith(".jsonl:3: samples are written"));
  EXPECT_THAT(Complaint("{\"series\":1,\"name\":\"m\"}\n"),
              StartsWith(".jsonl:2: series are numbered from 0 on; 0 comes next"));
  EXPECT_THAT(Complaint("{\"series\":0}\n"), StartsWith(".jsonl:2: not a line of a recording"));
  EXPECT_THAT(Complaint("{\"series\":0,\"name\":\"m\",\"labels\":{\"a\":1}}\n"),
              StartsWith(".jsonl:2: not a line of a recording"));
  EXPECT_THAT(Complaint("[1,2]\n"), StartsWith(".jsonl:2: not a line of a recording"));
  EXPECT_THAT(Complaint(series + "{\"end\":\"now\"}\n" + good),
              StartsWith(".jsonl:4: there is something behind the recording's last line"));
  EXPECT_EQ(Complaint(series + good + "{\"end\":\"now\"}"), "remark: ");
}

TEST_F(RecordingTest, BlanksAndOrderlyFractionsDontMatter) {
  Write(plain_,
        "{ \"heald_recording\": 1 }\r\n\r\n"
        "{\"name\": \"m\", \"series\": 0}\r\n"
        "{\"t\": 1.5 , \"v\": [ [0, 1], [ 0 , -2.5e3 ] ] }\r\n");
  const std::vector<Moment> moments = All(*Open(plain_));
  ASSERT_EQ(moments.size(), 1u);
  EXPECT_EQ(moments[0].ts_ns, 1'500'000'000);
  EXPECT_EQ(moments[0].samples[1].value, -2500);
}

TEST_F(RecordingTest, ALaterFormatIsRefused) {
  Write(plain_, "{\"heald_recording\":2}\n");
  std::string error;
  EXPECT_FALSE(HistoryFile::Open(plain_, &error));
  EXPECT_THAT(error, HasSubstr("this recording has format 2, this heald reads format 1"));
}

TEST_F(RecordingTest, AFullDiskIsSaid) {
  std::string error;
  EXPECT_FALSE(RecordingWriter::Create("/nowhere/rec.jsonl", false, {}, &error));
  EXPECT_EQ(error, "can't write /nowhere/rec.jsonl: No such file or directory");
  EXPECT_FALSE(RecordingWriter::Create("/dev/full", false, {}, &error));
  EXPECT_EQ(error, "can't write /dev/full: No space left on device");
}

}  // namespace
}  // namespace heald::recording
