// log_patterns keeps to its bounds whatever comes, and allocates nothing for lines it knows.
#include <gtest/gtest.h>

#include "tests/log_patterns/harness.h"
#include "tests/sdk/allocation_counter.h"

namespace heald::log_patterns {
namespace {

using heald::testing::Allocations;
using heald::testing::LiveBytes;

const sdk::LabelSet kShop{{"service", "shop"}};

TEST(LogPatternsMemoryTest, KnownLinesAllocateNothing) {
  Splitter splitter(4096);
  Templates templates(TreeLimits{});
  const std::string line = "GET /users/42 took 17ms";
  const auto learn = [&] {
    const auto tokens = splitter.Split(line);
    templates.Learn(line, tokens, splitter.hash(), 1);
  };
  learn();
  const uint64_t before = Allocations();
  for (int i = 0; i < 1000; ++i) learn();
  EXPECT_EQ(Allocations(), before);
}

TEST(LogPatternsMemoryTest, AFloodOfNewLinesStaysWithinBounds) {
  Config config;
  config.max_templates = 1000;
  const int64_t before = LiveBytes();
  Harness log(config);
  uint64_t random = 1;
  int64_t peak = 0;
  for (int i = 0; i < 5'000; ++i) {
    std::string line;
    for (int word = 0; word < 20; ++word) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      for (int c = 0; c < 8; ++c) line += static_cast<char>('a' + (random >> (20 + 5 * c)) % 26);
      line += ' ';
    }
    log.Feed(kShop, line);
    if (i % 100 == 0) log.Pass(1);
    peak = std::max(peak, LiveBytes() - before);
  }
  EXPECT_LT(peak, int64_t{6} << 20) << "about 3 KiB a template of 20 words";
}

}  // namespace
}  // namespace heald::log_patterns
