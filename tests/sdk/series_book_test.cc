#include "heald/series_book.h"

#include <gmock/gmock.h>

#include "heald/testing.h"

namespace heald::sdk {
namespace {

using testing::FakeHost;
using testing::FakeSink;

struct Last {
  int64_t ts_ns = 0;
  int64_t last_ns() const { return ts_ns; }
};

class SdkSeriesBookTest : public ::testing::Test {
 protected:
  static Reading At(int64_t second, Severity severity = Severity::kWarning) {
    return {.ts_ns = Seconds(second).ns, .value = 1, .severity = severity};
  }
  static std::string Saved(SeriesBook<Last>& book) {
    return book.Snapshot([](const Last& last, SnapshotWriter& out) { out.I64(last.ts_ns); });
  }
  static void Load(SeriesBook<Last>& book, std::string_view state) {
    book.Restore(state, [](SnapshotReader& in) { return Last{in.I64()}; });
  }

  FakeHost host_;
  FakeSink fake_{host_};
  Sink sink_{fake_.table()};
  heald_series series_ = host_.host().Intern("m", {{"a", "1"}});
  SeriesBook<Last> book_{host_.host(), {.name = "t"}};
};

TEST_F(SdkSeriesBookTest, SendsUpdatesAtMostEachInterval) {
  auto& row = book_.Of(series_, sink_);
  for (int64_t s = 100; s <= 125; ++s) book_.Report(row, series_, At(s), sink_);
  const auto findings = fake_.TakeFindings();
  ASSERT_EQ(findings.size(), 3u);  // 100 opens; 110 and 120 update
  EXPECT_EQ(findings[1].ts_ns, Seconds(110).ns);
  EXPECT_EQ(findings[2].ts_ns, Seconds(120).ns);
}

TEST_F(SdkSeriesBookTest, ANormalReadingKeepsTheSeverity) {
  auto& row = book_.Of(series_, sink_);
  book_.Report(row, series_, At(100, Severity::kCritical), sink_);
  book_.Report(row, series_, At(110, Severity::kNormal), sink_);
  book_.Report(row, series_, At(120, Severity::kInfo), sink_);
  const auto findings = fake_.TakeFindings();
  ASSERT_EQ(findings.size(), 3u);
  EXPECT_EQ(findings[1].severity, Severity::kCritical);
  EXPECT_EQ(findings[2].severity, Severity::kInfo);
}

TEST_F(SdkSeriesBookTest, ClearingWhatIsNotOpenSaysNothing) {
  book_.Clear(book_.Of(series_, sink_), nullptr, Cleared::kNormal, "", sink_);
  EXPECT_TRUE(fake_.TakeFindings().empty());
}

TEST_F(SdkSeriesBookTest, KeepsTheLatestTwentyValues) {
  auto& row = book_.Of(series_, sink_);
  for (int64_t s = 100; s < 150; ++s) {
    Reading reading = At(s);
    reading.value = static_cast<double>(s);
    book_.Report(row, series_, reading, sink_);
  }
  EXPECT_EQ(row.open->finding.recent.size(), 20u);
  EXPECT_EQ(row.open->finding.recent.back(), 149);
}

// A sink that refuses must not lose a finding: it stays to be opened or cleared.
TEST_F(SdkSeriesBookTest, ARefusedFindingIsSentAgain) {
  heald_sink refusing = *fake_.table();
  refusing.findings = [](void*, const heald_finding*, uint64_t, uint64_t, heald_error* error) {
    return detail::Fill(error, HEALD_FULL, "no room");
  };
  const Sink full(&refusing);
  auto& row = book_.Of(series_, sink_);
  EXPECT_THROW(book_.Report(row, series_, At(100), full), Failure);
  EXPECT_EQ(row.open, nullptr);
  book_.Report(row, series_, At(101), sink_);
  EXPECT_THROW(book_.Clear(row, nullptr, Cleared::kNormal, "", full), Failure);
  ASSERT_NE(row.open, nullptr);
  book_.Clear(row, nullptr, Cleared::kNormal, "", sink_);
  EXPECT_EQ(fake_.TakeFindings().size(), 2u);
}

TEST_F(SdkSeriesBookTest, SeriesWithEqualLabelsAllComeBack) {
  // Two nodes may feed the same labels; the detector tells them apart by handle only.
  SnapshotWriter out("t", 1);
  out.U64(5);
  out.U64(2);
  for (int64_t i = 1; i <= 2; ++i) {
    out.Labels({{"__name__", "m"}, {"a", "1"}});
    out.I64(i);
    out.U32(0);
  }
  Load(book_, std::move(out).Finish());
  EXPECT_EQ(book_.Of(series_, sink_).state.ts_ns, 1);
  book_.Tick(Minutes(61).ns, sink_);  // the other one is given up quietly
  EXPECT_TRUE(fake_.TakeFindings().empty());
}

TEST_F(SdkSeriesBookTest, ARefusedSnapshotChangesNothing) {
  auto& row = book_.Of(series_, sink_);
  row.state.ts_ns = 3;
  book_.Report(row, series_, At(1), sink_);
  const std::string before = Saved(book_);
  EXPECT_THROW(Load(book_, before.substr(0, before.size() - 4)), Failure);
  EXPECT_EQ(Saved(book_), before);
}

}  // namespace
}  // namespace heald::sdk
