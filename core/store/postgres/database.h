// A PostgreSQL as a SqlDatabase: one connection, which comes back behind the scenes when it is
// lost, and for a writer the lock that makes it the only one. Used by module.cc. Thread rule: one
// thread at a time per object; connecting has a thread of its own.
#pragma once

#include <atomic>
#include <future>
#include <memory>
#include <string>

#include "core/store/postgres/connection.h"

namespace heald::postgres {

class Database final : public SqlDatabase {
 public:
  enum class Role { kWriter, kReader };

  // Connects and, as a writer, takes the lock and brings the tables up to date. Waits for it.
  static Result<std::unique_ptr<Database>> Open(Target target, Role role);
  ~Database() override;

  Status Query(const std::string& sql, SqlValues values, const Take& take) override;
  Status Execute(const std::string& sql, SqlValues values) override;
  Status Write(const std::function<Status()>& body) override;
  Status Read(const std::function<Status()>& body) override;
  const std::string& name() const override { return target_.name; }
  bool in_doubt() const override { return in_doubt_; }
  Status Ready() override;
  uint64_t generation() const override { return generation_; }

 private:
  using Connected = Result<std::unique_ptr<Connection>>;

  Database(Target target, Role role) : target_(std::move(target)), role_(role) {}
  // On the thread for connecting.
  Connected Connect(bool first) const;
  Status TakeLock(Connection* connection) const;
  Status SetUp(Connection* connection) const;
  // For a reader, which has the time to wait for a connection that is just being made.
  Status Reach();
  int64_t patience_ns() const;
  Status Used(Status status);  // looks after the connection behind a call

  const Target target_;
  const Role role_;
  std::unique_ptr<Connection> connection_;  // null: lost
  uint64_t generation_ = 0;
  bool in_doubt_ = false;
  bool in_snapshot_ = false;
  // While it is lost:
  Error last_error_;
  int64_t next_try_ns_ = 0;
  int64_t backoff_ns_ = 0;
  bool await_try_ = false;  // the first one since it was lost, whose answer is worth a wait
  std::future<Connected> connecting_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> lost_pid_{0};  // of the server's process that served the lost connection
};

}  // namespace heald::postgres
