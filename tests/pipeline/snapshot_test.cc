#include "core/pipeline/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace heald {
namespace {

class SnapshotTest : public ::testing::Test {
 protected:
  SnapshotTest() {
    node_.plugin = "zscore";
    node_.version = "1.0";
    node_.config = Value(Value::Map{{"window", Value(20)}});
  }
  ~SnapshotTest() override { std::filesystem::remove(path_); }
  const std::string path_ =
      ::testing::TempDir() + "heald-snapshot-test-" + std::to_string(getpid());
  NodeSpec node_;
};

TEST_F(SnapshotTest, ComesBackAsItWas) {
  const Snapshot snapshot{"abc", std::string("\0\n:binary", 9)};
  ASSERT_TRUE(SaveSnapshot(path_, Fingerprint(node_), snapshot));
  const Result<Snapshot> loaded = LoadSnapshot(path_, Fingerprint(node_));
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->epoch, "abc");
  EXPECT_EQ(loaded->state, snapshot.state);
}

TEST_F(SnapshotTest, RefusesATornFileAtEveryLength) {
  ASSERT_TRUE(SaveSnapshot(path_, Fingerprint(node_), {"abc", "some state of the detector"}));
  const auto size = std::filesystem::file_size(path_);
  for (uintmax_t cut = 0; cut < size; ++cut) {
    ASSERT_TRUE(SaveSnapshot(path_, Fingerprint(node_), {"abc", "some state of the detector"}));
    std::filesystem::resize_file(path_, cut);
    const Result<Snapshot> loaded = LoadSnapshot(path_, Fingerprint(node_));
    ASSERT_FALSE(loaded) << "cut at " << cut;
    EXPECT_EQ(loaded.error().code, Code::kCorrupt);
  }
}

TEST_F(SnapshotTest, RefusesAFlippedByte) {
  ASSERT_TRUE(SaveSnapshot(path_, Fingerprint(node_), {"abc", "some state"}));
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-3, std::ios::end);
    file.put('!');
  }
  EXPECT_FALSE(LoadSnapshot(path_, Fingerprint(node_)));
}

TEST_F(SnapshotTest, RefusesTheStateOfAnotherConfiguration) {
  ASSERT_TRUE(SaveSnapshot(path_, Fingerprint(node_), {"abc", "some state"}));
  NodeSpec other = node_;
  other.config = Value(Value::Map{{"window", Value(30)}});
  const Result<Snapshot> loaded = LoadSnapshot(path_, Fingerprint(other));
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message, ::testing::HasSubstr("another configuration"));
}

TEST_F(SnapshotTest, TakesTheStateWhereOnlyKeysChangedThatItDoesNotDependOn) {
  node_.keeps_state = {"critical_at", "unit"};
  ASSERT_TRUE(SaveSnapshot(path_, Fingerprint(node_), {"abc", "some state"}));
  NodeSpec other = node_;
  other.config = Value(Value::Map{{"critical_at", Value(3.0)}, {"window", Value(20)}});
  EXPECT_TRUE(LoadSnapshot(path_, Fingerprint(other)));
  other.config = Value(Value::Map{{"critical_at", Value(3.0)}, {"window", Value(30)}});
  EXPECT_FALSE(LoadSnapshot(path_, Fingerprint(other)));
}

TEST_F(SnapshotTest, SaysThatThereIsNone) {
  const Result<Snapshot> loaded = LoadSnapshot(path_ + ".nosuch", Fingerprint(node_));
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Code::kNotFound);
}

TEST_F(SnapshotTest, RefusesAFolder) {
  std::filesystem::create_directory(path_);
  const Result<Snapshot> loaded = LoadSnapshot(path_, Fingerprint(node_));
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message, ::testing::HasSubstr(path_ + " can't be read"));
}

}  // namespace
}  // namespace heald
