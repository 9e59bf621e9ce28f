#include "core/api/token_watch.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "core/base/units.h"
#include "tests/api/state_folder.h"

namespace heald::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Verdict = TokenWatch::Verdict;

class ApiTokenWatchTest : public StateFolder {
 protected:
  // Later by less than a second, as an operator would wait.
  void Later() { clock_.Advance(900 * kMillisecond); }

  VirtualClock clock_{1'800'000'000 * kSecond};
  std::vector<std::string> notices_;
  TokenWatch watch_{File(), clock_, [this](bool bad, const std::string& text) {
                      notices_.push_back((bad ? "bad: " : "good: ") + text);
                    }};
};

TEST_F(ApiTokenWatchTest, SeesNewAndRevokedTokensWithinASecond) {
  EXPECT_FALSE(watch_.Exists());
  const NewToken anna = Make("anna");
  Later();
  EXPECT_TRUE(watch_.Exists());
  EXPECT_EQ(watch_.Check(anna.text).verdict, Verdict::kLive);
  EXPECT_EQ(watch_.Check(anna.text).token.name, "anna");
  const NewToken bob = Make("bob");
  Later();
  EXPECT_EQ(watch_.Check(bob.text).verdict, Verdict::kLive);
  EXPECT_TRUE(watch_.IsLive(anna.token.id));
  ASSERT_TRUE(RevokeTokens(dir_, "anna"));
  Later();
  EXPECT_EQ(watch_.Check(anna.text).verdict, Verdict::kUnknown);
  EXPECT_FALSE(watch_.IsLive(anna.token.id));
  EXPECT_EQ(watch_.Check(bob.text).verdict, Verdict::kLive);
  EXPECT_THAT(notices_, IsEmpty());
}

TEST_F(ApiTokenWatchTest, LooksAtTheFileAFewTimesPerSecondOnly) {
  EXPECT_FALSE(watch_.Exists());
  Make("anna");
  clock_.Advance(200 * kMillisecond);
  EXPECT_FALSE(watch_.Exists());
  clock_.Advance(60 * kMillisecond);
  EXPECT_TRUE(watch_.Exists());
}

TEST_F(ApiTokenWatchTest, SeesAChangeOfASettledFile) {
  clock_.Set(SystemClock().NowNs() + kHour);
  const NewToken anna = Make("anna");
  EXPECT_EQ(watch_.Check(anna.text).verdict, Verdict::kLive);
  Later();
  EXPECT_EQ(watch_.Check(anna.text).verdict, Verdict::kLive);
  ASSERT_TRUE(RevokeTokens(dir_, "anna"));
  Later();
  EXPECT_EQ(watch_.Check(anna.text).verdict, Verdict::kUnknown);
}

TEST_F(ApiTokenWatchTest, ATokenExpires) {
  const NewToken anna = Make("anna", Role::kViewer, clock_.NowNs() + kMinute);
  EXPECT_EQ(watch_.Check(anna.text).verdict, Verdict::kLive);
  clock_.Advance(kMinute - 1);
  EXPECT_EQ(watch_.Check(anna.text).verdict, Verdict::kLive);
  clock_.Advance(1);
  EXPECT_EQ(watch_.Check(anna.text).verdict, Verdict::kExpired);
  EXPECT_FALSE(watch_.IsLive(anna.token.id));
}

TEST_F(ApiTokenWatchTest, TheWholeSecretCounts) {
  const NewToken anna = Make("anna");
  const NewToken bob = Make("bob");
  for (size_t i = 0; i < anna.text.size(); ++i) {
    std::string wrong = anna.text;
    wrong[i] = wrong[i] == '0' ? '1' : '0';
    EXPECT_EQ(watch_.Check(wrong).verdict, Verdict::kUnknown) << i;
    EXPECT_EQ(watch_.Check(anna.text.substr(0, i)).verdict, Verdict::kUnknown) << i;
  }
  const std::string crossed =
      "heald_" + anna.token.id + "_" + std::string(SplitToken(bob.text)->secret);
  for (const std::string& wrong :
       {crossed, anna.text + "0", " " + anna.text, anna.text + " ", anna.token.sha256,
        "heald_" + anna.token.id + "_" + anna.token.sha256, "heald_00000000_" + anna.token.sha256})
    EXPECT_EQ(watch_.Check(wrong).verdict, Verdict::kUnknown) << wrong;
}

// What an unknown id is compared with must not be something that could be presented.
TEST_F(ApiTokenWatchTest, NothingMatchesWithoutTokens) {
  for (const char* text : {"", "heald_00000000_0", "heald__", "0"})
    EXPECT_EQ(watch_.Check(text).verdict, Verdict::kUnknown);
}

TEST_F(ApiTokenWatchTest, ADamagedFileLetsNobodyNewInAndKeepsTheOthers) {
  const NewToken anna = Make("anna");
  ASSERT_EQ(watch_.Check(anna.text).verdict, Verdict::kLive);
  const NewToken bob = Make("bob");
  const std::string good = Text();
  Overwrite(good.substr(0, good.size() / 2));
  Later();
  EXPECT_EQ(watch_.Check(bob.text).verdict, Verdict::kUnknown);
  EXPECT_EQ(watch_.Check(anna.text).verdict, Verdict::kLive);
  Later();
  EXPECT_TRUE(watch_.Exists());
  ASSERT_THAT(notices_, SizeIs(1)) << "said once";
  EXPECT_THAT(notices_[0], HasSubstr("bad: the tokens file " + File()));
  Overwrite(good);
  Later();
  EXPECT_EQ(watch_.Check(bob.text).verdict, Verdict::kLive);
  ASSERT_THAT(notices_, SizeIs(2));
  EXPECT_THAT(notices_[1], HasSubstr("good: "));
}

TEST_F(ApiTokenWatchTest, ADamagedFileAtTheStartIsAFileAllTheSame) {
  Overwrite("");
  EXPECT_TRUE(watch_.Exists());
  EXPECT_THAT(watch_.List(), IsEmpty());
}

TEST_F(ApiTokenWatchTest, ARemovedFileTakesItsTokensAlong) {
  const NewToken anna = Make("anna");
  ASSERT_EQ(watch_.Check(anna.text).verdict, Verdict::kLive);
  std::filesystem::remove(File());
  Later();
  EXPECT_EQ(watch_.Check(anna.text).verdict, Verdict::kUnknown);
  EXPECT_FALSE(watch_.Exists());
}

TEST_F(ApiTokenWatchTest, RemembersWhenATokenWasUsed) {
  const NewToken anna = Make("anna");
  const NewToken bob = Make("bob");
  watch_.Check(anna.text);
  const int64_t used_ns = clock_.NowNs();
  Later();
  std::vector<std::pair<std::string, int64_t>> uses;
  for (const TokenUse& use : watch_.List()) uses.emplace_back(use.token.name, use.last_used_ns);
  EXPECT_THAT(uses, ElementsAre(std::pair("anna", used_ns), std::pair("bob", 0)));
}

TEST_F(ApiTokenWatchTest, NeverLosesATokenWhileOthersAreMade) {
  const NewToken anna = Make("anna");
  std::atomic<bool> done{false};
  std::thread command([&] {
    for (int i = 0; i < 50; ++i) {
      EXPECT_TRUE(CreateToken(dir_, {"robot", Role::kViewer, 1, 0, "x"}));
      if (i % 10 == 9) {
        EXPECT_TRUE(RevokeTokens(dir_, "robot"));
      }
    }
    done = true;
  });
  std::vector<std::thread> clients;
  for (int t = 0; t < 2; ++t)
    clients.emplace_back([&] {
      do {
        clock_.Advance(kSecond);
        EXPECT_EQ(watch_.Check(anna.text).verdict, Verdict::kLive);
      } while (!done);
    });
  command.join();
  for (std::thread& client : clients) client.join();
  EXPECT_THAT(notices_, IsEmpty());
}

}  // namespace
}  // namespace heald::api
