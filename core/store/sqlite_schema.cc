#include "core/store/sqlite_schema.h"

#include <array>
#include <ctime>
#include <string>

#include "core/store/audit_chain.h"

namespace heald {
namespace {

// "hlad": tells a heald store from any other SQLite file.
constexpr int64_t kApplicationId = 0x686c6164;

struct Migration {
  int64_t version;
  const char* sql;
  Status (*then)(Sqlite*) = nullptr;  // what SQL can't say, in the same transaction
};

// Rows that were written before there was a chain.
Status ChainAudit(Sqlite* db) {
  std::string hash;
  {
    Result<Statement> id = db->Prepare("SELECT value FROM settings WHERE name = 'store_id'");
    if (!id) return id.error();
    const Result<bool> row = db->Step(&*id);
    if (!row) return row.error();
    hash = AuditGenesis(*row ? id->Text(0) : "00000000");
    if (Status status = db->Finish(&*id); !status) return status;
  }
  AuditEvent event;
  while (true) {
    Result<Statement> next = db->Prepare(
        "SELECT seq, ts_ns, incident, trace_id, kind, actor, subject, detail FROM audit "
        "WHERE seq > ?1 ORDER BY seq LIMIT 1");
    if (!next) return next.error();
    next->Bind(1, static_cast<int64_t>(event.seq));
    const Result<bool> row = db->Step(&*next);
    if (!row) return row.error();
    if (!*row) break;
    event.seq = static_cast<uint64_t>(next->Int(0));
    event.ts_ns = next->Int(1);
    event.incident = static_cast<uint64_t>(next->Int(2));
    event.trace_id = next->Text(3);
    event.kind = next->Text(4);
    event.actor = next->Text(5);
    event.subject = next->Text(6);
    event.detail = next->Text(7);
    hash = AuditHash(hash, event);
    Result<Statement> set = db->Prepare("UPDATE audit SET hash = ?1 WHERE seq = ?2");
    if (!set) return set.error();
    set->Bind(1, hash).Bind(2, static_cast<int64_t>(event.seq));
    if (Status status = db->Finish(&*set); !status) return status;
  }
  Result<Statement> head = db->Prepare(
      "INSERT INTO journal_head(epoch, number, seq, hash, writer, holder) "
      "VALUES(0, 0, ?1, ?2, '', '')");
  if (!head) return head.error();
  head->Bind(1, static_cast<int64_t>(event.seq)).Bind(2, hash);
  Status status = db->Finish(&*head);
  if (!status) return status;
  return db->Run(
      "CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit "
      "BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END");
}

// Only appended to. A record's JSON holds everything; columns beside it are what queries need.
const std::array<Migration, 6> kMigrations{{{1, R"sql(
  CREATE TABLE settings(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE incidents(
    id INTEGER PRIMARY KEY, state INTEGER NOT NULL, severity INTEGER NOT NULL,
    trace_id TEXT NOT NULL, target TEXT NOT NULL, summary TEXT NOT NULL,
    opened_ns INTEGER NOT NULL, closed_ns INTEGER NOT NULL);
  CREATE INDEX incidents_open ON incidents(id) WHERE closed_ns = 0;
  CREATE INDEX incidents_state ON incidents(state, id);
  CREATE TABLE findings(
    id TEXT PRIMARY KEY, incident INTEGER NOT NULL, record TEXT NOT NULL);
  CREATE INDEX findings_incident ON findings(incident);
  CREATE TABLE decisions(
    id TEXT PRIMARY KEY, incident INTEGER NOT NULL, ts_ns INTEGER NOT NULL, record TEXT NOT NULL);
  CREATE INDEX decisions_incident ON decisions(incident);
  CREATE TABLE executions(
    decision TEXT PRIMARY KEY, incident INTEGER NOT NULL, policy TEXT NOT NULL,
    action TEXT NOT NULL, target_key TEXT NOT NULL, state INTEGER NOT NULL,
    attempt INTEGER NOT NULL, issues INTEGER NOT NULL, planned_ns INTEGER NOT NULL,
    issued_ns INTEGER NOT NULL, observed_ns INTEGER NOT NULL, ended_ns INTEGER NOT NULL,
    detail TEXT NOT NULL);
  CREATE INDEX executions_incident ON executions(incident);
  CREATE INDEX executions_history ON executions(policy, target_key, issued_ns);
  CREATE TABLE audit(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, ts_ns INTEGER NOT NULL, incident INTEGER NOT NULL,
    trace_id TEXT NOT NULL, kind TEXT NOT NULL, actor TEXT NOT NULL, subject TEXT NOT NULL,
    detail TEXT NOT NULL);
  CREATE INDEX audit_incident ON audit(incident, seq);
  CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END;
  CREATE TRIGGER audit_is_never_cut BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END;
  INSERT INTO settings VALUES('store_id', lower(hex(randomblob(4))));
)sql"},
                                            {2, R"sql(
  CREATE INDEX findings_kind ON findings(record ->> 'kind');
  CREATE INDEX findings_open ON findings(record ->> 'kind') WHERE record ->> 'state' <> 'clear';
)sql"},
                                            {3, R"sql(
  DROP INDEX findings_kind;
  DROP INDEX findings_open;
  ALTER TABLE findings ADD COLUMN prediction INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE findings ADD COLUMN is_open INTEGER NOT NULL DEFAULT 0;
  UPDATE findings SET prediction = record ->> 'kind' = 'prediction',
    is_open = record ->> 'state' <> 'clear';
  CREATE INDEX findings_kind ON findings(prediction);
  CREATE INDEX findings_open ON findings(prediction) WHERE is_open = 1;
  CREATE INDEX incidents_closed ON incidents(closed_ns) WHERE closed_ns > 0;
  CREATE TABLE journal_head(
    epoch INTEGER NOT NULL, number INTEGER NOT NULL, seq INTEGER NOT NULL, hash TEXT NOT NULL,
    writer TEXT NOT NULL, holder TEXT NOT NULL);
  CREATE TABLE audit_cuts(
    seq INTEGER PRIMARY KEY, hash TEXT NOT NULL, event INTEGER NOT NULL, cut_ns INTEGER NOT NULL);
  CREATE TRIGGER audit_cuts_are_recorded BEFORE INSERT ON audit_cuts
    WHEN NOT EXISTS (SELECT 1 FROM audit a, audit e WHERE a.seq = new.seq AND a.hash = new.hash
      AND e.seq = new.event AND e.kind = 'audit.cut' AND e.subject = CAST(new.seq AS TEXT))
    BEGIN SELECT RAISE(ABORT, 'a cut is recorded in the trail that it cuts'); END;
  CREATE TRIGGER audit_cuts_are_never_changed BEFORE UPDATE ON audit_cuts
    BEGIN SELECT RAISE(ABORT, 'cuts of the audit trail are never changed'); END;
  CREATE TRIGGER audit_cuts_are_never_deleted BEFORE DELETE ON audit_cuts
    BEGIN SELECT RAISE(ABORT, 'cuts of the audit trail are never deleted'); END;
  DROP TRIGGER audit_is_never_cut;
  CREATE TRIGGER audit_is_never_cut BEFORE DELETE ON audit
    WHEN old.seq > (SELECT coalesce(max(seq), 0) FROM audit_cuts)
    BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted but by a recorded cut'); END;
  DROP TRIGGER audit_is_never_changed;
  ALTER TABLE audit ADD COLUMN hash TEXT NOT NULL DEFAULT '';
)sql",
                                             ChainAudit},
                                            {4, R"sql(
  ALTER TABLE incidents ADD COLUMN began_ns INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE incidents ADD COLUMN resolution INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE incidents ADD COLUMN healed_by TEXT NOT NULL DEFAULT '';
  ALTER TABLE incidents ADD COLUMN needed_person INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE incidents ADD COLUMN label TEXT NOT NULL DEFAULT '';
  ALTER TABLE incidents ADD COLUMN label_comment TEXT NOT NULL DEFAULT '';
  ALTER TABLE incidents ADD COLUMN label_actor TEXT NOT NULL DEFAULT '';
  ALTER TABLE incidents ADD COLUMN label_ns INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE decisions ADD COLUMN policy TEXT NOT NULL DEFAULT '';
  ALTER TABLE decisions ADD COLUMN verdict INTEGER NOT NULL DEFAULT 2;
  UPDATE decisions SET policy = record ->> 'policy', verdict = CASE record ->> 'verdict'
    WHEN 'would_act' THEN 0 WHEN 'act' THEN 1 WHEN 'refused' THEN 2 ELSE 3 END;
  UPDATE incidents SET began_ns = opened_ns,
    healed_by = coalesce((SELECT e.policy FROM executions e WHERE e.incident = incidents.id
      AND e.state = 3 AND e.action <> 'alert' ORDER BY e.ended_ns DESC LIMIT 1), ''),
    needed_person = CASE WHEN state = 4 OR EXISTS (SELECT 1 FROM audit a
      WHERE a.incident = incidents.id AND a.kind IN ('approval.asked', 'incident.escalated'))
      THEN 1 ELSE 0 END;
  UPDATE incidents SET resolution = CASE WHEN healed_by <> '' THEN 1
    WHEN EXISTS (SELECT 1 FROM executions e WHERE e.incident = incidents.id AND e.issued_ns > 0
      AND e.action <> 'alert') THEN 3 ELSE 2 END WHERE closed_ns > 0;
  CREATE INDEX incidents_opened ON incidents(opened_ns);
  CREATE INDEX incidents_label ON incidents(label, id) WHERE label <> '';
  CREATE INDEX executions_planned ON executions(planned_ns);
  CREATE INDEX executions_ended ON executions(policy, ended_ns);
  CREATE INDEX decisions_counted ON decisions(ts_ns, policy, verdict);
  CREATE TABLE forecasts(
    finding TEXT PRIMARY KEY, incident INTEGER NOT NULL, detector TEXT NOT NULL,
    outcome INTEGER NOT NULL, probability_ppm INTEGER NOT NULL, made_ns INTEGER NOT NULL,
    judged_ns INTEGER NOT NULL, happened_ns INTEGER NOT NULL, record TEXT NOT NULL);
  CREATE INDEX forecasts_pending ON forecasts(made_ns) WHERE outcome = 0;
  CREATE INDEX forecasts_judged ON forecasts(judged_ns);
  CREATE INDEX forecasts_incident ON forecasts(incident);
)sql"},
                                            {5, R"sql(
  ALTER TABLE executions ADD COLUMN step INTEGER NOT NULL DEFAULT 1;
  ALTER TABLE executions ADD COLUMN progress TEXT NOT NULL DEFAULT '{}';
  ALTER TABLE executions ADD COLUMN undo_open INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX executions_undo ON executions(incident) WHERE undo_open = 1;
)sql"},
                                            {6, R"sql(
  ALTER TABLE incidents ADD COLUMN reopened INTEGER NOT NULL DEFAULT 0;
)sql"}}};

// 0: empty file. The version otherwise, if it is ours and not from the future.
Result<int64_t> Version(Sqlite* db) {
  const Result<int64_t> id = db->ScalarInt("PRAGMA application_id");
  if (!id) return id.error();
  const Result<int64_t> version = db->ScalarInt("PRAGMA user_version");
  if (!version) return version.error();
  const Result<int64_t> tables = db->ScalarInt("SELECT count(*) FROM sqlite_schema");
  if (!tables) return tables.error();
  if (*tables == 0) return int64_t{0};
  if (*id != kApplicationId)
    return MakeError(Code::kCorrupt, "store " + db->path() +
                                         ": this SQLite file belongs to another program; point "
                                         "agent.store at a file of its own");
  if (*version > kMigrations.back().version)
    return MakeError(Code::kUnsupported,
                     "store " + db->path() + ": written by a newer heald (schema " +
                         std::to_string(*version) + ", this one knows " +
                         std::to_string(kMigrations.back().version) +
                         "): update heald, or point agent.store at another file");
  return version;
}

Status Apply(Sqlite* db, const Migration& migration) {
  const std::string number = std::to_string(migration.version);
  const std::string record =
      "CREATE TABLE IF NOT EXISTS migrations(version INTEGER PRIMARY KEY, applied_s INTEGER NOT "
      "NULL); INSERT INTO migrations VALUES(" +
      number + ", " + std::to_string(std::time(nullptr)) +
      "); PRAGMA application_id = " + std::to_string(kApplicationId) +
      "; PRAGMA user_version = " + number;
  Status status = db->Run("BEGIN IMMEDIATE");
  if (status) status = db->Run(migration.sql);
  if (status && migration.then != nullptr) status = migration.then(db);
  if (status) status = db->Run(record.c_str());
  if (status) status = db->Run("COMMIT");
  if (!status) {
    // The first failure is the one to report.
    const Status undone = db->Run("ROLLBACK");
    static_cast<void>(undone);
  }
  return status;
}

}  // namespace

Status PrepareSchema(Sqlite* db) {
  const Result<int64_t> version = Version(db);
  if (!version) return version.error();
  for (const Migration& migration : kMigrations) {
    if (migration.version <= *version) continue;
    if (Status status = Apply(db, migration); !status) return status;
  }
  return {};
}

Status CheckSchema(Sqlite* db) {
  const Result<int64_t> version = Version(db);
  if (!version) return version.error();
  if (*version < kMigrations.back().version)
    return MakeError(
        Code::kUnsupported,
        "store " + db->path() +
            ": written by an older heald; start the agent once to bring it up to date");
  return {};
}

}  // namespace heald
