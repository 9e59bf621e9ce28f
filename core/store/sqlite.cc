#include "core/store/sqlite.h"

#include <sqlite3.h>
#include <unistd.h>

namespace heald {
namespace {

constexpr int kBusyTimeoutMs = 5'000;

std::string EscapedForUri(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (c == '%')
      out += "%25";
    else if (c == '?')
      out += "%3f";
    else if (c == '#')
      out += "%23";
    else
      out += c;
  }
  return out;
}

}  // namespace

Statement& Statement::Bind(int at, int64_t value) {
  sqlite3_bind_int64(statement_, at, value);
  return *this;
}

Statement& Statement::Bind(int at, std::string_view value) {
  // A null pointer would bind NULL, not the empty text.
  sqlite3_bind_text(statement_, at, value.data() != nullptr ? value.data() : "",
                    static_cast<int>(value.size()), SQLITE_STATIC);
  return *this;
}

int64_t Statement::Int(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string_view Statement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (text == nullptr) return {};
  return {text, static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

Sqlite::Sqlite(Sqlite&& other) noexcept
    : db_(other.db_), path_(std::move(other.path_)), prepared_(std::move(other.prepared_)) {
  other.db_ = nullptr;
  other.prepared_.clear();
}

Sqlite::~Sqlite() {
  for (const auto& [sql, statement] : prepared_) sqlite3_finalize(statement);
  sqlite3_close_v2(db_);
}

Result<Sqlite> Sqlite::Open(const std::string& path, OpenMode mode) {
  const bool read_only = mode == OpenMode::kReadOnly;
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI |
              (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  std::string uri = "file:" + EscapedForUri(path);
  // A reader that may not write beside a cleanly closed database can't make its shared-memory file;
  // then nobody writes either, and the file may be read as it stands.
  if (read_only && access((path + "-wal").c_str(), F_OK) != 0 &&
      access(path.substr(0, path.find_last_of('/') + 1).c_str(), W_OK) != 0)
    uri += "?immutable=1";
  sqlite3* db = nullptr;
  const int code = sqlite3_open_v2(uri.c_str(), &db, flags, nullptr);
  Sqlite opened(db, path);
  if (code != SQLITE_OK) return opened.Failure(code);
  sqlite3_busy_timeout(db, kBusyTimeoutMs);
  return opened;
}

Error Sqlite::Failure(int code) const {
  std::string text = "store " + path_ + ": ";
  text += db_ != nullptr ? sqlite3_errmsg(db_) : sqlite3_errstr(code);
  Error error;
  error.code = Code::kInternal;
  switch (code & 0xff) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      error.code = Code::kCorrupt;
      text +=
          ": it is damaged or not a heald store; move it away (a new one is made at the next "
          "start) or point agent.store at another file";
      break;
    case SQLITE_FULL:
      error.code = Code::kFull;
      error.retryable = true;
      text += ": free some space there";
      break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      error.code = Code::kUnavailable;
      error.retryable = true;
      text += ": another process holds it; stop that one";
      break;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      error.code = Code::kDenied;
      text +=
          ": make the file and its folder writable for this user, or choose another "
          "agent.state_dir";
      break;
    case SQLITE_IOERR:
      error.code = Code::kUnavailable;
      error.retryable = true;
      text += ": check the disk it is on";
      break;
    default:
      break;
  }
  error.message = std::move(text);
  return error;
}

Status Sqlite::Run(const char* sql) {
  const int code = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return Failure(code);
  return {};
}

Result<Statement> Sqlite::Prepare(const std::string& sql) {
  sqlite3_stmt*& statement = prepared_[sql];
  if (statement == nullptr) {
    const int code =
        sqlite3_prepare_v3(db_, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) return Failure(code);
  }
  sqlite3_reset(statement);
  return Statement(statement);
}

Result<bool> Sqlite::Step(Statement* statement) {
  const int code = sqlite3_step(statement->statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(statement->statement_);  // ends its read transaction
    return false;
  }
  Error error = Failure(code);
  sqlite3_reset(statement->statement_);
  return error;
}

Status Sqlite::Finish(Statement* statement) {
  const Result<bool> row = Step(statement);
  if (!row) return row.error();
  sqlite3_reset(statement->statement_);
  return {};
}

Status Sqlite::Checkpoint() {
  const int code =
      sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (code != SQLITE_OK) return Failure(code);
  return {};
}

Result<int64_t> Sqlite::ScalarInt(const char* sql) {
  Result<Statement> statement = Prepare(sql);
  if (!statement) return statement.error();
  const Result<bool> row = Step(&*statement);
  if (!row) return row.error();
  const int64_t value = *row ? statement->Int(0) : 0;
  sqlite3_reset(statement->statement_);
  return value;
}

}  // namespace heald
