#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/store/open.h"
#include "core/store/sqlite.h"

namespace heald {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class StoreSqliteTest : public ::testing::Test {
 protected:
  StoreSqliteTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "heald-XXXXXX").string();
    dir_ = mkdtemp(pattern.data());
    path_ = dir_ + "/heald.db";
  }
  ~StoreSqliteTest() override {
    chmod(dir_.c_str(), 0700);
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }
  StoreLocation At() const { return {"sqlite:heald.db", dir_, false}; }
  std::string OpenError() const {
    const Result<std::unique_ptr<Store>> store = OpenStore(At());
    return store ? "" : store.error().message;
  }
  std::string dir_;
  std::string path_;
};

TEST_F(StoreSqliteTest, RefusesAFileThatIsNoDatabase) {
  std::ofstream(path_) << std::string(8192, 'x');
  EXPECT_THAT(OpenError(),
              AllOf(HasSubstr(path_), HasSubstr("not a heald store"), HasSubstr("move it away")));
}

TEST_F(StoreSqliteTest, RefusesADamagedFile) {
  {
    const Result<std::unique_ptr<Store>> store = OpenStore(At());
    ASSERT_TRUE(store);
  }
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096 + 100);
  file << std::string(12'000, '\xff');
  file.close();
  EXPECT_THAT(OpenError(), AllOf(HasSubstr(path_), HasSubstr("damaged")));
}

TEST_F(StoreSqliteTest, RefusesTheFileOfAnotherProgram) {
  {
    Result<Sqlite> foreign = Sqlite::Open(path_, Sqlite::OpenMode::kReadWrite);
    ASSERT_TRUE(foreign);
    ASSERT_TRUE(foreign->Run("CREATE TABLE theirs(x)"));
  }
  EXPECT_THAT(OpenError(), AllOf(HasSubstr(path_), HasSubstr("belongs to another program")));
}

TEST_F(StoreSqliteTest, RefusesTheFileOfANewerHeald) {
  ASSERT_EQ(OpenError(), "");
  {
    Result<Sqlite> newer = Sqlite::Open(path_, Sqlite::OpenMode::kReadWrite);
    ASSERT_TRUE(newer);
    ASSERT_TRUE(newer->Run("PRAGMA user_version = 99"));
  }
  EXPECT_THAT(OpenError(), AllOf(HasSubstr(path_), HasSubstr("newer heald (schema 99"),
                                 HasSubstr("update heald")));
  const Result<std::unique_ptr<StoreReader>> reader = OpenStoreReader(At());
  ASSERT_FALSE(reader);
  EXPECT_THAT(reader.error().message, HasSubstr("newer heald"));
}

TEST_F(StoreSqliteTest, RefusesAFolderItCannotWriteTo) {
  if (geteuid() == 0) {
    std::ofstream(dir_ + "/file") << "no folder";
    const Result<std::unique_ptr<Store>> store =
        OpenStore({"sqlite:heald.db", dir_ + "/file/below", false});
    ASSERT_FALSE(store);
    EXPECT_THAT(store.error().message, AllOf(HasSubstr(dir_), HasSubstr("agent.state_dir")));
    return;
  }
  chmod(dir_.c_str(), 0500);
  EXPECT_THAT(OpenError(), AllOf(HasSubstr(path_), HasSubstr("writable for this user")));
}

TEST_F(StoreSqliteTest, SaysWhichProcessHoldsTheStore) {
  const Result<std::unique_ptr<Store>> store = OpenStore(At());
  ASSERT_TRUE(store);
  EXPECT_THAT(OpenError(),
              HasSubstr("in use by another heald (process " + std::to_string(getpid()) + ")"));
}

TEST_F(StoreSqliteTest, SaysThatThereIsNoStoreToRead) {
  const Result<std::unique_ptr<StoreReader>> reader = OpenStoreReader(At());
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, Code::kNotFound);
  EXPECT_THAT(reader.error().message, HasSubstr("no store at " + path_));
}

