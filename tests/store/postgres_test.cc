// What only a PostgreSQL can do to the store: be refused, slow, frozen, restarted, taken over.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "core/store/audit_chain.h"
#include "core/store/held.h"
#include "core/store/module.h"
#include "tests/store/backends.h"

namespace heald {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
namespace fs = std::filesystem;

class StorePostgresTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (SharedPostgres() == nullptr) GTEST_SKIP() << "PostgreSQL isn't installed";
    schema_ = FreshSchema();
    url_ = server().Url(schema_);
  }
  static fakes::PostgresServer& server() { return *SharedPostgres(); }
  Result<std::unique_ptr<Store>> Open() const { return OpenStore({url_, dir_.path(), false}); }
  static std::string ErrorOf(const std::string& url) {
    const StateDir dir;
    const Result<std::unique_ptr<Store>> store = OpenStore({url, dir.path(), false});
    return store ? "" : store.error().message;
  }
  // The server's process that serves the store, found by its lock.
  static std::string WriterPid() {
    return server().Run("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted").at(0);
  }
  static Change MakeChange(uint64_t number = 0) {
    Change change;
    change.number = number;
    change.events.emplace_back().kind = "a";
    return change;
  }
  static bool ReadyWithin(Store* store, milliseconds patience) {
    const auto until = Clock::now() + patience;
    while (!store->Ready()) {
      if (Clock::now() > until) return false;
      std::this_thread::sleep_for(milliseconds(5));
    }
    return true;
  }

  StateDir dir_;
  std::string schema_;
  std::string url_;
};

// ---- what can't be opened -----------------------------------------------------------------------

TEST_F(StorePostgresTest, RefusesUrlsItDoesNotUnderstandWithoutQuotingThem) {
  for (const char* url :
       {"postgresql://anna:hun%zzter2@db/x", "postgresql://anna:hunter2@db:port/x?sslmode",
        "postgresql://anna:hunter2@db/x?nonsense=1",
        "postgresql://anna@db/x?password=hunter2&odd=1"})
    EXPECT_THAT(ErrorOf(url),
                AllOf(HasSubstr("agent.store 'postgresql://anna"),
                      HasSubstr("write postgresql://user@host"), Not(HasSubstr("hun"))))
        << url;
  EXPECT_THAT(ErrorOf(server().Url("Odd;name")), HasSubstr("'Odd;name' is no schema"));
}

TEST_F(StorePostgresTest, SaysWhatKeepsItOutWithoutThePassword) {
  const std::string port = std::to_string(server().port());
  EXPECT_THAT(ErrorOf("postgresql://postgres:hunter2@127.0.0.1:1/postgres"),
              AllOf(HasSubstr("postgresql://127.0.0.1:1/postgres"), HasSubstr("Connection refused"),
                    Not(HasSubstr("hunter2"))));
  EXPECT_THAT(ErrorOf("postgresql://postgres@127.0.0.1:" + port + "/nowhere"),
              AllOf(HasSubstr("\"nowhere\" does not exist"), HasSubstr("make the database")));
  EXPECT_THAT(ErrorOf("postgresql://nobody_here@127.0.0.1:" + port + "/postgres"),
              HasSubstr("check user and password"));
  EXPECT_THAT(ErrorOf(url_ + "&sslmode=require"), HasSubstr("server does not support SSL"));
}

TEST_F(StorePostgresTest, TakesThePasswordFromTheUrlOrFromPgpass) {
  server().Run(
      "CREATE ROLE careful LOGIN PASSWORD 'hunter2 @x'; GRANT CREATE ON DATABASE postgres "
      "TO careful");
  const std::string hba = server().folder() + "/data/pg_hba.conf";
  std::ifstream in(hba);
  const std::string rest{std::istreambuf_iterator<char>(in), {}};
  std::ofstream(hba) << "host all careful 127.0.0.1/32 scram-sha-256\n" << rest;
  server().Run("SELECT pg_reload_conf()");
  const std::string plain = server().Url(schema_, "careful");
  std::string refused;
  const auto until = Clock::now() + std::chrono::seconds(5);
  do {  // the server reads its file in its own time
    refused = ErrorOf(server().Url(FreshSchema(), "careful"));
  } while (refused.empty() && Clock::now() < until);
  EXPECT_THAT(refused, AllOf(HasSubstr("no password supplied"), HasSubstr("PGPASSFILE")));
  EXPECT_THAT(ErrorOf(server().Url(schema_, "careful:wr0ng")),
              AllOf(HasSubstr("authentication failed"), Not(HasSubstr("wr0ng"))));
  EXPECT_EQ(ErrorOf(server().Url(schema_, "careful:hunter2%20%40x")), "");
  const std::string file = dir_.path() + "/pgpass";
  std::ofstream(file) << "127.0.0.1:*:*:careful:hunter2 @x\n";
  chmod(file.c_str(), 0600);
  EXPECT_EQ(ErrorOf(plain + "&passfile=" + file), "");
  setenv("PGPASSFILE", file.c_str(), 1);
  EXPECT_EQ(ErrorOf(plain), "");
  unsetenv("PGPASSFILE");
}

