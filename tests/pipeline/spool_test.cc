#include "core/base/spool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

namespace heald {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SpoolTest : public ::testing::Test {
 protected:
  SpoolTest() {
    std::string pattern = ::testing::TempDir() + "heald-spool-XXXXXX";
    dir_ = mkdtemp(pattern.data());
    path_ = dir_ + "/spool";
  }
  ~SpoolTest() override { std::filesystem::remove_all(dir_); }

  std::unique_ptr<Spool> Open(uint64_t max_bytes = kSpoolBytes) const {
    Result<std::unique_ptr<Spool>> spool = Spool::Open(path_, max_bytes);
    EXPECT_TRUE(spool) << spool.error().message;
    return std::move(*spool);
  }
  static std::vector<std::string> Texts(Spool& spool) {
    std::vector<std::string> texts;
    for (const Spool::Item& item : spool.Peek(100'000, 1 << 30)) texts.push_back(item.text);
    return texts;
  }
  static void TakeFirst(Spool& spool) {
    const uint64_t seq = spool.Peek(1, 0).at(0).seq;
    spool.Done({&seq, 1});
  }
  std::string Bytes() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void SetBytes(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
  }

  std::string dir_;
  std::string path_;
};

TEST_F(SpoolTest, KeepsTextsInOrderUntilTheyAreTakenAndOverARestart) {
  {
    const auto spool = Open();
    for (const char* text : {"a", "", "c\n\0d"}) ASSERT_TRUE(spool->Push(text));
    TakeFirst(*spool);
    EXPECT_THAT(Texts(*spool), ElementsAre("", "c\n"));
  }
  const auto spool = Open();
  EXPECT_EQ(spool->damage(), "");
  EXPECT_THAT(Texts(*spool), ElementsAre("", "c\n"));
  ASSERT_TRUE(spool->Push("later"));
  EXPECT_THAT(Texts(*spool), ElementsAre("", "c\n", "later"));
}

TEST_F(SpoolTest, OnesTakenOutOfOrderDontComeBack) {
  {
    const auto spool = Open();
    for (const char* text : {"a", "b", "c"}) ASSERT_TRUE(spool->Push(text));
    const uint64_t seq = spool->Peek(3, 100).at(1).seq;
    spool->Done({&seq, 1});
  }
  EXPECT_THAT(Texts(*Open()), ElementsAre("a", "c"));
}

TEST_F(SpoolTest, HandsOutNoMoreThanAskedForButAlwaysOne) {
  const auto spool = Open();
  for (const char* text : {"aaaa", "bb", "c"}) ASSERT_TRUE(spool->Push(text));
  EXPECT_EQ(spool->Peek(2, 100).size(), 2u);
  EXPECT_EQ(spool->Peek(3, 6).size(), 2u);
  EXPECT_EQ(spool->Peek(3, 1).size(), 1u);
}

TEST_F(SpoolTest, IsCutToNothingOnceAllIsTaken) {
  const auto spool = Open();
  const auto empty = std::filesystem::file_size(path_);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(spool->Push("text"));
  for (int i = 0; i < 10; ++i) TakeFirst(*spool);
  EXPECT_EQ(std::filesystem::file_size(path_), empty);
  EXPECT_TRUE(spool->empty());
}

TEST_F(SpoolTest, IsRewrittenWhenMostOfItIsTaken) {
  const auto spool = Open();
  const std::string text(100'000, 'x');
  ASSERT_TRUE(spool->Push("stays"));
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(spool->Push(text));
    const uint64_t seq = spool->Peek(2, 1 << 30).at(1).seq;
    spool->Done({&seq, 1});
  }
  EXPECT_LT(std::filesystem::file_size(path_), 2u << 20);
  EXPECT_THAT(Texts(*spool), ElementsAre("stays"));
  EXPECT_THAT(Texts(*Open()), ElementsAre("stays"));
}

TEST_F(SpoolTest, DropsTheOldestBeyondItsLimitAndSaysSo) {
  {
    const auto spool = Open(10);
    for (const char* text : {"aaaa", "bbbb"}) ASSERT_TRUE(spool->Push(text));
    const Status full = spool->Push("cccc");
    ASSERT_FALSE(full);
    EXPECT_THAT(full.error().message, HasSubstr("the oldest are dropped (1)"));
    EXPECT_THAT(Texts(*spool), ElementsAre("bbbb", "cccc"));
    EXPECT_EQ(spool->stats().dropped, 1u);
    EXPECT_EQ(spool->stats().bytes, 8u);
    EXPECT_FALSE(spool->Push("larger than all of it"));
    EXPECT_EQ(spool->stats().dropped, 2u);
  }
  EXPECT_THAT(Texts(*Open(10)), ElementsAre("bbbb", "cccc"));
}

TEST_F(SpoolTest, ATornTailCostsOnlyWhatWasNeverPromised) {
  {
    const auto spool = Open();
    for (const char* text : {"first", "second"}) ASSERT_TRUE(spool->Push(text));
  }
  const std::string whole = Bytes();
  const size_t last = sizeof(uint64_t) * 3 + 6;  // the second record
  for (size_t cut = 1; cut < last; ++cut) {
    SetBytes(whole.substr(0, whole.size() - cut));
    const auto spool = Open();
    EXPECT_EQ(spool->damage(), "") << cut;
    ASSERT_TRUE(spool->Push("third"));
    EXPECT_THAT(Texts(*spool), ElementsAre("first", "third")) << cut;
    EXPECT_THAT(Texts(*Open()), ElementsAre("first", "third")) << cut;
  }
}

TEST_F(SpoolTest, AFlippedByteCostsOneRecordAndIsTold) {
  {
    const auto spool = Open();
    for (const char* text : {"first", "second", "third"}) ASSERT_TRUE(spool->Push(text));
  }
  const std::string whole = Bytes();
  const size_t begin = whole.find("second") - 24;
  for (size_t at = begin; at < begin + 30; ++at) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x41);
    SetBytes(bytes);
    const auto spool = Open();
    EXPECT_THAT(Texts(*spool), ElementsAre("first", "third")) << at;
    EXPECT_THAT(spool->damage(), HasSubstr("is damaged: 30 bytes")) << at;
  }
}

TEST_F(SpoolTest, RefusesAFileOfAnotherKind) {
  SetBytes("a letter to my aunt\n");
  const Result<std::unique_ptr<Spool>> spool = Spool::Open(path_);
  ASSERT_FALSE(spool);
  EXPECT_THAT(spool.error().message, HasSubstr("it is no spool of this version of heald"));
  EXPECT_EQ(Bytes(), "a letter to my aunt\n");
}

TEST_F(SpoolTest, KeepsInMemoryWhatADiskHasNoRoomForAndWritesItOnceItHas) {
  const auto spool = Open();
  ASSERT_TRUE(spool->Push("before"));
  signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit tight{std::filesystem::file_size(path_) + 10, limit.rlim_max};
  setrlimit(RLIMIT_FSIZE, &tight);
  const Status kept = spool->Push("without room");
  setrlimit(RLIMIT_FSIZE, &limit);
  ASSERT_FALSE(kept);
  EXPECT_THAT(kept.error().message, HasSubstr("kept in memory"));
  EXPECT_THAT(Texts(*spool), ElementsAre("before", "without room"));
  EXPECT_THAT(Texts(*Open()), ElementsAre("before"));
  ASSERT_TRUE(spool->Push("after"));
  EXPECT_THAT(Texts(*Open()), ElementsAre("before", "without room", "after"));
}

TEST_F(SpoolTest, SurvivesAKillAtAnyMoment) {
  std::mt19937 random(3);
  std::vector<std::string> expected;
  size_t next = 0;
  for (int round = 0; round < 20; ++round) {
    int told[2];
    ASSERT_EQ(pipe(told), 0);
    const pid_t child = fork();
    if (child == 0) {
      const auto spool = Open();
      for (size_t i = next; i < next + 200; ++i) {
        if (!spool->Push("event " + std::to_string(i))) _exit(1);
        const char byte = '.';
        if (write(told[1], &byte, 1) != 1) _exit(2);
      }
      pause();
    }
    close(told[1]);
    char byte = 0;
    const size_t wanted = 1 + random() % 50;
    size_t promised = 0;
    while (promised < wanted && read(told[0], &byte, 1) == 1) ++promised;
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    while (read(told[0], &byte, 1) == 1) ++promised;
    close(told[0]);
    const std::vector<std::string> found = Texts(*Open());
    // One more may be there whose promise didn't get out.
    ASSERT_GE(found.size(), expected.size() + promised);
    ASSERT_LE(found.size(), expected.size() + promised + 1);
    for (size_t i = 0; i < found.size(); ++i) ASSERT_EQ(found[i], "event " + std::to_string(i));
    expected = found;
    next = found.size();
  }
}

}  // namespace
}  // namespace heald
