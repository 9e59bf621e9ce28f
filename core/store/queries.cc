#include "core/store/queries.h"

#include <algorithm>

#include "core/store/json.h"

namespace heald {
namespace {

constexpr size_t kMaxPage = 10'000;

uint64_t Unsigned(const SqlRow& row, int column) {
  return static_cast<uint64_t>(row.Int(column));
}

constexpr char kIncidentColumns[] =
    "SELECT id, state, severity, trace_id, target, summary, opened_ns, closed_ns, began_ns, "
    "resolution, healed_by, needed_person, label, label_comment, label_actor, label_ns, "
    "reopened FROM incidents ";

Result<Incident> ReadIncident(const SqlRow& row) {
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
  incident.began_ns = row.Int(8);
  incident.resolution = static_cast<Resolution>(row.Int(9));
  incident.healed_by = row.Text(10);
  incident.needed_person = row.Int(11) != 0;
  incident.label = {std::string(row.Text(12)), std::string(row.Text(13)), std::string(row.Text(14)),
                    row.Int(15)};
  incident.reopened = static_cast<uint32_t>(row.Int(16));
  return incident;
}

constexpr char kEventColumns[] =
    "SELECT seq, ts_ns, incident, trace_id, kind, actor, subject, detail, hash FROM audit ";

AuditEvent ReadEvent(const SqlRow& row) {
  AuditEvent event;
  event.seq = Unsigned(row, 0);
  event.ts_ns = row.Int(1);
  event.incident = Unsigned(row, 2);
  event.trace_id = row.Text(3);
  event.kind = row.Text(4);
  event.actor = row.Text(5);
  event.subject = row.Text(6);
  event.detail = row.Text(7);
  event.hash = row.Text(8);
  return event;
}

const std::string kExecutionColumns =
    "SELECT e.decision, e.incident, e.policy, e.action, e.target_key, e.state, e.attempt, "
    "e.issues, e.planned_ns, e.issued_ns, e.observed_ns, e.ended_ns, e.detail, e.step, e.progress";

Result<Execution> ReadExecution(const SqlRow& row) {
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
  e.step = static_cast<uint32_t>(row.Int(13));
  if (row.Text(14) == "{}") return e;  // of nearly all
  try {
    e.progress = ReadProgress(Json::parse(row.Text(14)));
  } catch (const std::exception& error) {
    return MakeError(Code::kCorrupt,
                     "a stored execution can't be read: " + std::string(error.what()));
  }
  return e;
}

int64_t Cursor(uint64_t before) {
  return before == 0 ? INT64_MAX : static_cast<int64_t>(before);
}

// The chain that a row belongs to, by its incident; both are in order.
Chain* ChainIn(std::vector<Chain>* chains, uint64_t incident) {
  const auto at =
      std::lower_bound(chains->begin(), chains->end(), incident,
                       [](const Chain& chain, uint64_t id) { return chain.incident.id < id; });
  return at != chains->end() && at->incident.id == incident ? &*at : nullptr;
}

}  // namespace

Result<IncidentPage> Queries::Incidents(const IncidentFilter& filter) {
  // States as a bit mask keep this one prepared statement.
  int64_t mask = filter.states.empty() ? 0xff : 0;
  for (const IncidentState state : filter.states) mask |= int64_t{1} << static_cast<int>(state);
  const size_t limit = std::clamp<size_t>(filter.limit, 1, kMaxPage);
  IncidentPage page;
  const auto take = [&](const SqlRow& row) -> Status {
    Result<Incident> incident = ReadIncident(row);
    if (!incident) return incident.error();
    page.incidents.push_back(std::move(*incident));
    return {};
  };
  const std::string where =
      kIncidentColumns + std::string("WHERE id < ?1 AND ((?2 >> state) & 1) = 1 ");
  const std::string order = "ORDER BY id DESC LIMIT ?3";
  const Status status =
      filter.label.empty()
          ? db_.Query(where + order, {Cursor(filter.before), mask, limit + 1}, take)
          : db_.Query(where + "AND label <> '' AND label = ?4 " + order,
                      {Cursor(filter.before), mask, limit + 1, filter.label}, take);
  if (!status) return status.error();
  if (page.incidents.size() > limit) {
    page.incidents.pop_back();
    page.next = page.incidents.back().id;
  }
  return page;
}

// `sql` takes the cursor as ?1 and one more than the limit as ?2.
template <typename T, typename Read>
Result<Page<T>> Queries::ReadPage(const std::string& sql, const PageFrom& from, Read read) {
  const size_t limit = std::clamp<size_t>(from.limit, 1, kMaxPage);
  Page<T> page;
  uint64_t last = 0;
  const Status status =
      db_.Query(sql, {Cursor(from.before), limit + 1}, [&](const SqlRow& row) -> Status {
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

Result<Page<StoredFinding>> Queries::Findings(const FindingFilter& filter) {
  const std::string sql =
      std::string("SELECT f.incident, f.record, f.rowid, ") +
      (filter.predictions ? "coalesce(j.record, '') FROM findings f LEFT JOIN forecasts j ON "
                            "j.finding = f.id WHERE f.prediction = 1"
                          : "'' FROM findings f WHERE f.prediction = 0") +
      (filter.open_only ? " AND f.is_open = 1" : "") +
      " AND f.rowid < ?1 ORDER BY f.rowid DESC LIMIT ?2";
  return ReadPage<StoredFinding>(sql, filter.from,
                                 [](const SqlRow& row, uint64_t* cursor) -> Result<StoredFinding> {
                                   *cursor = Unsigned(row, 2);
                                   Result<Finding> finding = FindingFromJson(row.Text(1));
                                   if (!finding) return finding.error();
                                   StoredFinding found{Unsigned(row, 0), std::move(*finding)};
                                   if (row.Text(3).empty()) return found;
                                   Result<Forecast> forecast = ForecastFromJson(row.Text(3));
                                   if (!forecast) return forecast.error();
                                   found.forecast = std::move(*forecast);
                                   return found;
                                 });
}

Result<Page<DecidedExecution>> Queries::Executions(const PageFrom& from) {
  return ReadPage<DecidedExecution>(
      kExecutionColumns +
          ", d.record, e.rowid FROM executions e JOIN decisions d ON d.id = e.decision "
          "WHERE e.rowid < ?1 ORDER BY e.rowid DESC LIMIT ?2",
      from, [](const SqlRow& row, uint64_t* cursor) -> Result<DecidedExecution> {
        *cursor = Unsigned(row, 16);
        Result<Decision> decision = DecisionFromJson(row.Text(15));
        if (!decision) return decision.error();
        Result<Execution> execution = ReadExecution(row);
        if (!execution) return execution.error();
        return DecidedExecution{std::move(*execution), std::move(*decision)};
      });
}

Result<Page<AuditEvent>> Queries::Audit(const PageFrom& from) {
  return ReadPage<AuditEvent>(
      kEventColumns + std::string("WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2"), from,
      [](const SqlRow& row, uint64_t* cursor) -> Result<AuditEvent> {
        *cursor = Unsigned(row, 0);
        return ReadEvent(row);
      });
}

Result<std::vector<Chain>> Queries::Chains(const std::string& scope, SqlValues values) {
  std::vector<Chain> chains;
  Status status = db_.Query(kIncidentColumns + ("WHERE id " + scope + " ORDER BY id"), values,
                            [&](const SqlRow& row) -> Status {
                              Result<Incident> found = ReadIncident(row);
                              if (!found) return found.error();
                              chains.emplace_back().incident = std::move(*found);
                              return {};
                            });
  if (status && !chains.empty())
    status = db_.Query(
        "SELECT incident, record FROM findings WHERE incident " + scope + " ORDER BY rowid", values,
        [&](const SqlRow& row) -> Status {
          Chain* chain = ChainIn(&chains, Unsigned(row, 0));
          if (chain == nullptr) return {};
          Result<Finding> finding = FindingFromJson(row.Text(1));
          if (!finding) return finding.error();
          chain->incident.findings.push_back(std::move(*finding));
          return {};
        });
  if (status && !chains.empty())
    status = db_.Query(
        "SELECT incident, record FROM decisions WHERE incident " + scope + " ORDER BY ts_ns, rowid",
        values, [&](const SqlRow& row) -> Status {
          Chain* chain = ChainIn(&chains, Unsigned(row, 0));
          if (chain == nullptr) return {};
          Result<Decision> decision = DecisionFromJson(row.Text(1));
          if (!decision) return decision.error();
          chain->decisions.push_back(std::move(*decision));
          return {};
        });
  if (status && !chains.empty())
    status = db_.Query(kExecutionColumns + " FROM executions e WHERE e.incident " + scope +
                           " ORDER BY e.planned_ns, e.rowid",
                       values, [&](const SqlRow& row) -> Status {
                         Result<Execution> execution = ReadExecution(row);
                         if (!execution) return execution.error();
                         if (Chain* chain = ChainIn(&chains, execution->incident))
                           chain->executions.push_back(std::move(*execution));
                         return {};
                       });
  if (!status) return status.error();
  return chains;
}

Result<std::optional<Chain>> Queries::ChainOf(uint64_t incident) {
  std::optional<Chain> found;
  // A chain that is read beside a writing agent is never half old, half new.
  const Status status = db_.Read([&]() -> Status {
    Result<std::vector<Chain>> chains = Chains("= ?1", {incident});
    if (!chains) return chains.error();
    if (chains->empty()) return {};
    found = std::move(chains->front());
    Result<std::vector<Forecast>> forecasts = ForecastsWhere("incident = ?1", {incident});
    if (!forecasts) return forecasts.error();
    found->forecasts = std::move(*forecasts);
    return db_.Query(kEventColumns + std::string("WHERE incident = ?1 ORDER BY seq"), {incident},
                     [&](const SqlRow& row) -> Status {
                       found->events.push_back(ReadEvent(row));
                       return {};
                     });
  });
  if (!status) return status.error();
  return found;
}

Result<std::vector<Chain>> Queries::Unfinished() {
  std::vector<Chain> chains;
  const Status status = db_.Read([&]() -> Status {
    Result<std::vector<Chain>> read = Chains(
        "IN (SELECT id FROM incidents WHERE closed_ns = 0 UNION "
        "SELECT incident FROM executions WHERE undo_open = 1)",
        {});
    if (!read) return read.error();
    chains = std::move(*read);
    return db_.Query(
        kEventColumns + std::string("WHERE incident IN (SELECT id FROM incidents WHERE closed_ns "
                                    "= 0) AND (kind LIKE 'incident.%' OR kind = "
                                    "'execution.verified') ORDER BY seq"),
        {}, [&](const SqlRow& row) -> Status {
          AuditEvent event = ReadEvent(row);
          if (Chain* chain = ChainIn(&chains, event.incident))
            chain->events.push_back(std::move(event));
          return {};
        });
  });
  if (!status) return status.error();
  return chains;
}

Result<uint64_t> Queries::LastIncidentId() {
  uint64_t id = 0;
  const Status status =
      db_.Query("SELECT coalesce(max(id), 0) FROM incidents", {}, [&](const SqlRow& row) -> Status {
        id = Unsigned(row, 0);
        return {};
      });
  if (!status) return status.error();
  return id;
}

Result<StoreReader::Issues> Queries::IssuesSince(std::string_view policy,
                                                 std::string_view target_key, int64_t since_ns,
                                                 uint32_t step) {
  StoreReader::Issues issues;
  const Status status = db_.Query(
      "SELECT issued_ns FROM executions WHERE policy = ?1 AND target_key = ?2 AND issued_ns > 0 "
      "AND (?4 = 0 OR step = ?4) AND (issued_ns >= ?3 OR issued_ns = (SELECT max(issued_ns) FROM "
      "executions WHERE policy = ?1 AND target_key = ?2 AND (?4 = 0 OR step = ?4))) "
      "ORDER BY issued_ns",
      {policy, target_key, since_ns, step}, [&](const SqlRow& row) -> Status {
        issues.last_ns = row.Int(0);
        if (issues.last_ns >= since_ns) issues.times_ns.push_back(issues.last_ns);
        return {};
      });
  if (!status) return status.error();
  return issues;
}

Result<std::vector<int64_t>> Queries::FailuresInRow(std::string_view policy,
                                                    std::string_view target_key, int64_t since_ns,
                                                    uint32_t step) {
  std::vector<int64_t> failed_ns;
  const Status status = db_.Query(
      "SELECT ended_ns, state, progress FROM executions WHERE policy = ?1 AND target_key = ?2 AND "
      "issued_ns > 0 AND ended_ns >= ?3 AND (?4 = 0 OR step = ?4) ORDER BY ended_ns",
      {policy, target_key, since_ns, step}, [&](const SqlRow& row) -> Status {
        const auto state = static_cast<ExecutionState>(row.Int(1));
        CountFailure(state, ReadFacts(row.Text(2)).proof, row.Int(0), &failed_ns);
        return {};
      });
  if (!status) return status.error();
  return failed_ns;
}

Result<std::vector<AuditEvent>> Queries::Events(uint64_t after_seq, size_t limit) {
  std::vector<AuditEvent> events;
  const Status status = db_.Query(
      kEventColumns + std::string("WHERE seq > ?1 ORDER BY seq LIMIT ?2"),
      {after_seq, std::clamp<size_t>(limit, 1, kMaxPage)}, [&](const SqlRow& row) -> Status {
        events.push_back(ReadEvent(row));
        return {};
      });
  if (!status) return status.error();
  return events;
}

Result<std::optional<std::string>> Queries::Setting(std::string_view name) {
  std::optional<std::string> value;
  const Status status = db_.Query("SELECT value FROM settings WHERE name = ?1", {name},
                                  [&](const SqlRow& row) -> Status {
                                    value = row.Text(0);
                                    return {};
                                  });
  if (!status) return status.error();
  return value;
}

Result<AuditEnds> Queries::Ends() {
  AuditEnds ends;
  const Status status = db_.Query(
      "SELECT (SELECT value FROM settings WHERE name = 'store_id'), h.seq, h.hash, "
      "coalesce(c.seq, 0), coalesce(c.hash, '') FROM journal_head h "
      "LEFT JOIN audit_cuts c ON c.seq = (SELECT max(seq) FROM audit_cuts)",
      {}, [&](const SqlRow& row) -> Status {
        ends.store_id = row.Text(0);
        ends.seq = Unsigned(row, 1);
        ends.hash = row.Text(2);
        ends.cut_seq = Unsigned(row, 3);
        ends.cut_hash = row.Text(4);
        return {};
      });
  if (!status) return status.error();
  return ends;
}

}  // namespace heald
