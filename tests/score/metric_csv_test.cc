#include "core/backtest/metric_csv.h"

#include <gmock/gmock.h>
#include <unistd.h>
#include <zlib.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <limits>

namespace heald::backtest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsNan;

class MetricCsvTest : public ::testing::Test {
 protected:
  MetricCsvTest()
      : path_(::testing::TempDir() + "metric_csv_test." + std::to_string(getpid()) + ".csv") {}
  ~MetricCsvTest() override { std::remove(path_.c_str()); }

  void Write(const std::string& text) { std::ofstream(path_, std::ios::binary) << text; }
  void Open(const std::string& text) {
    Write(text);
    Result<std::unique_ptr<MetricCsv>> opened = MetricCsv::Open(path_);
    ASSERT_TRUE(opened) << opened.error().message;
    csv_ = std::move(*opened);
  }
  const CsvRow& Row() {
    const Result<const CsvRow*> row = csv_->Next();
    EXPECT_TRUE(row) << row.error().message;
    if (row && *row != nullptr) return **row;
    static const CsvRow kNone;
    ADD_FAILURE() << "no row";
    return kNone;
  }
  // The first complaint, without the folder.
  std::string Complaint(const std::string& text) {
    Write(text);
    Result<std::unique_ptr<MetricCsv>> opened = MetricCsv::Open(path_);
    if (!opened) return Short(opened.error().message);
    for (;;) {
      const Result<const CsvRow*> row = (*opened)->Next();
      if (!row) return Short(row.error().message);
      if (*row == nullptr) return "";
    }
  }
  std::string Short(const std::string& message) {
    const std::string stem = path_.substr(0, path_.size() - 4);
    return message.starts_with(stem) ? message.substr(stem.size()) : message;
  }

  const std::string path_;
  std::unique_ptr<MetricCsv> csv_;
};

TEST_F(MetricCsvTest, ReadsEveryFormOfTime) {
  Open(
      "timestamp,cpu\n"
      "2024-02-29T12:00:00Z,1\n"
      "2024-02-29T14:00:01.5+02:00,2\n"
      "2024-02-29 12:00:02,3\n"
      "1709208003,4\n"
      "1709208003.250,5\n");
  constexpr int64_t kNoonNs = 1'709'208'000 * kSecond;
  EXPECT_EQ(Row().ts_ns, kNoonNs);
  EXPECT_EQ(Row().ts_ns, kNoonNs + kSecond * 3 / 2);
  EXPECT_EQ(Row().ts_ns, kNoonNs + 2 * kSecond);
  EXPECT_EQ(Row().ts_ns, kNoonNs + 3 * kSecond);
  const CsvRow& last = Row();
  EXPECT_EQ(last.ts_ns, kNoonNs + kSecond * 13 / 4);
  EXPECT_EQ(last.time, "1709208003.250");
  EXPECT_EQ(csv_->line(), 6u);
}

TEST_F(MetricCsvTest, WithoutAHeaderThereIsARowAMinute) {
  Open("0.5,1e-3\n-2,+7\n");
  EXPECT_FALSE(csv_->timed());
  EXPECT_THAT(csv_->columns(), ElementsAre("m1", "m2"));
  EXPECT_EQ(Row().ts_ns, MetricCsv::kFirstNs);
  const CsvRow& second = Row();
  EXPECT_EQ(second.ts_ns, MetricCsv::kFirstNs + kMinute);
  EXPECT_THAT(second.values, ElementsAre(-2, 7));
  EXPECT_EQ(second.time, "");
}

TEST_F(MetricCsvTest, AHeaderMayComeWithoutTimes) {
  Open("cpu,memory\n1,2\n");
  EXPECT_FALSE(csv_->timed());
  EXPECT_THAT(csv_->columns(), ElementsAre("cpu", "memory"));
  EXPECT_THAT(Row().values, ElementsAre(1, 2));
}

TEST_F(MetricCsvTest, EmptyAndNanAreMissing) {
  Open("time,a,b,c,d,e\n1,,NaN, null ,inf,1e999\n");
  EXPECT_THAT(Row().values,
              ElementsAre(IsNan(), IsNan(), IsNan(), std::numeric_limits<double>::infinity(),
                          std::numeric_limits<double>::infinity()));
}

