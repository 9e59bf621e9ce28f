// One SQLite connection as a SqlDatabase. Used by sqlite_store.cc only.
// Thread rule: one thread at a time per object.
#pragma once

#include <string>
#include <utility>

#include "core/store/sql.h"
#include "core/store/sqlite.h"

namespace heald {

class SqliteDatabase : public SqlDatabase {
 public:
  explicit SqliteDatabase(Sqlite db) : db_(std::move(db)) {}

  Status Query(const std::string& sql, SqlValues values, const Take& take) override;
  Status Execute(const std::string& sql, SqlValues values) override;
  Status Write(const std::function<Status()>& body) override;
  Status Read(const std::function<Status()>& body) override;
  const std::string& name() const override { return db_.path(); }
  // Keeps the log short at a time when nobody waits for a commit.
  void Idle() override;

 private:
  Result<Statement> Prepare(const std::string& sql, SqlValues values);

  Sqlite db_;
  uint64_t commits_ = 0;  // since the last checkpoint
};

}  // namespace heald
