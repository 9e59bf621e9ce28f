// Odd input for log_patterns, through the built plugin: lines no program should write.
#include <gmock/gmock.h>

#include "tests/detectors/loaded_detector.h"
#include "tests/detectors/torn_state.h"
#include "tests/sdk/allocation_counter.h"

namespace heald {
namespace {

using heald::testing::LiveBytes;
using heald::testing::LoadedDetector;
using sdk::testing::FakeHost;

class DetectorsOddLinesTest : public ::testing::Test {
 protected:
  heald_series Stream(const std::string& instance) {
    return host_.host().Intern("app", {{"instance", instance}});
  }
  void Line(std::string_view text, int64_t late_ns = 0) {
    ASSERT_NO_FATAL_FAILURE(detector_.Log(text, stream_, host_.now_ns() - late_ns));
  }
  void Usual(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      host_.Advance(sdk::Seconds(1));
      ASSERT_NO_FATAL_FAILURE(Line("request " + std::to_string(i) + " served"));
      ASSERT_NO_FATAL_FAILURE(detector_.Tick());
    }
  }

  FakeHost host_;
  LoadedDetector detector_{host_, "log_patterns"};
  heald_series stream_ = Stream("a");
};

TEST_F(DetectorsOddLinesTest, NoLineIsTooOdd) {
  ASSERT_NO_FATAL_FAILURE(Usual(400));
  const std::string long_word(1'000'000, 'x');
  std::string many_words;
  for (int i = 0; i < 100'000; ++i) many_words += "w ";
  for (const std::string& odd :
       {std::string(), std::string(1, '\0'), std::string("\xff\xfe\x80 \xc3"), long_word,
        many_words, std::string(5000, ' '), std::string("\x1b[31mred\x1b[0m\r\t\v"),
        std::string("1e999 NaN -Inf 0x0 18446744073709551616")}) {
    ASSERT_NO_FATAL_FAILURE(Line(odd));
    ASSERT_NO_FATAL_FAILURE(Line(odd, 0));
    ASSERT_NO_FATAL_FAILURE(Line(odd, sdk::Minutes(600).ns));
    ASSERT_NO_FATAL_FAILURE(Line(odd, -sdk::Minutes(600).ns));
    ASSERT_NO_FATAL_FAILURE(Usual(5));
  }
  host_.Expire(stream_);
  detector_.Expire({stream_});
}

TEST_F(DetectorsOddLinesTest, StreamsThatComeAndGoLeaveNothingBehind) {
  ASSERT_NO_FATAL_FAILURE(Usual(5));
  const auto wave = [&](int number) {
    for (int i = 0; i < 1'500; ++i) {
      const heald_series stream = Stream(std::to_string(number) + "-" + std::to_string(i));
      ASSERT_NO_FATAL_FAILURE(detector_.Log("hello world", stream, host_.now_ns()));
      host_.Expire(stream);
      detector_.Expire({stream});
    }
    ASSERT_NO_FATAL_FAILURE(Usual(1));
  };
  ASSERT_NO_FATAL_FAILURE(wave(0));
  const int64_t before = LiveBytes();
  for (int i = 1; i < 10; ++i) ASSERT_NO_FATAL_FAILURE(wave(i));
  EXPECT_LE(LiveBytes() - before, 200'000);
}

TEST_F(DetectorsOddLinesTest, ADamagedStateIsRefused) {
  ASSERT_NO_FATAL_FAILURE(Usual(300));
  FakeHost other_host;
  LoadedDetector other(other_host, "zscore");
  LoadedDetector fresh(other_host, "log_patterns");
  testing::ExpectOnlyAllOfIt(fresh, "log_patterns", detector_.Snapshot(), other.Snapshot());
}

}  // namespace
}  // namespace heald
