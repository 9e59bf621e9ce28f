#include "core/store/sql_store.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "core/base/units.h"
#include "core/base/utf8.h"
#include "core/store/audit_chain.h"
#include "core/store/json.h"

namespace heald {
namespace {

// Small enough for a pause of a few milliseconds.
constexpr size_t kIncidentsAtOnce = 50;
constexpr size_t kAuditRowsAtOnce = 1000;

// "host, process 123"
std::string ThisProcess() {
  char host[256] = {};
  if (gethostname(host, sizeof host - 1) != 0) host[0] = '\0';
  return (host[0] == '\0' ? "unknown host" : std::string(host)) + ", process " +
         std::to_string(getpid());
}

// What every database keeps as it is, byte for byte: the row's hash is over that.
void Clean(std::string* text) {
  *text = ValidUtf8(*text);
  for (size_t at = text->find('\0'); at != std::string::npos; at = text->find('\0', at))
    text->replace(at, 1, kReplacementCharacter);
}

AuditEvent RetentionEvent(std::string_view kind, std::string subject, const Json& detail,
                          int64_t now_ns) {
  AuditEvent event;
  event.ts_ns = now_ns;
  event.kind = kind;
  event.actor = "heald";
  event.subject = std::move(subject);
  event.detail = Dump(detail);
  return event;
}

}  // namespace

Result<std::unique_ptr<Store>> SqlStore::Open(std::unique_ptr<SqlDatabase> db, std::string writer) {
  std::unique_ptr<SqlStore> store(new SqlStore(std::move(db)));
  Result<std::optional<std::string>> id = store->Setting("store_id");
  if (!id) return id.error();
  store->id_ = id->value_or("00000000");
  if (Status status = store->BecomeWriter(writer); !status) return status.error();
  return std::unique_ptr<Store>(std::move(store));
}

Result<SqlStore::Head> SqlStore::ReadHead() {
  std::optional<Head> head;
  const Status status =
      db_->Query("SELECT epoch, number, seq, hash, writer, holder FROM journal_head", {},
                 [&](const SqlRow& row) -> Status {
                   head = Head{row.Int(0),
                               static_cast<uint64_t>(row.Int(1)),
                               static_cast<uint64_t>(row.Int(2)),
                               std::string(row.Text(3)),
                               std::string(row.Text(4)),
                               std::string(row.Text(5))};
                   return {};
                 });
  if (!status) return status.error();
  if (!head)
    return MakeError(Code::kCorrupt,
                     "store " + db_->name() + ": its table journal_head is empty; restore a copy");
  return *head;
}

Status SqlStore::BecomeWriter(const std::string& writer) {
  Result<Head> head = ReadHead();
  if (!head) return head.error();
  head_ = std::move(*head);
  sole_writer_ = head_.writer.empty() || head_.writer == writer;
  if (head_.hash.empty()) head_.hash = AuditGenesis(id_);
  head_.writer = writer;
  head_.holder = ThisProcess();
  const Status status = db_->Write([&] {
    return db_->Execute(
        "UPDATE journal_head SET epoch = epoch + 1, hash = ?1, writer = ?2, holder = ?3",
        {head_.hash, head_.writer, head_.holder});
  });
  if (!status) return status;
  ++head_.epoch;
  generation_ = db_->generation();
  return {};
}

Status SqlStore::Ready() {
  if (fenced_) return *fenced_;
  if (Status status = db_->Ready(); !status) return status;
  if (db_->generation() == generation_) return {};
  Result<Head> head = ReadHead();
  if (!head) return head.error();
  if (head->epoch != head_.epoch) {
    fenced_ = MakeError(Code::kConflict,
                        "store " + db_->name() + ": another heald (" + head->holder +
                            ") has taken over while this one had lost it, so this one writes no "
                            "more: run one agent per store, and restart this one");
    return *fenced_;
  }
  head_ = std::move(*head);
  generation_ = db_->generation();
  return {};
}

void SqlStore::Link(std::vector<AuditEvent>* events, Head* head) {
  for (AuditEvent& event : *events) {
    for (std::string* text :
         {&event.trace_id, &event.kind, &event.actor, &event.subject, &event.detail})
      Clean(text);
    event.seq = ++head->seq;
    event.hash = head->hash = AuditHash(head->hash, event);
  }
}

Status SqlStore::Commit(Change* change) {
  in_doubt_ = false;
  if (Status status = Ready(); !status) return status;
  if (change->number != 0 && change->number <= head_.number) {
    // It is there: an earlier try whose answer was lost.
    if (change->number == head_.number)
      for (size_t i = 0; i < change->events.size(); ++i)
        change->events[i].seq = head_.seq - change->events.size() + i + 1;
    return {};
  }
  if (change->first != 0 && change->first <= head_.number) {
    Error error = MakeError(Code::kUnavailable, "a part of this is in the store already");
    error.retryable = true;
    return error;
  }
  if (Status status = CheckIds(*change); !status) return status;
  Head next = head_;
  next.number = change->number != 0 ? change->number : head_.number + 1;
  Link(&change->events, &next);
  return Advance(next, [&] {
    Status status = Write(*change);
    return status ? WriteEvents(change->events) : status;
  });
}

Status SqlStore::Advance(const Head& next, const std::function<Status()>& body) {
  const Status status = db_->Write([&] {
    // Fails for a writer who isn't the one any more: the column takes no NULL.
    const Status moved = db_->Execute(
        "UPDATE journal_head SET epoch = CASE WHEN epoch = ?1 AND number = ?2 AND seq = ?3 "
        "THEN epoch END, number = ?4, seq = ?5, hash = ?6",
        {head_.epoch, head_.number, head_.seq, next.number, next.seq, next.hash});
    return moved ? body() : moved;
  });
  if (status) {
    head_ = next;
    return {};
  }
  in_doubt_ = db_->in_doubt();
  if (status.error().code != Code::kConflict) return status;
  generation_ = UINT64_MAX;  // to be looked at again: who has moved the head?
  const Status ready = Ready();
  return ready ? status : ready;
}

// One that took another's place would wipe it out of the history: what was done would be counted
// once too few, and be done again under a key that targets take for done.
Status SqlStore::CheckIds(const Change& change) {
  std::string used;
  Status status;
  for (const Decision& d : change.decisions)
    if (status)
      status = db_->Query(
          "SELECT ts_ns, verdict FROM decisions WHERE id = ?1", {d.id},
          [&](const SqlRow& row) -> Status {
            const bool ended = row.Int(1) == static_cast<int64_t>(DecisionVerdict::kRefused);
            if (row.Int(0) != d.ts_ns || (ended && d.verdict != DecisionVerdict::kRefused))
              used = d.id;
            return {};
          });
  for (const Execution& e : change.executions)
    if (status)
      status = db_->Query("SELECT planned_ns, state, ended_ns FROM executions WHERE decision = ?1",
                          {e.decision}, [&](const SqlRow& row) -> Status {
                            const bool ended = IsFinished(static_cast<ExecutionState>(row.Int(1)));
                            if (row.Int(0) != e.planned_ns ||
                                (ended && (!IsFinished(e.state) || row.Int(2) != e.ended_ns)))
                              used = e.decision;
                            return {};
                          });
  if (!status || used.empty()) return status;
  return MakeError(Code::kInvalid, "store " + db_->name() + ": decision " + used +
                                       " is there already and has ended, so another isn't "
                                       "written under its id: a defect of heald, please report it");
}

Status SqlStore::Write(const Change& change) {
  Status status;
  for (const Incident& incident : change.incidents)
    if (status) status = WriteIncident(incident);
  for (const StoredFinding& f : change.findings)
    if (status)
      status = db_->Execute(
          "INSERT INTO findings(id, incident, record, prediction, is_open) "
          "VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(id) DO UPDATE SET incident = excluded.incident, "
          "record = excluded.record, prediction = excluded.prediction, is_open = excluded.is_open",
          {f.finding.id, f.incident, Dump(ToJson(f.finding)),
           f.finding.kind == FindingKind::kPrediction, f.finding.state != FindingState::kClear});
  for (const Decision& d : change.decisions)
    if (status)
      status = db_->Execute(
          "INSERT INTO decisions(id, incident, ts_ns, record, policy, verdict) "
          "VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(id) DO UPDATE SET ts_ns = excluded.ts_ns, "
          "record = excluded.record, verdict = excluded.verdict",
          {d.id, d.incident, d.ts_ns, Dump(ToJson(d)), d.policy, d.verdict});
  for (const Execution& execution : change.executions)
    if (status) status = WriteExecution(execution);
  for (const Forecast& forecast : change.forecasts)
    if (status) status = WriteForecast(forecast);
  for (const StoredLabel& l : change.labels)
    if (status)
      status = db_->Execute(
          "UPDATE incidents SET label = ?2, label_comment = ?3, label_actor = ?4, label_ns = ?5 "
          "WHERE id = ?1",
          {l.incident, l.label.value, l.label.comment, l.label.actor, l.label.ts_ns});
  for (const auto& [name, value] : change.settings)
    if (status)
      status = db_->Execute(
          "INSERT INTO settings(name, value) VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET "
          "value = excluded.value",
          {name, value});
  return status;
}

// Its label is people's, and written on its own.
Status SqlStore::WriteIncident(const Incident& i) {
  return db_->Execute(
      "INSERT INTO incidents(id, state, severity, trace_id, target, summary, opened_ns, closed_ns, "
      "began_ns, resolution, healed_by, needed_person, reopened) "
      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) "
      "ON CONFLICT(id) DO UPDATE SET "
      "state = excluded.state, severity = excluded.severity, summary = excluded.summary, "
      "opened_ns = excluded.opened_ns, "
      "closed_ns = excluded.closed_ns, began_ns = excluded.began_ns, "
      "resolution = excluded.resolution, healed_by = excluded.healed_by, "
      "needed_person = excluded.needed_person, reopened = excluded.reopened",
      {i.id, i.state, i.severity, i.trace_id, Dump(ToJson(i.target)), i.summary, i.opened_ns,
       i.closed_ns, i.began_ns, i.resolution, i.healed_by, i.needed_person, i.reopened});
}

