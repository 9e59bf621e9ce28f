#include "core/store/sqlite_store.h"

#include <filesystem>

#include "core/store/file_lock.h"
#include "core/store/sql_store.h"
#include "core/store/sqlite_database.h"
#include "core/store/sqlite_schema.h"

namespace heald {
namespace {

// A damaged page may lie where nothing looks for weeks; small files are checked whole at start.
constexpr uintmax_t kCheckedBytes = 8 << 20;

struct Locked {
  FileLock lock;
};

// The lock, a base before the other, outlives the connection.
class LockedDatabase final : private Locked, public SqliteDatabase {
 public:
  LockedDatabase(FileLock lock, Sqlite db)
      : Locked{std::move(lock)}, SqliteDatabase(std::move(db)) {}
};

Status CheckPages(Sqlite* db) {
  std::error_code ignored;
  const uintmax_t size = std::filesystem::file_size(db->path(), ignored);
  if (ignored || size > kCheckedBytes) return {};
  Result<Statement> check = db->Prepare("PRAGMA quick_check(1)");
  if (!check) return check.error();
  const Result<bool> row = db->Step(&*check);
  if (!row) return row.error();
  if (*row && check->Text(0) != "ok")
    return MakeError(Code::kCorrupt,
                     "store " + db->path() + " is damaged (" + std::string(check->Text(0)) +
                         "): move it away (a new one is made at the next start) or restore a copy");
  return db->Finish(&*check);
}

Status Configure(Sqlite* db, bool full_sync) {
  Result<Statement> mode = db->Prepare("PRAGMA journal_mode = WAL");
  if (!mode) return mode.error();
  const Result<bool> row = db->Step(&*mode);
  if (!row) return row.error();
  if (!*row || mode->Text(0) != "wal")
    return MakeError(Code::kUnsupported, "store " + db->path() +
                                             ": this file system can't hold a WAL (a network "
                                             "share?): put agent.state_dir on a local disk");
  if (Status status = db->Finish(&*mode); !status) return status;
  // A checkpoint waits for the disk, so a commit does one (at 16,000 pages) only in a storm that
  // leaves no idle moment.
  if (Status status = db->Run("PRAGMA wal_autocheckpoint = 16000"); !status) return status;
  return db->Run(full_sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
}

}  // namespace

Result<std::unique_ptr<Store>> OpenSqliteStore(const std::string& path, bool full_sync,
                                               const std::string& writer) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    return MakeError(Code::kDenied, "store " + path + ": can't make the folder " + folder.string() +
                                        ": " + error.message() +
                                        ": choose another agent.state_dir");
  Result<FileLock> lock = FileLock::Take(path);
  if (!lock) return lock.error();
  Result<Sqlite> db = Sqlite::Open(path, Sqlite::OpenMode::kReadWrite);
  if (!db) return db.error();
  Status status = CheckPages(&*db);
  if (status) status = Configure(&*db, full_sync);
  if (status) status = PrepareSchema(&*db);
  if (!status) return status.error();
  return SqlStore::Open(std::make_unique<LockedDatabase>(std::move(*lock), std::move(*db)), writer);
}

Result<std::unique_ptr<StoreReader>> OpenSqliteReader(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    return MakeError(Code::kNotFound, "no store at " + path +
                                          ": the agent makes it at its first start; check "
                                          "agent.state_dir and agent.store");
  Result<Sqlite> db = Sqlite::Open(path, Sqlite::OpenMode::kReadOnly);
  if (!db) return db.error();
  if (Status status = CheckSchema(&*db); !status) return status.error();
  return std::unique_ptr<StoreReader>(
      std::make_unique<WithQueries<StoreReader>>(std::make_unique<SqliteDatabase>(std::move(*db))));
}

}  // namespace heald
