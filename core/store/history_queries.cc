// Weeks of the journal at once: only columns, never records, so that a hundred thousand incidents
// take a fraction of a second.
#include "core/store/json.h"
#include "core/store/queries.h"

namespace heald {

Status Queries::EachIncident(int64_t since_ns, const Take<IncidentRow>& take) {
  return db_.Query(
      "SELECT id, state, resolution, needed_person, opened_ns, began_ns, closed_ns, healed_by, "
      "label, target FROM incidents WHERE opened_ns >= ?1 ORDER BY opened_ns, id",
      {since_ns}, [&](const SqlRow& row) -> Status {
        IncidentRow incident;
        incident.id = static_cast<uint64_t>(row.Int(0));
        incident.state = static_cast<IncidentState>(row.Int(1));
        incident.resolution = static_cast<Resolution>(row.Int(2));
        incident.needed_person = row.Int(3) != 0;
        incident.opened_ns = row.Int(4);
        incident.began_ns = row.Int(5);
        incident.closed_ns = row.Int(6);
        incident.healed_by = row.Text(7);
        incident.label = row.Text(8);
        incident.target = row.Text(9);
        take(incident);
        return {};
      });
}

Status Queries::EachExecution(int64_t since_ns, const Take<ExecutionRow>& take) {
  return db_.Query(
      "SELECT e.policy, e.action, e.state, e.issued_ns, e.ended_ns, i.began_ns, e.progress "
      "FROM executions e "
      "JOIN incidents i ON i.id = e.incident WHERE e.planned_ns >= ?1",
      {since_ns}, [&](const SqlRow& row) -> Status {
        ExecutionRow execution;
        execution.policy = row.Text(0);
        execution.action = row.Text(1);
        execution.state = static_cast<ExecutionState>(row.Int(2));
        execution.issued_ns = row.Int(3);
        execution.ended_ns = row.Int(4);
        const ProgressFacts facts = ReadFacts(row.Text(6));
        execution.began_ns = facts.began_ns != 0 ? facts.began_ns : row.Int(5);
        execution.proof = facts.proof;
        take(execution);
        return {};
      });
}

Result<std::vector<DecisionCount>> Queries::DecisionCounts(int64_t since_ns) {
  std::vector<DecisionCount> counts;
  const Status status = db_.Query(
      "SELECT policy, verdict, count(*) FROM decisions WHERE ts_ns >= ?1 GROUP BY policy, verdict",
      {since_ns}, [&](const SqlRow& row) -> Status {
        counts.push_back({std::string(row.Text(0)), static_cast<DecisionVerdict>(row.Int(1)),
                          static_cast<uint64_t>(row.Int(2))});
        return {};
      });
  if (!status) return status.error();
  return counts;
}

Status Queries::EachCleared(int64_t since_ns, const Take<ClearedRow>& take) {
  return db_.Query(
      "SELECT d.policy, i.closed_ns - min(d.ts_ns), max(CASE WHEN d.verdict = ?2 THEN 1 ELSE 0 END)"
      " FROM decisions d JOIN incidents i ON i.id = d.incident WHERE d.ts_ns >= ?1 AND "
      "i.closed_ns > 0 AND i.resolution = ?3 GROUP BY d.policy, i.id, i.closed_ns",
      {since_ns, DecisionVerdict::kWouldAct, Resolution::kByItself},
      [&](const SqlRow& row) -> Status {
        take({row.Text(0), row.Int(1), row.Int(2) != 0});
        return {};
      });
}

Status Queries::EachForecast(int64_t since_ns, const Take<ForecastRow>& take) {
  return db_.Query(
      "SELECT detector, outcome, probability_ppm, made_ns, happened_ns FROM forecasts "
      "WHERE judged_ns >= ?1 AND judged_ns > 0",
      {since_ns}, [&](const SqlRow& row) -> Status {
        take({row.Text(0), static_cast<ForecastOutcome>(row.Int(1)),
              static_cast<double>(row.Int(2)) / 1e6, row.Int(3), row.Int(4)});
        return {};
      });
}

Result<std::vector<EndedExecution>> Queries::EndedOf(std::string_view policy, int64_t since_ns,
                                                     size_t limit) {
  std::vector<EndedExecution> ended;
  const Status status = db_.Query(
      "SELECT incident, ended_ns, state, step, action, progress FROM executions WHERE policy = ?1 "
      "AND ended_ns > ?2 AND issued_ns > 0 AND state IN (?3, ?4, ?5) "
      // What proves nothing speaks neither for the policy nor against it.
      "AND (progress NOT LIKE '%\"proof\"%' OR progress LIKE '%\"did_not_last\"%') "
      "ORDER BY ended_ns DESC LIMIT ?6",
      {policy, since_ns, ExecutionState::kVerified, ExecutionState::kFailed,
       ExecutionState::kUndone, limit},
      [&](const SqlRow& row) -> Status {
        EndedExecution& one = ended.emplace_back();
        one.incident = static_cast<uint64_t>(row.Int(0));
        one.ended_ns = row.Int(1);
        one.did_not_last = ReadFacts(row.Text(5)).proof == Proof::kDidNotLast;
        one.failed = one.did_not_last ||
                     static_cast<ExecutionState>(row.Int(2)) != ExecutionState::kVerified;
        one.step = static_cast<uint32_t>(row.Int(3));
        one.action = row.Text(4);
        return {};
      });
  if (!status) return status.error();
  return ended;
}

Result<std::vector<Forecast>> Queries::PendingForecasts() {
  return ForecastsWhere("outcome = 0", {});
}

Result<std::vector<Forecast>> Queries::ForecastsWhere(const std::string& condition,
                                                      SqlValues values) {
  std::vector<Forecast> forecasts;
  const Status status =
      db_.Query("SELECT record FROM forecasts WHERE " + condition + " ORDER BY made_ns, finding",
                values, [&](const SqlRow& row) -> Status {
                  Result<Forecast> forecast = ForecastFromJson(row.Text(0));
                  if (!forecast) return forecast.error();
                  forecasts.push_back(std::move(*forecast));
                  return {};
                });
  if (!status) return status.error();
  return forecasts;
}

}  // namespace heald
