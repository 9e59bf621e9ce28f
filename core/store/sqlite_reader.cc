#include "core/store/sqlite_reader.h"

#include <algorithm>

#include "core/store/json.h"

namespace heald {
namespace {

constexpr size_t kMaxPage = 10'000;

uint64_t Unsigned(const Statement& row, int column) {
  return static_cast<uint64_t>(row.Int(column));
}

// Columns: id, state, severity, trace_id, target, summary, opened_ns, closed_ns.
Result<Incident> ReadIncident(const Statement& row) {
  Incident incident;
  incident.id = Unsigned(row, 0);
  incident.state = static_cast<IncidentState>(row.Int(1));
  incident.severity = static_cast<Severity>(row.Int(2));
  incident.trace_id = row.Text(3);
  Result<Labels> target = LabelsFromJson(row.Text(4));
  if (!target) return target.error();
  incident.target = std::move(*target);
  incident.summary = row.Text(5);
  incident.opened_ns = row.Int(6);
  incident.closed_ns = row.Int(7);
  return incident;
}

AuditEvent ReadEvent(const Statement& row) {
  AuditEvent event;
  event.seq = Unsigned(row, 0);
  event.ts_ns = row.Int(1);
  event.incident = Unsigned(row, 2);
  event.trace_id = row.Text(3);
  event.kind = row.Text(4);
  event.actor = row.Text(5);
  event.subject = row.Text(6);
  event.detail = row.Text(7);
  return event;
}

constexpr std::string_view kExecutionColumns =
    "e.decision, e.incident, e.policy, e.action, e.target_key, e.state, e.attempt, e.issues, "
    "e.planned_ns, e.issued_ns, e.observed_ns, e.ended_ns, e.detail";

Execution ReadExecution(const Statement& row) {
  Execution e;
  e.decision = row.Text(0);
  e.incident = Unsigned(row, 1);
  e.policy = row.Text(2);
  e.action = row.Text(3);
  e.target_key = row.Text(4);
  e.state = static_cast<ExecutionState>(row.Int(5));
  e.attempt = static_cast<uint32_t>(row.Int(6));
  e.issues = static_cast<uint32_t>(row.Int(7));
  e.planned_ns = row.Int(8);
  e.issued_ns = row.Int(9);
  e.observed_ns = row.Int(10);
  e.ended_ns = row.Int(11);
  e.detail = row.Text(12);
  return e;
}

// Calls `take` for each row; stops at its first error.
template <typename Take>
Status EachRow(Sqlite* db, Statement* statement, Take take) {
  while (true) {
    const Result<bool> row = db->Step(statement);
    if (!row) return row.error();
    if (!*row) return {};
    if (Status status = take(*statement); !status) return status;
  }
}

}  // namespace

Result<IncidentPage> SqliteQueries::Incidents(const IncidentFilter& filter) {
  // States as a bit mask keep this one prepared statement.
  int64_t mask = filter.states.empty() ? 0xff : 0;
  for (const IncidentState state : filter.states) mask |= int64_t{1} << static_cast<int>(state);
  const size_t limit = std::clamp<size_t>(filter.limit, 1, kMaxPage);
  Result<Statement> query = db_.Prepare(
      "SELECT id, state, severity, trace_id, target, summary, opened_ns, closed_ns FROM incidents "
      "WHERE id < ?1 AND (?2 >> state) & 1 ORDER BY id DESC LIMIT ?3");
  if (!query) return query.error();
  query->Bind(1, filter.before == 0 ? INT64_MAX : static_cast<int64_t>(filter.before))
      .Bind(2, mask)
      .Bind(3, static_cast<int64_t>(limit + 1));
  IncidentPage page;
  Status status = EachRow(&db_, &*query, [&](const Statement& row) -> Status {
    Result<Incident> incident = ReadIncident(row);
    if (!incident) return incident.error();
    page.incidents.push_back(std::move(*incident));
    return {};
  });
  if (!status) return status.error();
  if (page.incidents.size() > limit) {
    page.incidents.pop_back();
    page.next = page.incidents.back().id;
  }
  return page;
}

// `sql` has the cursor as its last column, and takes it as ?1 and one more than the limit as ?2.
template <typename T, typename Read>
Result<Page<T>> SqliteQueries::ReadPage(const std::string& sql, const PageFrom& from, Read read) {
  const size_t limit = std::clamp<size_t>(from.limit, 1, kMaxPage);
  Result<Statement> query = db_.Prepare(sql);
  if (!query) return query.error();
  query->Bind(1, from.before == 0 ? INT64_MAX : static_cast<int64_t>(from.before))
      .Bind(2, static_cast<int64_t>(limit + 1));
  Page<T> page;
  uint64_t last = 0;
  const Status status = EachRow(&db_, &*query, [&](const Statement& row) -> Status {
    if (page.items.size() == limit) {
      page.next = last;
      return {};
    }
    Result<T> item = read(row, &last);
    if (!item) return item.error();
    page.items.push_back(std::move(*item));
    return {};
  });
  if (!status) return status.error();
  return page;
}

Result<Page<StoredFinding>> SqliteQueries::Findings(const FindingFilter& filter) {
  const std::string sql = std::string("SELECT incident, record, rowid FROM findings WHERE ") +
                          "record ->> 'kind' " + (filter.predictions ? "=" : "<>") +
                          " 'prediction' " +
                          (filter.open_only ? "AND record ->> 'state' <> 'clear' " : "") +
                          "AND rowid < ?1 ORDER BY rowid DESC LIMIT ?2";
  return ReadPage<StoredFinding>(
      sql, filter.from, [](const Statement& row, uint64_t* cursor) -> Result<StoredFinding> {
        *cursor = Unsigned(row, 2);
        Result<Finding> finding = FindingFromJson(row.Text(1));
        if (!finding) return finding.error();
        return StoredFinding{Unsigned(row, 0), std::move(*finding)};
      });
}

Result<Page<DecidedExecution>> SqliteQueries::Executions(const PageFrom& from) {
  const std::string sql = "SELECT " + std::string(kExecutionColumns) +
                          ", d.record, e.rowid FROM executions e JOIN decisions d ON d.id = "
                          "e.decision WHERE e.rowid < ?1 ORDER BY e.rowid DESC LIMIT ?2";
  return ReadPage<DecidedExecution>(
      sql, from, [](const Statement& row, uint64_t* cursor) -> Result<DecidedExecution> {
        *cursor = Unsigned(row, 14);
        Result<Decision> decision = DecisionFromJson(row.Text(13));
        if (!decision) return decision.error();
        return DecidedExecution{ReadExecution(row), std::move(*decision)};
      });
}

Result<Page<AuditEvent>> SqliteQueries::Audit(const PageFrom& from) {
  return ReadPage<AuditEvent>(
      "SELECT seq, ts_ns, incident, trace_id, kind, actor, subject, detail FROM audit "
      "WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2",
      from, [](const Statement& row, uint64_t* cursor) -> Result<AuditEvent> {
        *cursor = Unsigned(row, 0);
        return ReadEvent(row);
      });
}

Result<std::optional<Chain>> SqliteQueries::ChainOf(uint64_t incident) {
  // One snapshot, so that a chain read beside a writing agent is never half old, half new.
  if (Status status = db_.Run("BEGIN"); !status) return status.error();
  std::optional<Chain> chain;
  const auto read = [&]() -> Status {
    Result<Statement> query = db_.Prepare(
        "SELECT id, state, severity, trace_id, target, summary, opened_ns, closed_ns FROM "
        "incidents WHERE id = ?1");
    if (!query) return query.error();
    query->Bind(1, static_cast<int64_t>(incident));
    Status status = EachRow(&db_, &*query, [&](const Statement& row) -> Status {
      Result<Incident> found = ReadIncident(row);
      if (!found) return found.error();
      chain.emplace().incident = std::move(*found);
      return {};
    });
    if (status && chain) status = Fill(&*chain, true);
    return status;
  };
  const Status status = read();
  const Status ended = db_.Run("COMMIT");
  if (!status) return status.error();
  if (!ended) return ended.error();
  return chain;
}

Result<std::vector<Chain>> SqliteQueries::Unfinished() {
  Result<Statement> query = db_.Prepare(
      "SELECT id, state, severity, trace_id, target, summary, opened_ns, closed_ns FROM incidents "
      "WHERE closed_ns = 0 ORDER BY id");
  if (!query) return query.error();
  std::vector<Chain> chains;
  Status status = EachRow(&db_, &*query, [&](const Statement& row) -> Status {
    Result<Incident> incident = ReadIncident(row);
    if (!incident) return incident.error();
    chains.emplace_back().incident = std::move(*incident);
    return {};
  });
  for (Chain& chain : chains)
    if (status) status = Fill(&chain, false);
  if (!status) return status.error();
  return chains;
}

Status SqliteQueries::Fill(Chain* chain, bool with_events) {
  Status status = ReadFindings(&chain->incident);
  if (status) status = ReadDecisions(chain);
  if (status) status = ReadExecutions(chain);
  if (!status || !with_events) return status;
  Result<Statement> query = db_.Prepare(
      "SELECT seq, ts_ns, incident, trace_id, kind, actor, subject, detail FROM audit "
      "WHERE incident = ?1 ORDER BY seq");
  if (!query) return query.error();
  query->Bind(1, static_cast<int64_t>(chain->incident.id));
  return EachRow(&db_, &*query, [&](const Statement& row) -> Status {
    chain->events.push_back(ReadEvent(row));
    return {};
  });
}

Status SqliteQueries::ReadFindings(Incident* incident) {
  Result<Statement> query =
      db_.Prepare("SELECT record FROM findings WHERE incident = ?1 ORDER BY rowid");
  if (!query) return query.error();
  query->Bind(1, static_cast<int64_t>(incident->id));
  return EachRow(&db_, &*query, [&](const Statement& row) -> Status {
    Result<Finding> finding = FindingFromJson(row.Text(0));
    if (!finding) return finding.error();
    incident->findings.push_back(std::move(*finding));
    return {};
  });
}

Status SqliteQueries::ReadDecisions(Chain* chain) {
  Result<Statement> query =
      db_.Prepare("SELECT record FROM decisions WHERE incident = ?1 ORDER BY ts_ns, rowid");
  if (!query) return query.error();
  query->Bind(1, static_cast<int64_t>(chain->incident.id));
  return EachRow(&db_, &*query, [&](const Statement& row) -> Status {
    Result<Decision> decision = DecisionFromJson(row.Text(0));
    if (!decision) return decision.error();
    chain->decisions.push_back(std::move(*decision));
    return {};
  });
}

Status SqliteQueries::ReadExecutions(Chain* chain) {
  const std::string sql = "SELECT " + std::string(kExecutionColumns) +
                          " FROM executions e WHERE e.incident = ?1 ORDER BY e.planned_ns, e.rowid";
  Result<Statement> query = db_.Prepare(sql);
  if (!query) return query.error();
  query->Bind(1, static_cast<int64_t>(chain->incident.id));
  return EachRow(&db_, &*query, [&](const Statement& row) -> Status {
    chain->executions.push_back(ReadExecution(row));
    return {};
  });
}

Result<uint64_t> SqliteQueries::LastIncidentId() {
  const Result<int64_t> id = db_.ScalarInt("SELECT coalesce(max(id), 0) FROM incidents");
  if (!id) return id.error();
  return static_cast<uint64_t>(*id);
}

Result<StoreReader::Issues> SqliteQueries::IssuesSince(std::string_view policy,
                                                       std::string_view target_key,
                                                       int64_t since_ns) {
  Result<Statement> query = db_.Prepare(
      "SELECT issued_ns FROM executions WHERE policy = ?1 AND target_key = ?2 AND issued_ns > 0 "
      "AND issued_ns >= min(?3, (SELECT max(issued_ns) FROM executions WHERE policy = ?1 AND "
      "target_key = ?2)) ORDER BY issued_ns");
  if (!query) return query.error();
  query->Bind(1, policy).Bind(2, target_key).Bind(3, since_ns);
  StoreReader::Issues issues;
  const Status status = EachRow(&db_, &*query, [&](const Statement& row) -> Status {
    issues.last_ns = row.Int(0);
    if (issues.last_ns >= since_ns) issues.times_ns.push_back(issues.last_ns);
    return {};
  });
  if (!status) return status.error();
  return issues;
}

Result<std::vector<AuditEvent>> SqliteQueries::Events(uint64_t after_seq, size_t limit) {
  Result<Statement> query = db_.Prepare(
      "SELECT seq, ts_ns, incident, trace_id, kind, actor, subject, detail FROM audit "
      "WHERE seq > ?1 ORDER BY seq LIMIT ?2");
  if (!query) return query.error();
  query->Bind(1, static_cast<int64_t>(after_seq))
      .Bind(2, static_cast<int64_t>(std::clamp<size_t>(limit, 1, kMaxPage)));
  std::vector<AuditEvent> events;
  const Status status = EachRow(&db_, &*query, [&](const Statement& row) -> Status {
    events.push_back(ReadEvent(row));
    return {};
  });
  if (!status) return status.error();
  return events;
}

Result<std::optional<std::string>> SqliteQueries::Setting(std::string_view name) {
  Result<Statement> query = db_.Prepare("SELECT value FROM settings WHERE name = ?1");
  if (!query) return query.error();
  query->Bind(1, name);
  std::optional<std::string> value;
  const Status status = EachRow(&db_, &*query, [&](const Statement& row) -> Status {
    value = row.Text(0);
    return {};
  });
  if (!status) return status.error();
  return value;
}

}  // namespace heald
