// The store over any SqlDatabase whose tables are up to date: writes changes once and in order,
// keeps the audit trail's chain of hashes, sees to it that nobody else has written in between,
// throws away what is too old. Used by the stores of this folder. Thread rule: as in store.h.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/store/queries.h"

namespace heald {

class SqlStore final : public WithQueries<Store> {
 public:
  // `writer`: the agent's own name for itself, which outlives its process. Becomes the writer:
  // whoever was it before writes no more.
  static Result<std::unique_ptr<Store>> Open(std::unique_ptr<SqlDatabase> db, std::string writer);

  const std::string& id() const override { return id_; }
  Status Commit(Change* change) override;
  bool in_doubt() const override { return in_doubt_; }
  Status Ready() override;
  uint64_t last_number() const override { return head_.number; }
  bool sole_writer() const override { return sole_writer_; }
  Result<Retained> Retain(const Retention& retention, int64_t now_ns) override;
  void Idle() override { db_->Idle(); }

 private:
  // The one row of journal_head. Every transaction moves it on, so that no two writers can both.
  struct Head {
    int64_t epoch = 0;
    uint64_t number = 0;
    uint64_t seq = 0;
    std::string hash;
    std::string writer;
    std::string holder;
  };

  explicit SqlStore(std::unique_ptr<SqlDatabase> db) : WithQueries(std::move(db)) {}
  Result<Head> ReadHead();
  Status BecomeWriter(const std::string& writer);
  // `body`, and the head moved on to `next`.
  Status Advance(const Head& next, const std::function<Status()>& body);
  // Gives the events their places behind `head`.
  static void Link(std::vector<AuditEvent>* events, Head* head);
  Status WriteEvents(const std::vector<AuditEvent>& events);
  // No decision or execution under an id that another has had.
  Status CheckIds(const Change& change);
  Status Write(const Change& change);
  Status WriteIncident(const Incident& incident);
  Status WriteExecution(const Execution& execution);
  Status WriteForecast(const Forecast& forecast);
  Result<size_t> RetainIncidents(int64_t before_ns, int64_t now_ns);
  Result<size_t> RetainAudit(int64_t before_ns, int64_t now_ns);

  std::string id_;
  Head head_;
  bool sole_writer_ = true;
  bool in_doubt_ = false;
  uint64_t generation_ = 0;      // of the connection that head_ was read on
  std::optional<Error> fenced_;  // somebody else writes now
};

}  // namespace heald
