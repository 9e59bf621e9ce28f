// The queries of the SQLite store, for writer and readers alike. Used by sqlite_store.cc only.
// Thread rule: as in store.h.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/store/sqlite.h"
#include "core/store/store.h"

namespace heald {

// Base is Store or StoreReader, so that both get the same queries.
class SqliteQueries {
 public:
  explicit SqliteQueries(Sqlite db) : db_(std::move(db)) {}

  Result<IncidentPage> Incidents(const IncidentFilter& filter);
  Result<Page<StoredFinding>> Findings(const FindingFilter& filter);
  Result<Page<DecidedExecution>> Executions(const PageFrom& from);
  Result<Page<AuditEvent>> Audit(const PageFrom& from);
  Result<std::optional<Chain>> ChainOf(uint64_t incident);
  Result<std::vector<Chain>> Unfinished();
  Result<uint64_t> LastIncidentId();
  Result<StoreReader::Issues> IssuesSince(std::string_view policy, std::string_view target_key,
                                          int64_t since_ns);
  Result<std::vector<AuditEvent>> Events(uint64_t after_seq, size_t limit);
  Result<std::optional<std::string>> Setting(std::string_view name);
  Sqlite& db() { return db_; }

 private:
  template <typename T, typename Read>
  Result<Page<T>> ReadPage(const std::string& sql, const PageFrom& from, Read read);
  // Everything below the incident itself; events only where asked.
  Status Fill(Chain* chain, bool with_events);
  Status ReadFindings(Incident* incident);
  Status ReadDecisions(Chain* chain);
  Status ReadExecutions(Chain* chain);

  Sqlite db_;
};

// Store and StoreReader differ only in what they add to the queries.
template <typename Base>
class WithQueries : public Base {
 public:
  explicit WithQueries(Sqlite db) : queries_(std::move(db)) {}

  Result<IncidentPage> Incidents(const IncidentFilter& filter) override {
    return queries_.Incidents(filter);
  }
  Result<Page<StoredFinding>> Findings(const FindingFilter& filter) override {
    return queries_.Findings(filter);
  }
  Result<Page<DecidedExecution>> Executions(const PageFrom& from) override {
    return queries_.Executions(from);
  }
  Result<Page<AuditEvent>> Audit(const PageFrom& from) override { return queries_.Audit(from); }
  Result<std::optional<Chain>> ChainOf(uint64_t incident) override {
    return queries_.ChainOf(incident);
  }
  Result<std::vector<Chain>> Unfinished() override { return queries_.Unfinished(); }
  Result<uint64_t> LastIncidentId() override { return queries_.LastIncidentId(); }
  Result<StoreReader::Issues> IssuesSince(std::string_view policy, std::string_view target_key,
                                          int64_t since_ns) override {
    return queries_.IssuesSince(policy, target_key, since_ns);
  }
  Result<std::vector<AuditEvent>> Events(uint64_t after_seq, size_t limit) override {
    return queries_.Events(after_seq, limit);
  }
  Result<std::optional<std::string>> Setting(std::string_view name) override {
    return queries_.Setting(name);
  }

 protected:
  SqliteQueries queries_;
};

}  // namespace heald