Status SqlStore::WriteForecast(const Forecast& f) {
  constexpr double kMillion = 1e6;
  const double probability = std::isnan(f.probability) ? 0 : f.probability;
  return db_->Execute(
      "INSERT INTO forecasts(finding, incident, detector, outcome, probability_ppm, made_ns, "
      "judged_ns, happened_ns, record) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) "
      "ON CONFLICT(finding) DO UPDATE SET outcome = excluded.outcome, "
      "judged_ns = excluded.judged_ns, happened_ns = excluded.happened_ns, "
      "record = excluded.record",
      {f.finding, f.incident, f.detector, f.outcome, std::llround(probability * kMillion),
       f.made_ns, f.judged_ns, f.happened_ns, Dump(ToJson(f))});
}

Status SqlStore::WriteExecution(const Execution& e) {
  return db_->Execute(
      "INSERT INTO executions(decision, incident, policy, action, target_key, state, attempt, "
      "issues, planned_ns, issued_ns, observed_ns, ended_ns, detail, step, progress, undo_open) "
      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) "
      "ON CONFLICT(decision) DO UPDATE SET state = excluded.state, issues = excluded.issues, "
      "issued_ns = excluded.issued_ns, observed_ns = excluded.observed_ns, "
      "ended_ns = excluded.ended_ns, detail = excluded.detail, progress = excluded.progress, "
      "undo_open = excluded.undo_open",
      {e.decision, e.incident, e.policy, e.action, e.target_key, e.state, e.attempt, e.issues,
       e.planned_ns, e.issued_ns, e.observed_ns, e.ended_ns, e.detail, e.step,
       Dump(ToJson(e.progress)), e.progress.undo.open()});
}

