// One connection to a PostgreSQL, with deadlines: statements are queued and sent in one go, and
// what doesn't answer in time is given up. Statements are prepared once. The only user of libpq
// beside target.cc; used by database.cc and schema.cc. Thread rule: one thread at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/store/postgres/target.h"
#include "core/store/sql.h"

struct pg_conn;
struct pg_result;

namespace heald::postgres {

class Connection {
 public:
  using Take = SqlDatabase::Take;

  // Gives up at `*cancelled`, too. The resolver takes as long as it takes.
  static Result<std::unique_ptr<Connection>> Open(const Target& target, int64_t within_ns,
                                                  const std::atomic<bool>* cancelled);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // Queues one statement; ?1 is its first parameter.
  Status Send(const std::string& sql, SqlValues values);
  // Sends what is queued and waits for all its answers. Without a BEGIN it is one transaction.
  Status Finish(int64_t within_ns, const Take* take = nullptr);
  // Send and Finish of one.
  Status Query(const std::string& sql, SqlValues values, int64_t within_ns,
               const Take* take = nullptr);
  // Any number of statements in one transaction, without parameters.
  Status Script(const std::string& sql, int64_t within_ns);

  // It can't be used any more. Looks whether the server has closed it.
  bool Broken();
  // After a failed Finish: whether its transaction may have been committed all the same.
  bool in_doubt() const { return in_doubt_; }
  int server_pid() const { return server_pid_; }

 private:
  Connection(Target target, pg_conn* connection)
      : target_(std::move(target)), connection_(connection) {}
  Error Lost(const std::string& why);
  Error Refused(const pg_result* result) const;
  // Waits for one round trip's answers.
  Status Receive(int64_t within_ns, const Take* take);
  Status TakeRows(const pg_result* result, const Take* take) const;

  const Target target_;
  pg_conn* connection_;
  int server_pid_ = 0;
  bool broken_ = false;
  bool in_doubt_ = false;
  std::unordered_map<std::string, std::string> prepared_;  // text -> name
  std::vector<std::string> preparing_;                     // texts, in this round trip
  uint64_t last_name_ = 0;
};

}  // namespace heald::postgres