TEST_F(StorePostgresTest, SaysThatTheModuleIsMissingOrOfAnotherBuild) {
  setenv("HEALD_STORE_DIR", dir_.path().c_str(), 1);
  const std::string missing = ErrorOf(url_);
  std::ofstream(dir_.path() + "/heald_store_postgres.so") << "no library";
  const std::string damaged = ErrorOf(url_);
  unsetenv("HEALD_STORE_DIR");
  EXPECT_THAT(missing, AllOf(HasSubstr("postgres store isn't installed"), HasSubstr(dir_.path())));
  EXPECT_THAT(damaged, HasSubstr("can't be loaded"));

  ASSERT_EQ(ErrorOf(url_), "") << "loads it";
  const std::string path = fs::read_symlink("/proc/self/exe").parent_path().parent_path() /
                           "lib/heald/stores/heald_store_postgres.so";
  void* const module = dlopen(path.c_str(), RTLD_NOW | RTLD_NOLOAD);
  ASSERT_NE(module, nullptr) << path;
  const auto open = reinterpret_cast<StoreModuleFunction>(dlsym(module, kStoreModuleFunction));
  StoreModuleCall call;
  call.layout = StoreLayout() + 1;
  EXPECT_EQ(open(&call), 1);
  dlclose(module);
}

TEST_F(StorePostgresTest, SaysWhoHoldsTheStore) {
  const Result<std::unique_ptr<Store>> first = Open();
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_THAT(ErrorOf(url_), AllOf(HasSubstr("is in use by heald on "),
                                   HasSubstr("process " + std::to_string(getpid()))));
  EXPECT_EQ(ErrorOf(server().Url(FreshSchema())), "") << "another schema is another store";
}

TEST_F(StorePostgresTest, RefusesTheTablesOfANewerHeald) {
  ASSERT_TRUE(Open());
  server().Run("INSERT INTO " + schema_ + ".heald_migrations VALUES(99)");
  EXPECT_THAT(ErrorOf(url_), AllOf(HasSubstr("newer heald (schema 99"), HasSubstr("update heald")));
}

TEST_F(StorePostgresTest, ReadersSayThatThereIsNoStoreAndNeverWrite) {
  const Result<std::unique_ptr<StoreReader>> none = OpenStoreReader({url_, "", false});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kNotFound);
  EXPECT_THAT(none.error().message, HasSubstr("no store in postgresql://127.0.0.1"));
  EXPECT_THAT(server().Run("SELECT nspname FROM pg_namespace WHERE nspname = '" + schema_ + "'"),
              SizeIs(0));
}

// ---- what it does while it is open --------------------------------------------------------------

TEST_F(StorePostgresTest, ComesBackByItselfAfterALostConnection) {
  Result<std::unique_ptr<Store>> store = Open();
  ASSERT_TRUE(store);
  Change change = MakeChange(1);
  ASSERT_TRUE((*store)->Commit(&change));
  server().Run("SELECT pg_terminate_backend(" + WriterPid() + ", 5000)");
  Change next = MakeChange(2);
  if (const Status lost = (*store)->Commit(&next); !lost) {
    EXPECT_EQ(lost.error().code, Code::kUnavailable);
    ASSERT_TRUE((*store)->Ready()) << "the first try is waited for";
    ASSERT_TRUE((*store)->Commit(&next));
  }
  EXPECT_THAT(*(*store)->Events(0, 10), SizeIs(2));
  EXPECT_EQ(VerifyAudit(store->get())->problem, "");
}

TEST_F(StorePostgresTest, AReaderComesBackWithTheServer) {
  fakes::PostgresServer own;
  const StateDir dir;
  Result<std::unique_ptr<Store>> store = OpenStore({own.Url("s"), dir.path(), false});
  ASSERT_TRUE(store) << store.error().message;
  Result<std::unique_ptr<StoreReader>> reader = OpenStoreReader({own.Url("s"), "", false});
  ASSERT_TRUE(reader);
  own.Stop();
  EXPECT_FALSE((*reader)->LastIncidentId());
  EXPECT_FALSE((*store)->Ready());
  const auto begin = Clock::now();
  for (int i = 0; i < 100; ++i) EXPECT_FALSE((*store)->Ready());
  EXPECT_LT(Clock::now() - begin, milliseconds(500)) << "asking costs nothing";
  own.Start();
  ASSERT_TRUE(ReadyWithin(store->get(), milliseconds(5000)));
  Change change = MakeChange();
  EXPECT_TRUE((*store)->Commit(&change));
  const auto until = Clock::now() + std::chrono::seconds(5);
  while (!(*reader)->LastIncidentId() && Clock::now() < until)
    std::this_thread::sleep_for(milliseconds(10));
  EXPECT_THAT(*(*reader)->Events(0, 10), SizeIs(1));
}

