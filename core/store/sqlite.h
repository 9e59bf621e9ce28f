// The thinnest useful layer over the SQLite C API: errors as values, statements prepared once.
// Used by sqlite_store.cc only. Thread rule: one thread at a time per connection.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace heald {

class Statement {
 public:
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  // Parameters are counted from 1, columns from 0. Bound text must outlive the next Step.
  Statement& Bind(int at, int64_t value);
  Statement& Bind(int at, std::string_view value);
  int64_t Int(int column) const;
  std::string_view Text(int column) const;  // until the next Step

 private:
  friend class Sqlite;
  sqlite3_stmt* statement_;
};

class Sqlite {
 public:
  enum class OpenMode { kReadWrite, kReadOnly };

  Sqlite(Sqlite&& other) noexcept;
  Sqlite& operator=(Sqlite&&) = delete;
  ~Sqlite();
  static Result<Sqlite> Open(const std::string& path, OpenMode mode);

  Status Run(const char* sql);  // any number of statements, no parameters
  // Reset and ready to be bound; kept, so that the same text is compiled once.
  Result<Statement> Prepare(const std::string& sql);
  Result<bool> Step(Statement* statement);  // true: there is a row
  Status Finish(Statement* statement);      // for statements without rows
  Status Checkpoint();                      // without waiting for readers
  Result<int64_t> ScalarInt(const char* sql);
  const std::string& path() const { return path_; }

  // The last failure as an error that names the file and says what to do.
  Error Failure(int code) const;

 private:
  Sqlite(sqlite3* db, std::string path) : db_(db), path_(std::move(path)) {}

  sqlite3* db_;
  std::string path_;
  std::unordered_map<std::string, sqlite3_stmt*> prepared_;
};

}  // namespace heald
