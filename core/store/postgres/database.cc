#include "core/store/postgres/database.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "core/base/checksum.h"
#include "core/base/clock.h"
#include "core/base/steady.h"
#include "core/base/units.h"
#include "core/store/postgres/schema.h"

namespace heald::postgres {
namespace {

// The engine waits for these, and it has a pipeline to look after.
constexpr int64_t kCommitNs = 2 * kSecond;
constexpr int64_t kReadNs = 5 * kSecond;  // for people
constexpr int64_t kSnapshotNs = 30 * kSecond;
constexpr int64_t kConnectNs = 3 * kSecond;   // with the pause: never longer than five
constexpr int64_t kFirstTryNs = 5 * kSecond;  // to connect, and to ask for the lock
constexpr int64_t kFirstConnectNs = 10 * kSecond;
constexpr int64_t kMinBackoffNs = 100 * kMillisecond;
constexpr int64_t kMaxBackoffNs = 2 * kSecond;
constexpr int64_t kSetUpNs = 5 * kSecond;
constexpr int64_t kLookForLockNs = 10 * kMillisecond;
// The server gives up first, so that a statement that is too slow is surely rolled back.
constexpr char kWriterTimeouts[] =
    "SET statement_timeout = 1500; SET lock_timeout = 1000; "
    "SET idle_in_transaction_session_timeout = 10000; "
    // So that the lock of an agent whose machine is gone is free within half a minute.
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3";
constexpr char kReaderTimeouts[] =
    "SET statement_timeout = 4500; SET default_transaction_read_only = on";

constexpr int64_t kLockClass = 0x6865616c;  // "heal", apart from others' locks in this database

int64_t LockOf(const std::string& schema) {
  return static_cast<int64_t>(Checksum(schema) & 0x7fffffff);
}

}  // namespace

Result<std::unique_ptr<Database>> Database::Open(Target target, Role role) {
  std::unique_ptr<Database> self(new Database(std::move(target), role));
  Connected connected = self->Connect(true);
  if (!connected) return connected.error();
  self->connection_ = std::move(*connected);
  self->generation_ = 1;
  return self;
}

Database::~Database() {
  stopping_ = true;
  if (connecting_.valid()) connecting_.wait();
}

// ---- connecting ---------------------------------------------------------------------------------

Database::Connected Database::Connect(bool first) const {
  Connected connected = Connection::Open(target_, first ? kFirstConnectNs : kConnectNs, &stopping_);
  if (!connected) return connected;
  Connection& connection = **connected;
  Status status =
      connection.Query("SELECT set_config('search_path', ?1, false)", {target_.schema}, kSetUpNs);
  if (status && role_ == Role::kWriter) status = TakeLock(&connection);
  if (status && role_ == Role::kWriter && first) status = PrepareSchema(&connection, target_);
  if (status && role_ == Role::kReader && first) status = CheckSchema(&connection, target_);
  if (status)
    status =
        connection.Script(role_ == Role::kWriter ? kWriterTimeouts : kReaderTimeouts, kSetUpNs);
  if (!status) return status.error();
  return connected;
}

// Held by the session; the server drops it however that ends.
Status Database::TakeLock(Connection* connection) const {
  const int64_t lock = LockOf(target_.schema);
  const int64_t until_ns = SteadyNs() + kSecond;
  while (true) {
    bool taken = false;
    const Connection::Take take = [&](const SqlRow& row) -> Status {
      taken = row.Text(0) == "t";
      return {};
    };
    if (Status status = connection->Query("SELECT pg_try_advisory_lock(?1::int, ?2::int)",
                                          {kLockClass, lock}, kSetUpNs, &take);
        !status)
      return status;
    if (taken) return {};
    int64_t pid = 0;
    std::string holder;
    const Connection::Take see = [&](const SqlRow& row) -> Status {
      pid = row.Int(0);
      holder = row.Text(1);
      return {};
    };
    if (Status status = connection->Query(
            "SELECT l.pid, coalesce(nullif(a.application_name, ''), 'another program') || "
            "coalesce(' from ' || host(a.client_addr), '') FROM pg_locks l "
            "LEFT JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory' AND "
            "l.granted AND l.classid::bigint = ?1 AND l.objid::bigint = ?2 AND l.database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database())",
            {kLockClass, lock}, kSetUpNs, &see);
        !status)
      return status;
    // Our own lost connection, which the server hasn't noticed to be gone.
    if (pid != 0 && pid == lost_pid_)
      if (Status status =
              connection->Query("SELECT pg_terminate_backend(?1::int)", {pid}, kSetUpNs);
          !status)
        return status;
    // The server takes a moment to see that an agent has ended.
    if (SteadyNs() < until_ns && !stopping_) {
      std::this_thread::sleep_for(std::chrono::nanoseconds(kLookForLockNs));
      continue;
    }
    Error error = MakeError(Code::kConflict, "store " + target_.name + " is in use by " + holder +
                                                 " (server process " + std::to_string(pid) +
                                                 "): stop that agent, or give this one a schema "
                                                 "of its own with ?schema=NAME");
    error.retryable = true;
    return error;
  }
}

Status Database::Ready() {
  if (connection_ != nullptr) {
    if (!connection_->Broken()) return {};
    static_cast<void>(Used({}));
    last_error_ =
        MakeError(Code::kUnavailable, "store " + target_.name + ": the connection is lost");
    last_error_.retryable = true;
  }
  // Whether the server is away or another agent has the store now: acting without it depends on
  // that, so it isn't left open for the first time. After that, who asks doesn't wait.
  int64_t wait_ns = 0;
  if (await_try_ && role_ == Role::kWriter && !connecting_.valid()) {
    wait_ns = kFirstTryNs;
    connecting_ = std::async(std::launch::async, [this] { return Connect(false); });
  }
  await_try_ = false;
  if (connecting_.valid()) {
    if (connecting_.wait_for(std::chrono::nanoseconds(wait_ns)) != std::future_status::ready)
      return last_error_;
    Connected connected = connecting_.get();
    if (connected) {
      connection_ = std::move(*connected);
      ++generation_;
      backoff_ns_ = 0;
      return {};
    }
    last_error_ = std::move(connected.error());
    last_error_.message += "; tried again every " + FormatDuration(kMaxBackoffNs);
    backoff_ns_ = std::clamp(backoff_ns_ * 2, kMinBackoffNs, kMaxBackoffNs);
    next_try_ns_ = SteadyNs() + backoff_ns_;
  }
  if (SteadyNs() >= next_try_ns_)
    connecting_ = std::async(std::launch::async, [this] { return Connect(false); });
  return last_error_;
}

Status Database::Reach() {
  Status status = Ready();
  if (role_ == Role::kWriter) return status;
  const int64_t until_ns = SteadyNs() + kCommitNs;
  while (!status && connecting_.valid() && SteadyNs() < until_ns) {
    connecting_.wait_for(std::chrono::nanoseconds(until_ns - SteadyNs()));
    status = Ready();
  }
  return status;
}

Status Database::Used(Status status) {
  if (connection_ == nullptr || !connection_->Broken()) return status;
  lost_pid_ = connection_->server_pid();
  connection_.reset();
  await_try_ = true;
  if (!status) last_error_ = status.error();
  next_try_ns_ = 0;
  return status;
}

// ---- statements ---------------------------------------------------------------------------------

int64_t Database::patience_ns() const {
  if (in_snapshot_) return kSnapshotNs;
  return role_ == Role::kWriter ? kCommitNs : kReadNs;
}

Status Database::Query(const std::string& sql, SqlValues values, const Take& take) {
  if (!in_snapshot_)
    if (Status status = Reach(); !status) return status;
  if (connection_ == nullptr) return last_error_;
  return Used(connection_->Query(sql, values, patience_ns(), &take));
}

Status Database::Execute(const std::string& sql, SqlValues values) {
  if (connection_ == nullptr) return last_error_;
  return connection_->Send(sql, values);
}

Status Database::Write(const std::function<Status()>& body) {
  in_doubt_ = false;
  if (Status status = Ready(); !status) return status;
  if (Status status = body(); !status) {
    // Nothing is committed before the end of the round trip, which now never comes.
    lost_pid_ = connection_->server_pid();
    connection_.reset();
    await_try_ = true;
    last_error_ = status.error();
    return status;
  }
  const Status status = connection_->Finish(kCommitNs);
  in_doubt_ = connection_->in_doubt();
  return Used(status);
}

Status Database::Read(const std::function<Status()>& body) {
  if (Status status = Reach(); !status) return status;
  in_snapshot_ = true;
  Status status =
      connection_->Query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", {}, patience_ns());
  if (status) status = connection_->Query("SET LOCAL statement_timeout = 30000", {}, patience_ns());
  if (status) status = body();
  in_snapshot_ = false;
  if (connection_ == nullptr) return status;
  const Status ended = connection_->Query(status ? "COMMIT" : "ROLLBACK", {}, patience_ns());
  return Used(status ? ended : status);
}

}  // namespace heald::postgres