Status SqlStore::WriteEvents(const std::vector<AuditEvent>& events) {
  Status status;
  for (const AuditEvent& e : events)
    if (status)
      status = db_->Execute(
          "INSERT INTO audit(seq, ts_ns, incident, trace_id, kind, actor, subject, detail, hash) "
          "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
          {e.seq, e.ts_ns, e.incident, e.trace_id, e.kind, e.actor, e.subject, e.detail, e.hash});
  return status;
}

// ---- retention ----------------------------------------------------------------------------------

Result<Retained> SqlStore::Retain(const Retention& retention, int64_t now_ns) {
  if (Status status = Ready(); !status) return status.error();
  Retained retained;
  if (retention.incidents_before_ns > 0) {
    Result<size_t> count = RetainIncidents(retention.incidents_before_ns, now_ns);
    if (!count) return count.error();
    retained.incidents = *count;
  }
  if (retention.audit_before_ns > 0 && retained.incidents == 0) {
    Result<size_t> count = RetainAudit(retention.audit_before_ns, now_ns);
    if (!count) return count.error();
    retained.audit_rows = *count;
  }
  return retained;
}

Result<size_t> SqlStore::RetainIncidents(int64_t before_ns, int64_t now_ns) {
  std::vector<uint64_t> ids;
  // The newest one stays, for the sake of its number.
  const Status read = db_->Query(
      "SELECT id FROM incidents WHERE closed_ns > 0 AND closed_ns < ?1 AND "
      "id < (SELECT max(id) FROM incidents) ORDER BY closed_ns LIMIT ?2",
      {before_ns, kIncidentsAtOnce}, [&](const SqlRow& row) -> Status {
        ids.push_back(static_cast<uint64_t>(row.Int(0)));
        return {};
      });
  if (!read) return read.error();
  if (ids.empty()) return size_t{0};
  const auto [first, last] = std::minmax_element(ids.begin(), ids.end());
  std::vector<AuditEvent> events = {
      RetentionEvent(kIncidentsCut, std::to_string(*first) + ".." + std::to_string(*last),
                     {{"incidents", ids},
                      {"text", std::to_string(ids.size()) + " incidents that ended before " +
                                   FormatTime(before_ns) + " were deleted"}},
                     now_ns)};
  Head next = head_;
  Link(&events, &next);
  const Status written = Advance(next, [&] {
    Status status = WriteEvents(events);
    for (const uint64_t id : ids)
      for (const char* sql :
           {"DELETE FROM forecasts WHERE incident = ?1", "DELETE FROM findings WHERE incident = ?1",
            "DELETE FROM decisions WHERE incident = ?1",
            "DELETE FROM executions WHERE incident = ?1", "DELETE FROM incidents WHERE id = ?1"})
        if (status) status = db_->Execute(sql, {id});
    return status;
  });
  if (!written) return written.error();
  return ids.size();
}

