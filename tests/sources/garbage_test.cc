// A server that answers wrongly, in every way that one does: the node's state says it clearly,
// nothing is made up, lost or doubled, and the first good answer ends it.
#include <gtest/gtest.h>

#include "tests/sources/polled.h"

namespace heald::testing {
namespace {

using fakes::FakeReply;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

struct Wrong {
  const char* name;
  FakeReply reply;
  bool waits = false;  // the server asked to be left alone for a while
};

std::vector<Wrong> AllWrongs() {
  const std::string half = R"({"status":"success","data":{"resultType":"vector","result":[{"me)";
  return {
      {"AWebPage", {.headers = {{"Content-Type", "text/html"}}, .body = "<html>hello</html>"}},
      {"HalfOfTheText", {.body = half}},
      {"HalfAnAnswer", {.body = half + half, .cut_after_bytes = 20}},
      {"AnInternalError", {.status = 500, .body = "on fire"}},
      {"Unavailable", {.status = 503, .body = "starting"}},
      {"TooManyRequests", {.status = 429, .headers = {{"Retry-After", "2"}}}, true},
      {"SlowBytes", {.body = std::string(4000, ' '), .chunk_bytes = 1, .pause = milliseconds(20)}},
      {"NoAnswer", {.delay = milliseconds(5000)}},
      {"ClosedWithoutAnswer", {.close_silently = true}},
      {"AReset", {.reset = true}},
      {"NoHttp", {.raw = "SSH-2.0-OpenSSH_9.2\r\n"}},
      {"NotAllowed", {.status = 403, .body = "no"}},
  };
}

constexpr milliseconds kWithin{150};

class SourceGarbageTest : public ::testing::TestWithParam<std::tuple<size_t, size_t>> {};

TEST_P(SourceGarbageTest, IsToldAndNothingIsMadeUpLostOrDoubled) {
  const PolledSource& source = Polled()[std::get<0>(GetParam())];
  const Wrong wrong = AllWrongs()[std::get<1>(GetParam())];
  const auto server = source.serve();
  PolledRun run(source, server->url());
  ASSERT_EQ(run.Poll(), "");
  ASSERT_EQ(run.Poll(), "");
  ASSERT_GT(run.TakeRows(), 0u);
  ASSERT_EQ(run.log_lines(), 0u);

  server->SetFault([&](const fakes::FakeRequest&) { return wrong.reply; });
  const auto begun = steady_clock::now();
  const std::string health = run.Poll(kWithin);
  EXPECT_NE(health, "");
  EXPECT_LT(steady_clock::now() - begun, milliseconds(1500)) << "a poll keeps to its time";
  EXPECT_EQ(run.TakeRows(), 0u) << "nothing is known, so nothing is said";
  const size_t lines = run.log_lines();
  EXPECT_GE(lines, 1u);
  EXPECT_NE(run.Poll(kWithin), "") << "the state lasts as long as the trouble";
  EXPECT_EQ(run.TakeRows(), 0u);
  EXPECT_EQ(run.log_lines(), lines) << "it is told once; " << run.log().back();

  server->SetFault({});
  std::string again = run.Poll();
  if (wrong.waits)
    for (int i = 0; i < 3 && !again.empty(); ++i) again = run.Poll();
  EXPECT_EQ(again, "") << "the first good answer ends it";
  EXPECT_GT(run.TakeRows(), 0u);
  EXPECT_EQ(run.log_lines(), lines + 1) << "and that is told once";
  ASSERT_EQ(run.Poll(), "");
  EXPECT_GT(run.TakeRows(), 0u);
  EXPECT_EQ(run.disorder(), "");
  if (source.catches_up) {
    EXPECT_EQ(run.longest_gap_ns(), kSecond) << "what was left out came afterwards";
  }
}

INSTANTIATE_TEST_SUITE_P(Polled, SourceGarbageTest,
                         ::testing::Combine(::testing::Range<size_t>(0, Polled().size()),
                                            ::testing::Range<size_t>(0, AllWrongs().size())),
                         [](const auto& test) {
                           return Polled()[std::get<0>(test.param)].name +
                                  AllWrongs()[std::get<1>(test.param)].name;
                         });

}  // namespace
}  // namespace heald::testing
