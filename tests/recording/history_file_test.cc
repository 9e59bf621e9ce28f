// CSV as history: a column per series, or a row per sample.
#include "plugins/support/recording/history_file.h"

#include <gmock/gmock.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdio>
#include <fstream>

#include "plugins/support/recording/series_name.h"

namespace heald::recording {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class HistoryFileTest : public ::testing::Test {
 protected:
  ~HistoryFileTest() override { std::remove(path_.c_str()); }

  void Open(const std::string& text) {
    std::ofstream(path_, std::ios::binary) << text;
    std::string error;
    file_ = HistoryFile::Open(path_, &error);
    ASSERT_TRUE(file_) << error;
  }
  // "time: series=value series=value", times in seconds.
  std::vector<std::string> Story() {
    std::vector<std::string> story;
    Moment moment;
    while (file_->Next(&moment) == Step::kNext) {
      std::string line = std::to_string(moment.ts_ns / 1'000'000'000) + ":";
      for (const RecordedSample& sample : moment.samples) {
        char value[32];
        std::snprintf(value, sizeof value, "=%g", sample.value);
        line += " " + SeriesName(file_->series()[sample.series]) + value;
      }
      story.push_back(line);
    }
    return story;
  }
  std::string Complaint(const std::string& text) {
    std::ofstream(path_, std::ios::binary) << text;
    std::string error;
    file_ = HistoryFile::Open(path_, &error);
    if (file_) {
      Story();
      error = file_->error();
    }
    const size_t at = error.find(".csv");
    return at == std::string::npos ? error : error.substr(at);
  }

  const std::string path_ = ::testing::TempDir() + std::to_string(getpid()) + "history.csv";
  std::unique_ptr<HistoryFile> file_;
};

TEST_F(HistoryFileTest, AColumnIsASeries) {
  Open(
      "timestamp,cpu,\"latency_p99{service=\"\"payments\"\", zone='a'}\",latency_p99{service='b'}\n"
      "100,1,2,3\n"
      "160,,NaN,4\n");
  EXPECT_THAT(file_->outputs(), ElementsAre(Pair("", ElementsAre("cpu", "latency_p99"))));
  EXPECT_THAT(Story(), ElementsAre("100: cpu=1 latency_p99{service=\"payments\", zone=\"a\"}=2 "
                                   "latency_p99{service=\"b\"}=3",
                                   "160: latency_p99{service=\"b\"}=4"));
}

TEST_F(HistoryFileTest, ARowIsASample) {
  Open(
      "timestamp,metric,value,service,zone\n"
      "1970-01-01T00:01:40Z,cpu,1,a,\n"
      "1970-01-01T00:01:40Z,cpu,2,b,x\n"
      "1970-01-01T00:02:40Z,cpu,,a,\n"
      "160,latency,3,a,\n");
  EXPECT_THAT(file_->outputs(), IsEmpty());
  EXPECT_THAT(Story(), ElementsAre("100: cpu{service=\"a\"}=1 cpu{service=\"b\", zone=\"x\"}=2",
                                   "160: latency{service=\"a\"}=3"));
}

TEST_F(HistoryFileTest, WithoutTimesThereIsARowAMinute) {
  Open("1,2\n3,4\n");
  EXPECT_FALSE(file_->timed());
  EXPECT_THAT(Story(), ElementsAre("946684800: m1=1 m2=2", "946684860: m1=3 m2=4"));
}

TEST_F(HistoryFileTest, OrderIsTheFiles) {
  Open("timestamp,a\n200,1\n100,2\n100,3\n");
  EXPECT_THAT(Story(), ElementsAre("200: a=1", "100: a=2", "100: a=3"));
}

TEST_F(HistoryFileTest, ReadsGzippedFiles) {
  const gzFile out = gzopen(path_.c_str(), "wb");
  gzputs(out, "timestamp,metric,value\n1,a,2\n");
  gzclose(out);
  std::string error;
  file_ = HistoryFile::Open(path_, &error);
  ASSERT_TRUE(file_) << error;
  EXPECT_THAT(Story(), ElementsAre("1: a=2"));
}

TEST_F(HistoryFileTest, ComplaintsNameTheLine) {
  EXPECT_EQ(Complaint(""), ".csv: the file is empty");
  EXPECT_EQ(Complaint("timestamp,a{x=1}\n1,2\n"),
            ".csv:1: column 'a{x=1}': labels are written {service=\"payments\", zone=\"a\"}");
  EXPECT_EQ(Complaint("timestamp,a{x='1'},a{x=\"1\"}\n1,2,3\n"),
            ".csv:1: column 'a{x=\"1\"}': two columns are the same series");
  EXPECT_EQ(Complaint("timestamp,a\n1,2\n2,x\n"),
            ".csv:3: column 2 (a): 'x' is not a number; leave the cell empty where none is known");
  EXPECT_EQ(Complaint("timestamp,metric,value,a,a\n"), ".csv:1: two columns are called 'a'");
  EXPECT_EQ(Complaint("timestamp,metric,value\n1,m\n"), ".csv:2: 2 cells where 3 are expected");
  EXPECT_EQ(Complaint("timestamp,metric,value\n1,m,1\n1,,1\n"), ".csv:3: the metric has no name");
  EXPECT_EQ(Complaint("timestamp,metric,value\n1,m,one\n"),
            ".csv:2: 'one' is not a number; leave the cell empty where none is known");
  EXPECT_THAT(Complaint("timestamp,metric,value\nnow,m,1\n"), HasSubstr(".csv:2: 'now' is not a"));
  std::string error;
  EXPECT_FALSE(HistoryFile::Open("/nowhere/x.csv", &error));
  EXPECT_EQ(error, "can't read /nowhere/x.csv: No such file or directory");
}

}  // namespace
}  // namespace heald::recording