TEST_F(StorePostgresTest, ASlowServerCostsTwoSecondsAtMost) {
  Result<std::unique_ptr<Store>> store = Open();
  ASSERT_TRUE(store);
  std::thread slow([this] {
    server().Run("BEGIN; LOCK TABLE " + schema_ + ".journal_head; SELECT pg_sleep(1.6); COMMIT");
  });
  const auto locked = [this] {
    return !server()
                .Run(
                    "SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND "
                    "relation = '" +
                    schema_ + ".journal_head'::regclass")
                .empty();
  };
  while (!locked()) std::this_thread::sleep_for(milliseconds(5));
  Change change = MakeChange(1);
  const auto begin = Clock::now();
  const Status status = (*store)->Commit(&change);
  EXPECT_LT(Clock::now() - begin, milliseconds(2200));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kUnavailable);
  EXPECT_FALSE((*store)->in_doubt()) << "the server has given up by itself";
  slow.join();
  EXPECT_TRUE((*store)->Commit(&change)) << "over the same connection";
  EXPECT_THAT(*(*store)->Events(0, 10), SizeIs(1));
}

TEST_F(StorePostgresTest, AServerThatNeverAnswersIsGivenUpAndAskedLater) {
  Result<std::unique_ptr<Store>> store = Open();
  ASSERT_TRUE(store);
  const pid_t pid = std::stoi(WriterPid());
  ASSERT_EQ(kill(pid, SIGSTOP), 0);
  Change change = MakeChange(1);
  const auto begin = Clock::now();
  const Status status = (*store)->Commit(&change);
  EXPECT_LT(Clock::now() - begin, milliseconds(2500));
  ASSERT_FALSE(status);
  EXPECT_TRUE((*store)->in_doubt()) << "it may have it";
  EXPECT_FALSE(ReadyWithin(store->get(), milliseconds(100))) << "its own old lock is in the way";
  ASSERT_EQ(kill(pid, SIGCONT), 0);
  ASSERT_TRUE(ReadyWithin(store->get(), milliseconds(8000)));
  EXPECT_TRUE((*store)->Commit(&change));
  EXPECT_THAT(*(*store)->Events(0, 10), SizeIs(1)) << "once, whether it had it or not";
  EXPECT_EQ(VerifyAudit(store->get())->problem, "");
}

TEST_F(StorePostgresTest, WritesNoMoreOnceAnotherHasTakenOver) {
  Result<std::unique_ptr<Store>> store = Open();
  ASSERT_TRUE(store);
  Change change = MakeChange();
  ASSERT_TRUE((*store)->Commit(&change));
  // The other one is there first when the lock is free.
  server().Run("SELECT pg_terminate_backend(" + WriterPid() + ", 5000)");
  {
    const StateDir elsewhere;
    Result<std::unique_ptr<Store>> other = OpenStore({url_, elsewhere.path(), false});
    ASSERT_TRUE(other) << other.error().message;
    Status lost = (*store)->Commit(&change);
    ASSERT_FALSE(lost);
    if (lost.error().code == Code::kUnavailable) lost = (*store)->Ready();
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().code, Code::kConflict) << "not away: " << lost.error().message;
    Change theirs = MakeChange();
    ASSERT_TRUE((*other)->Commit(&theirs));
    EXPECT_FALSE(ReadyWithin(store->get(), milliseconds(200)));
  }
  // Gone again, but it has written meanwhile.
  EXPECT_FALSE(ReadyWithin(store->get(), milliseconds(2500)));
  const Status status = (*store)->Commit(&change);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kConflict);
  EXPECT_THAT(status.error().message, HasSubstr("has taken over"));
  EXPECT_EQ(VerifyAudit(store->get())->problem, "");
}

TEST_F(StorePostgresTest, AWriterWithoutTheLockIsStoppedByTheHead) {
  Result<std::unique_ptr<Store>> store = Open();
  ASSERT_TRUE(store);
  // As if a pooler had given the lock to someone else under the same connection.
  server().Run("UPDATE " + schema_ + ".journal_head SET epoch = epoch + 1, holder = 'elsewhere'");
  Change change = MakeChange();
  const Status status = (*store)->Commit(&change);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kConflict);
  EXPECT_THAT(status.error().message, HasSubstr("another heald (elsewhere) has taken over"));
  EXPECT_THAT(*(*store)->Events(0, 10), SizeIs(0));
}

TEST_F(StorePostgresTest, NobodyEmptiesTheTables) {
  ASSERT_TRUE(Open());
  for (const char* table : {"audit", "audit_cuts"})
    EXPECT_THROW(server().Run("TRUNCATE " + schema_ + "." + table), std::runtime_error);
}

}  // namespace
}  // namespace heald
