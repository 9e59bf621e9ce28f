// What is asked of the journal, for writer and readers alike, over any SqlDatabase.
// Used by the stores of this folder. Thread rule: as in store.h.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/store/sql.h"
#include "core/store/store.h"

namespace heald {

class Queries {
 public:
  explicit Queries(SqlDatabase* db) : db_(*db) {}

  Result<IncidentPage> Incidents(const IncidentFilter& filter);
  Result<Page<StoredFinding>> Findings(const FindingFilter& filter);
  Result<Page<DecidedExecution>> Executions(const PageFrom& from);
  Result<Page<AuditEvent>> Audit(const PageFrom& from);
  Result<std::optional<Chain>> ChainOf(uint64_t incident);
  Result<std::vector<Chain>> Unfinished();
  Result<uint64_t> LastIncidentId();
  Result<StoreReader::Issues> IssuesSince(std::string_view policy, std::string_view target_key,
                                          int64_t since_ns, uint32_t step);
  Result<std::vector<int64_t>> FailuresInRow(std::string_view policy, std::string_view target_key,
                                             int64_t since_ns, uint32_t step);
  Result<std::vector<AuditEvent>> Events(uint64_t after_seq, size_t limit);
  Result<std::optional<std::string>> Setting(std::string_view name);
  Result<AuditEnds> Ends();

  // history_queries.cc
  template <typename Row>
  using Take = HistoryReader::Take<Row>;
  Status EachIncident(int64_t since_ns, const Take<IncidentRow>& take);
  Status EachExecution(int64_t since_ns, const Take<ExecutionRow>& take);
  Result<std::vector<DecisionCount>> DecisionCounts(int64_t since_ns);
  Status EachCleared(int64_t since_ns, const Take<ClearedRow>& take);
  Status EachForecast(int64_t since_ns, const Take<ForecastRow>& take);
  Result<std::vector<EndedExecution>> EndedOf(std::string_view policy, int64_t since_ns,
                                              size_t limit);
  Result<std::vector<Forecast>> PendingForecasts();

 private:
  Result<std::vector<Forecast>> ForecastsWhere(const std::string& condition, SqlValues values);
  template <typename T, typename Read>
  Result<Page<T>> ReadPage(const std::string& sql, const PageFrom& from, Read read);
  // Incidents with all below them but their events; `scope` is the condition on their number.
  Result<std::vector<Chain>> Chains(const std::string& scope, SqlValues values);

  SqlDatabase& db_;
};

// Store and StoreReader differ only in what they add to the queries.
template <typename Base>
class WithQueries : public Base {
 public:
  explicit WithQueries(std::unique_ptr<SqlDatabase> db) : db_(std::move(db)), queries_(db_.get()) {}

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
                                          int64_t since_ns, uint32_t step) override {
    return queries_.IssuesSince(policy, target_key, since_ns, step);
  }
  Result<std::vector<int64_t>> FailuresInRow(std::string_view policy, std::string_view target_key,
                                             int64_t since_ns, uint32_t step) override {
    return queries_.FailuresInRow(policy, target_key, since_ns, step);
  }
  Result<std::vector<AuditEvent>> Events(uint64_t after_seq, size_t limit) override {
    return queries_.Events(after_seq, limit);
  }
  Result<std::optional<std::string>> Setting(std::string_view name) override {
    return queries_.Setting(name);
  }
  Result<AuditEnds> Ends() override { return queries_.Ends(); }

  template <typename Row>
  using Take = HistoryReader::Take<Row>;
  Status EachIncident(int64_t since_ns, const Take<IncidentRow>& take) override {
    return queries_.EachIncident(since_ns, take);
  }
  Status EachExecution(int64_t since_ns, const Take<ExecutionRow>& take) override {
    return queries_.EachExecution(since_ns, take);
  }
  Result<std::vector<DecisionCount>> DecisionCounts(int64_t since_ns) override {
    return queries_.DecisionCounts(since_ns);
  }
  Status EachCleared(int64_t since_ns, const Take<ClearedRow>& take) override {
    return queries_.EachCleared(since_ns, take);
  }
  Status EachForecast(int64_t since_ns, const Take<ForecastRow>& take) override {
    return queries_.EachForecast(since_ns, take);
  }
  Result<std::vector<EndedExecution>> EndedOf(std::string_view policy, int64_t since_ns,
                                              size_t limit) override {
    return queries_.EndedOf(policy, since_ns, limit);
  }
  Result<std::vector<Forecast>> PendingForecasts() override { return queries_.PendingForecasts(); }

 protected:
  std::unique_ptr<SqlDatabase> db_;
  Queries queries_;
};

}  // namespace heald
