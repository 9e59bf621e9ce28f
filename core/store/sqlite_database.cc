#include "core/store/sqlite_database.h"

namespace heald {
namespace {

constexpr uint64_t kCommitsPerCheckpoint = 200;

class Row final : public SqlRow {
 public:
  explicit Row(const Statement* statement) : statement_(*statement) {}
  int64_t Int(int column) const override { return statement_.Int(column); }
  std::string_view Text(int column) const override { return statement_.Text(column); }

 private:
  const Statement& statement_;
};

}  // namespace

Result<Statement> SqliteDatabase::Prepare(const std::string& sql, SqlValues values) {
  Result<Statement> statement = db_.Prepare(sql);
  if (!statement) return statement;
  int at = 0;
  for (const SqlValue& value : values) {
    ++at;
    if (const auto* number = std::get_if<int64_t>(&value))
      statement->Bind(at, *number);
    else
      statement->Bind(at, std::get<std::string_view>(value));
  }
  return statement;
}

Status SqliteDatabase::Query(const std::string& sql, SqlValues values, const Take& take) {
  Result<Statement> statement = Prepare(sql, values);
  if (!statement) return statement.error();
  const Row row(&*statement);
  while (true) {
    const Result<bool> more = db_.Step(&*statement);
    if (!more) return more.error();
    if (!*more) return {};
    if (Status status = take(row); !status) return status;
  }
}

Status SqliteDatabase::Execute(const std::string& sql, SqlValues values) {
  Result<Statement> statement = Prepare(sql, values);
  if (!statement) return statement.error();
  return db_.Finish(&*statement);
}

Status SqliteDatabase::Write(const std::function<Status()>& body) {
  if (Status status = Execute("BEGIN IMMEDIATE", {}); !status) return status;
  Status status = body();
  if (status) status = Execute("COMMIT", {});
  if (status) {
    ++commits_;
  } else {
    const Status undone = db_.Run("ROLLBACK");  // fails only where SQLite did it already
    static_cast<void>(undone);
  }
  return status;
}

Status SqliteDatabase::Read(const std::function<Status()>& body) {
  if (Status status = db_.Run("BEGIN"); !status) return status;
  const Status status = body();
  const Status ended = db_.Run("COMMIT");
  return status ? ended : status;
}

void SqliteDatabase::Idle() {
  if (commits_ < kCommitsPerCheckpoint) return;
  commits_ = 0;
  // Beside a reader it does what it can; the rest is done the next time.
  const Status status = db_.Checkpoint();
  static_cast<void>(status);
}

}  // namespace heald