TEST_F(MetricCsvTest, TakesQuotesSpacesCarriageReturnsAndAMissingLastNewline) {
  Open("\xef\xbb\xbf\"timestamp\",\"a,b\", c \r\n\"1970-01-01 00:00:01\", 1 ,\"2\"\r\n\r\n2,3,4");
  EXPECT_THAT(csv_->columns(), ElementsAre("a,b", "c"));
  EXPECT_THAT(Row().values, ElementsAre(1, 2));
  EXPECT_THAT(Row().values, ElementsAre(3, 4));
  const Result<const CsvRow*> end = csv_->Next();
  ASSERT_TRUE(end);
  EXPECT_EQ(*end, nullptr);
}

TEST_F(MetricCsvTest, ReadsGzippedFilesOfManyBlocks) {
  const gzFile out = gzopen(path_.c_str(), "wb");
  for (int i = 0; i < 60'000; ++i) gzprintf(out, "%d,0.123456,%d\n", i, 2 * i);
  gzclose(out);
  Result<std::unique_ptr<MetricCsv>> csv = MetricCsv::Open(path_);
  ASSERT_TRUE(csv);
  int rows = 0;
  for (;; ++rows) {
    const Result<const CsvRow*> row = (*csv)->Next();
    ASSERT_TRUE(row) << row.error().message;
    if (*row == nullptr) break;
    ASSERT_THAT((*row)->values, ElementsAre(rows, 0.123456, 2 * rows));
  }
  EXPECT_EQ(rows, 60'000);
}

TEST_F(MetricCsvTest, ACutOffGzipFileIsAnError) {
  const gzFile out = gzopen(path_.c_str(), "wb");
  for (int i = 0; i < 60'000; ++i) gzprintf(out, "%d,%d\n", i, i * 7919 % 60'013);
  gzclose(out);
  std::ifstream in(path_, std::ios::binary);
  const std::string all((std::istreambuf_iterator<char>(in)), {});
  EXPECT_THAT(Complaint(all.substr(0, all.size() / 2)), HasSubstr("cut off"));
}

TEST_F(MetricCsvTest, ComplaintsNameLineAndColumn) {
  EXPECT_EQ(Complaint("timestamp,cpu,mem\n1,2,3\n2,3,four\n"),
            ".csv:3: column 3 (mem): 'four' is not a number; leave the cell empty where none is "
            "known");
  EXPECT_EQ(Complaint("1,2\n3\n"), ".csv:2: 1 cell where 2 are expected");
  EXPECT_THAT(Complaint("timestamp,cpu\nyesterday,1\n"), HasSubstr(".csv:2: column 1: "));
  EXPECT_THAT(Complaint("timestamp,cpu\n1709208000000,1\n"), HasSubstr("not milliseconds"));
  EXPECT_THAT(Complaint("timestamp,cpu\n2023-02-29 00:00:00,1\n"), HasSubstr("no such day"));
  EXPECT_THAT(Complaint("timestamp,cpu\n2023-02-28T-1:00:00Z,1\n"), HasSubstr("not a time"));
  EXPECT_THAT(Complaint("timestamp,cpu\n2023-02-28T00:00:nan,1\n"), HasSubstr("not a time"));
  EXPECT_THAT(Complaint("timestamp,cpu\nnan,1\n"), HasSubstr("write 2026-"));
  EXPECT_THAT(Complaint("timestamp,cpu\n9999-12-31T23:59:59Z,1\n"), HasSubstr("1680 to 2260"));
  EXPECT_THAT(Complaint("2024-01-01 00:00:00,1\n"), HasSubstr("no header"));
  EXPECT_THAT(Complaint("timestamp,a,a\n"), HasSubstr("two columns are called 'a'"));
  EXPECT_THAT(Complaint("timestamp,a,\n"), HasSubstr(".csv:1: column 3: this column has no name"));
  EXPECT_THAT(Complaint("timestamp\n1\n"), HasSubstr("no metric"));
  EXPECT_THAT(Complaint("a,b\n\"1,2\n"), HasSubstr("a quote is opened"));
  EXPECT_THAT(Complaint(""), HasSubstr("the file is empty"));
  const Result<std::unique_ptr<MetricCsv>> none = MetricCsv::Open("/nowhere/x.csv");
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("can't read /nowhere/x.csv"));
}

}  // namespace
}  // namespace heald::backtest
