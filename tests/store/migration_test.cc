// Stores that an older heald has written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "core/store/audit_chain.h"
#include "core/store/sqlite.h"
#include "tests/store/backends.h"

namespace heald {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class StoreMigrationTest : public ::testing::Test {
 protected:
  StoreMigrationTest() {
    std::ifstream in(std::string(HEALD_SOURCE_DIR) + "/tests/store/data/schema_2.sql");
    const std::string sql{std::istreambuf_iterator<char>(in), {}};
    Result<Sqlite> raw = Sqlite::Open(dir_.path() + "/heald.db", Sqlite::OpenMode::kReadWrite);
    EXPECT_TRUE(raw && raw->Run(sql.c_str())) << "the old file couldn't be made";
  }
  StoreLocation At() const { return {"sqlite:heald.db", dir_.path(), false}; }

  StateDir dir_;
};

TEST_F(StoreMigrationTest, ReadersAreToldToStartTheAgentOnce) {
  const Result<std::unique_ptr<StoreReader>> reader = OpenStoreReader(At());
  ASSERT_FALSE(reader);
  EXPECT_THAT(reader.error().message, HasSubstr("start the agent once"));
}

TEST_F(StoreMigrationTest, TheOldStoryIsKeptAndChained) {
  Result<std::unique_ptr<Store>> store = OpenStore(At());
  ASSERT_TRUE(store) << store.error().message;
  const Chain chain = **(*store)->ChainOf(1);
  EXPECT_THAT(chain.events, SizeIs(10));
  ASSERT_THAT(chain.executions, SizeIs(1));
  EXPECT_EQ(chain.executions[0].state, ExecutionState::kVerified);
  EXPECT_THAT((*store)->Findings({false, false, {}})->items, SizeIs(1));
  EXPECT_THAT((*store)->Findings({false, true, {}})->items, SizeIs(0)) << "it is cleared";
  EXPECT_THAT((*store)->Findings({true, false, {}})->items, SizeIs(0));
  const AuditVerdict verdict = *VerifyAudit(store->get());
  EXPECT_EQ(verdict.problem, "");
  EXPECT_EQ(verdict.rows, 10u);
  EXPECT_TRUE((*store)->sole_writer());
  Change change;
  change.events.emplace_back().kind = "next";
  ASSERT_TRUE((*store)->Commit(&change));
  EXPECT_EQ(change.events[0].seq, 11u);
  EXPECT_EQ(VerifyAudit(store->get())->problem, "");
}

TEST_F(StoreMigrationTest, MigratesOnce) {
  for (int i = 0; i < 2; ++i) {
    const Result<std::unique_ptr<Store>> store = OpenStore(At());
    ASSERT_TRUE(store) << store.error().message;
  }
  Result<Sqlite> raw = Sqlite::Open(dir_.path() + "/heald.db", Sqlite::OpenMode::kReadWrite);
  ASSERT_TRUE(raw);
  EXPECT_EQ(*raw->ScalarInt("SELECT count(*) FROM migrations"), 6);
  EXPECT_THAT(raw->Run("UPDATE audit SET kind = 'b'").error().message, HasSubstr("never changed"));
}

}  // namespace
}  // namespace heald
