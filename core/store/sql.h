// What the journal needs of a database: queries with parameters ?1, ?2…, written in the SQL that
// SQLite and PostgreSQL share. Implemented by sqlite_database.h and postgres/; used by queries.cc
// and sql_store.cc. Thread rule: one thread at a time per object.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "core/base/result.h"

namespace heald {

class SqlRow {
 public:
  virtual ~SqlRow() = default;
  virtual int64_t Int(int column) const = 0;            // counted from 0
  virtual std::string_view Text(int column) const = 0;  // until the next row
};

// A parameter; text must outlive the call.
struct SqlValue : std::variant<int64_t, std::string_view> {
  template <typename T>
  requires(std::is_integral_v<T> || std::is_enum_v<T>)
      SqlValue(T value)  // NOLINT: implicit on purpose
      : variant(static_cast<int64_t>(value)) {}
  SqlValue(std::string_view value) : variant(value) {}                      // NOLINT
  SqlValue(const std::string& value) : variant(std::string_view(value)) {}  // NOLINT
};
using SqlValues = std::initializer_list<SqlValue>;

class SqlDatabase {
 public:
  using Take = std::function<Status(const SqlRow&)>;

  virtual ~SqlDatabase() = default;
  // Calls `take` for each row; its first error is the answer.
  virtual Status Query(const std::string& sql, SqlValues values, const Take& take) = 0;
  // For the bodies of Write: a statement without rows, done at the latest when Write returns.
  virtual Status Execute(const std::string& sql, SqlValues values) = 0;
  // What `body` executes, in one transaction: all of it or, on an error, nothing.
  virtual Status Write(const std::function<Status()>& body) = 0;
  // What `body` queries, in one snapshot.
  virtual Status Read(const std::function<Status()>& body) = 0;
  // How people call it, without its password.
  virtual const std::string& name() const = 0;

  // See Store.
  virtual bool in_doubt() const { return false; }
  virtual Status Ready() { return {}; }
  // Grows when the connection is another one than before.
  virtual uint64_t generation() const { return 0; }
  // Nothing is going on: the moment for housekeeping that takes milliseconds.
  virtual void Idle() {}
};

}  // namespace heald