TEST_F(StoreSqliteTest, RefusesAStoreItDoesNotKnow) {
  const Result<std::unique_ptr<Store>> store =
      OpenStore({"mysql://anna:hunter2@db/x?password=hunter2", dir_, false});
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().message,
              AllOf(HasSubstr("mysql://anna:***@db/x?password=***"),
                    HasSubstr("write sqlite:heald.db"), Not(HasSubstr("hunter2"))));
}

TEST_F(StoreSqliteTest, AuditRowsCannotBeChangedOrDeleted) {
  Result<std::unique_ptr<Store>> store = OpenStore(At());
  ASSERT_TRUE(store);
  Change change;
  change.events.emplace_back().kind = "a";
  ASSERT_TRUE((*store)->Commit(&change));
  Result<Sqlite> raw = Sqlite::Open(path_, Sqlite::OpenMode::kReadWrite);
  ASSERT_TRUE(raw);
  EXPECT_THAT(raw->Run("UPDATE audit SET kind = 'b'").error().message, HasSubstr("never changed"));
  EXPECT_THAT(raw->Run("DELETE FROM audit").error().message, HasSubstr("never deleted"));
}

TEST_F(StoreSqliteTest, AChangeIsWrittenWholeOrNotAtAll) {
  Result<std::unique_ptr<Store>> store = OpenStore(At());
  ASSERT_TRUE(store);
  {
    Result<Sqlite> raw = Sqlite::Open(path_, Sqlite::OpenMode::kReadWrite);
    ASSERT_TRUE(raw);
    ASSERT_TRUE(
        raw->Run("CREATE TRIGGER no_b BEFORE INSERT ON audit WHEN new.kind = 'b' "
                 "BEGIN SELECT RAISE(ABORT, 'no b'); END"));
  }
  Change change;
  change.incidents.emplace_back().id = 1;
  change.events.resize(2);
  change.events[0].kind = "a";
  change.events[1].kind = "b";
  EXPECT_FALSE((*store)->Commit(&change));
  EXPECT_EQ(*(*store)->LastIncidentId(), 0u);
  EXPECT_TRUE((*store)->Events(0, 10)->empty());
  change.events[1].kind = "c";
  EXPECT_TRUE((*store)->Commit(&change)) << "and goes on afterwards";
}

TEST_F(StoreSqliteTest, WhatIsCommittedOutlivesAKill) {
  const pid_t child = fork();
  if (child == 0) {
    Result<std::unique_ptr<Store>> store = OpenStore(At());
    Change change;
    change.incidents.emplace_back().id = 42;
    if (!store || !(*store)->Commit(&change)) _exit(1);
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  {
    const Result<std::unique_ptr<StoreReader>> reader = OpenStoreReader(At());
    ASSERT_TRUE(reader) << reader.error().message;
    EXPECT_EQ(*(*reader)->LastIncidentId(), 42u) << "a reader gets along without the agent";
  }
  const Result<std::unique_ptr<Store>> store = OpenStore(At());
  ASSERT_TRUE(store) << "the lock died with its process";
  EXPECT_EQ(*(*store)->LastIncidentId(), 42u);
}

TEST_F(StoreSqliteTest, FullSyncAndIdleMomentsKeepEverything) {
  Result<std::unique_ptr<Store>> store = OpenStore({"sqlite:" + path_, "", true});
  ASSERT_TRUE(store);
  for (uint64_t id = 1; id <= 250; ++id) {
    Change change;
    change.incidents.emplace_back().id = id;
    ASSERT_TRUE((*store)->Commit(&change));
  }
  (*store)->Idle();
  EXPECT_GT(std::filesystem::file_size(path_), 4096u * 10) << "checkpointed";
  EXPECT_EQ(*(*store)->LastIncidentId(), 250u);
}

}  // namespace
}  // namespace heald