// Only from the beginning and only with a record of it, so that the rest can still be verified.
Result<size_t> SqlStore::RetainAudit(int64_t before_ns, int64_t now_ns) {
  size_t rows = 0;
  uint64_t through = 0;
  std::string hash;
  bool ended = false;
  const Status read = db_->Query(
      "SELECT a.seq, a.ts_ns, a.hash, i.id FROM audit a LEFT JOIN incidents i ON "
      "i.id = a.incident AND i.closed_ns = 0 ORDER BY a.seq LIMIT ?1",
      {kAuditRowsAtOnce}, [&](const SqlRow& row) -> Status {
        // An open incident keeps its story, and with it what was recorded after it began.
        ended = ended || row.Int(1) >= before_ns || row.Int(3) != 0 ||
                static_cast<uint64_t>(row.Int(0)) >= head_.seq;
        if (ended) return {};
        ++rows;
        through = static_cast<uint64_t>(row.Int(0));
        hash = row.Text(2);
        return {};
      });
  if (!read) return read.error();
  if (rows == 0) return size_t{0};
  std::vector<AuditEvent> events = {RetentionEvent(
      kAuditCut, std::to_string(through),
      {{"through", through},
       {"hash", hash},
       {"rows", rows},
       {"text", std::to_string(rows) + " audit rows, through " + std::to_string(through) +
                    ", were deleted: recorded before " + FormatTime(before_ns)}},
      now_ns)};
  Head next = head_;
  Link(&events, &next);
  const Status written = Advance(next, [&] {
    Status status = WriteEvents(events);
    if (status)
      status =
          db_->Execute("INSERT INTO audit_cuts(seq, hash, event, cut_ns) VALUES(?1, ?2, ?3, ?4)",
                       {through, hash, events[0].seq, now_ns});
    if (status) status = db_->Execute("DELETE FROM audit WHERE seq <= ?1", {through});
    return status;
  });
  if (!written) return written.error();
  return rows;
}

}  // namespace heald
