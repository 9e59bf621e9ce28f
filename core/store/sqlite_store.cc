#include "core/store/sqlite_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/store/json.h"
#include "core/store/sqlite_reader.h"
#include "core/store/sqlite_schema.h"

namespace heald {
namespace {

// A damaged page may lie where nothing looks for weeks; small files are checked whole at start.
constexpr uintmax_t kCheckedBytes = 8 << 20;
constexpr uint64_t kCommitsPerCheckpoint = 200;

// Held for the life of the process; the kernel drops it however that ends.
class FileLock {
 public:
  FileLock() = default;
  FileLock(FileLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  ~FileLock() {
    if (fd_ >= 0) close(fd_);
  }

  static Result<FileLock> Take(const std::string& store) {
    const std::string path = store + ".lock";
    FileLock lock;
    lock.fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (lock.fd_ < 0)
      return MakeError(Code::kDenied, "store " + store + ": can't open " + path + ": " +
                                          std::strerror(errno) +
                                          ": make its folder writable for this user, or choose "
                                          "another agent.state_dir");
    char holder[16] = {};
    if (flock(lock.fd_, LOCK_EX | LOCK_NB) != 0) {
      const ssize_t size = read(lock.fd_, holder, sizeof holder - 1);
      const std::string pid = size > 0 ? std::string(holder, static_cast<size_t>(size)) : "";
      return MakeError(Code::kConflict,
                       "store " + store + " is in use by another heald" +
                           (pid.empty() ? "" : " (process " + pid + ")") +
                           ": stop that one, or give this one a state_dir of its own");
    }
    // Only a help for the message above; the lock is what counts.
    const std::string pid = std::to_string(getpid());
    if (ftruncate(lock.fd_, 0) == 0 && pwrite(lock.fd_, pid.data(), pid.size(), 0) < 0) errno = 0;
    return lock;
  }

 private:
  int fd_ = -1;
};

class SqliteStore final : public WithQueries<Store> {
 public:
  SqliteStore(FileLock lock, Sqlite db, std::string id)
      : WithQueries(std::move(db)), lock_(std::move(lock)), id_(std::move(id)) {}

  const std::string& id() const override { return id_; }

  // Keeps the log short at a time when nobody waits for a commit.
  void Idle() override {
    if (commits_ < kCommitsPerCheckpoint) return;
    commits_ = 0;
    // Beside a reader it does what it can; the rest is done the next time.
    const Status status = queries_.db().Checkpoint();
    static_cast<void>(status);
  }

  Status Commit(Change* change) override {
    Sqlite& db = queries_.db();
    if (Status status = Finish("BEGIN IMMEDIATE"); !status) return status;
    Status status = Write(change);
    if (status) status = Finish("COMMIT");
    if (status) ++commits_;
    if (!status) {
      const Status undone = db.Run("ROLLBACK");  // fails only where SQLite did it already
      static_cast<void>(undone);
    }
    return status;
  }

 private:
  Status Finish(const char* sql) {
    Result<Statement> statement = queries_.db().Prepare(sql);
    if (!statement) return statement.error();
    return queries_.db().Finish(&*statement);
  }

  template <typename... Args>
  Status Finish(const char* sql, const Args&... args) {
    Result<Statement> statement = queries_.db().Prepare(sql);
    if (!statement) return statement.error();
    int at = 0;
    (statement->Bind(++at, args), ...);
    return queries_.db().Finish(&*statement);
  }

  Status Write(Change* change) {
    Status status;
    for (const Incident& i : change->incidents)
      if (status) status = WriteIncident(i);
    for (const StoredFinding& f : change->findings)
      if (status)
        status = Finish(
            "INSERT INTO findings VALUES(?1, ?2, ?3) ON CONFLICT(id) DO UPDATE SET "
            "incident = excluded.incident, record = excluded.record",
            f.finding.id, static_cast<int64_t>(f.incident), Dump(ToJson(f.finding)));
    for (const Decision& d : change->decisions)
      if (status)
        status = Finish(
            "INSERT INTO decisions VALUES(?1, ?2, ?3, ?4) ON CONFLICT(id) DO UPDATE SET "
            "ts_ns = excluded.ts_ns, record = excluded.record",
            d.id, static_cast<int64_t>(d.incident), d.ts_ns, Dump(ToJson(d)));
    for (const Execution& e : change->executions)
      if (status) status = WriteExecution(e);
    for (const auto& [name, value] : change->settings)
      if (status)
        status = Finish(
            "INSERT INTO settings VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET "
            "value = excluded.value",
            name, value);
    for (AuditEvent& e : change->events)
      if (status) status = WriteEvent(&e);
    return status;
  }

  Status WriteIncident(const Incident& i) {
    return Finish(
        "INSERT INTO incidents VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(id) DO UPDATE "
        "SET state = excluded.state, severity = excluded.severity, summary = excluded.summary, "
        "closed_ns = excluded.closed_ns",
        static_cast<int64_t>(i.id), static_cast<int64_t>(i.state), static_cast<int64_t>(i.severity),
        i.trace_id, Dump(ToJson(i.target)), i.summary, i.opened_ns, i.closed_ns);
  }

  Status WriteExecution(const Execution& e) {
    return Finish(
        "INSERT INTO executions VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) "
        "ON CONFLICT(decision) DO UPDATE SET state = excluded.state, issues = excluded.issues, "
        "issued_ns = excluded.issued_ns, observed_ns = excluded.observed_ns, "
        "ended_ns = excluded.ended_ns, detail = excluded.detail",
        e.decision, static_cast<int64_t>(e.incident), e.policy, e.action, e.target_key,
        static_cast<int64_t>(e.state), int64_t{e.attempt}, int64_t{e.issues}, e.planned_ns,
        e.issued_ns, e.observed_ns, e.ended_ns, e.detail);
  }

  Status WriteEvent(AuditEvent* e) {
    Result<Statement> insert = queries_.db().Prepare(
        "INSERT INTO audit(ts_ns, incident, trace_id, kind, actor, subject, detail) "
        "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING seq");
    if (!insert) return insert.error();
    insert->Bind(1, e->ts_ns)
        .Bind(2, static_cast<int64_t>(e->incident))
        .Bind(3, e->trace_id)
        .Bind(4, e->kind)
        .Bind(5, e->actor)
        .Bind(6, e->subject)
        .Bind(7, e->detail);
    const Result<bool> row = queries_.db().Step(&*insert);
    if (!row) return row.error();
    e->seq = static_cast<uint64_t>(insert->Int(0));
    return queries_.db().Finish(&*insert);
  }

  FileLock lock_;
  std::string id_;
  uint64_t commits_ = 0;  // since the last checkpoint
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

Result<std::unique_ptr<Store>> OpenSqliteStore(const std::string& path, bool full_sync) {
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
  SqliteQueries queries(std::move(*db));
  Result<std::optional<std::string>> id = queries.Setting("store_id");
  if (!id) return id.error();
  return std::unique_ptr<Store>(std::make_unique<SqliteStore>(
      std::move(*lock), std::move(queries.db()), id->value_or("00000000")));
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
  return std::unique_ptr<StoreReader>(std::make_unique<WithQueries<StoreReader>>(std::move(*db)));
}

}  // namespace heald
