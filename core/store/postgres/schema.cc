#include "core/store/postgres/schema.h"

#include <array>
#include <string>

#include "core/base/units.h"

namespace heald::postgres {
namespace {

constexpr int64_t kLookNs = 10 * kSecond;
constexpr int64_t kMigrateNs = 10 * kMinute;

struct Migration {
  int64_t version;
  const char* sql;
};

// Only appended to. The tables and columns are those of the SQLite store, so that both are asked in
// the same words; `rowid` is a column here.
constexpr std::array<Migration, 4> kMigrations{{{1, R"sql(
  CREATE TABLE settings(name TEXT PRIMARY KEY, value TEXT NOT NULL);
  CREATE TABLE incidents(
    id BIGINT PRIMARY KEY, state INTEGER NOT NULL, severity INTEGER NOT NULL,
    trace_id TEXT NOT NULL, target TEXT NOT NULL, summary TEXT NOT NULL,
    opened_ns BIGINT NOT NULL, closed_ns BIGINT NOT NULL);
  CREATE INDEX incidents_open ON incidents(id) WHERE closed_ns = 0;
  CREATE INDEX incidents_state ON incidents(state, id);
  CREATE INDEX incidents_closed ON incidents(closed_ns) WHERE closed_ns > 0;
  CREATE TABLE findings(
    rowid BIGINT GENERATED ALWAYS AS IDENTITY, id TEXT PRIMARY KEY, incident BIGINT NOT NULL,
    record TEXT NOT NULL, prediction INTEGER NOT NULL, is_open INTEGER NOT NULL);
  CREATE INDEX findings_incident ON findings(incident);
  CREATE INDEX findings_kind ON findings(prediction, rowid);
  CREATE INDEX findings_open ON findings(prediction, rowid) WHERE is_open = 1;
  CREATE TABLE decisions(
    rowid BIGINT GENERATED ALWAYS AS IDENTITY, id TEXT PRIMARY KEY, incident BIGINT NOT NULL,
    ts_ns BIGINT NOT NULL, record TEXT NOT NULL);
  CREATE INDEX decisions_incident ON decisions(incident);
  CREATE TABLE executions(
    rowid BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE, decision TEXT PRIMARY KEY,
    incident BIGINT NOT NULL, policy TEXT NOT NULL, action TEXT NOT NULL, target_key TEXT NOT NULL,
    state INTEGER NOT NULL, attempt BIGINT NOT NULL, issues BIGINT NOT NULL,
    planned_ns BIGINT NOT NULL, issued_ns BIGINT NOT NULL, observed_ns BIGINT NOT NULL,
    ended_ns BIGINT NOT NULL, detail TEXT NOT NULL);
  CREATE INDEX executions_incident ON executions(incident);
  CREATE INDEX executions_history ON executions(policy, target_key, issued_ns);
  CREATE TABLE audit(
    seq BIGINT PRIMARY KEY, ts_ns BIGINT NOT NULL, incident BIGINT NOT NULL,
    trace_id TEXT NOT NULL, kind TEXT NOT NULL, actor TEXT NOT NULL, subject TEXT NOT NULL,
    detail TEXT NOT NULL, hash TEXT NOT NULL);
  CREATE INDEX audit_incident ON audit(incident, seq);
  CREATE TABLE journal_head(
    epoch BIGINT NOT NULL, number BIGINT NOT NULL, seq BIGINT NOT NULL, hash TEXT NOT NULL,
    writer TEXT NOT NULL, holder TEXT NOT NULL);
  INSERT INTO journal_head VALUES(0, 0, 0, '', '', '');
  CREATE TABLE audit_cuts(
    seq BIGINT PRIMARY KEY, hash TEXT NOT NULL, event BIGINT NOT NULL, cut_ns BIGINT NOT NULL);

  CREATE FUNCTION heald_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '%', TG_ARGV[0]; END $$;
  CREATE FUNCTION heald_recorded_cut() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT
  AS $$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM audit a, audit e WHERE a.seq = new.seq AND a.hash = new.hash
        AND e.seq = new.event AND e.kind = 'audit.cut' AND e.subject = new.seq::text) THEN
      RAISE EXCEPTION 'a cut is recorded in the trail that it cuts';
    END IF;
    RETURN new;
  END $$;
  CREATE FUNCTION heald_cut_only() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT
  AS $$ BEGIN
    IF old.seq > (SELECT coalesce(max(seq), 0) FROM audit_cuts) THEN
      RAISE EXCEPTION 'audit rows are never deleted but by a recorded cut';
    END IF;
    RETURN old;
  END $$;
  CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
    FOR EACH ROW EXECUTE FUNCTION heald_refuse('audit rows are never changed');
  CREATE TRIGGER audit_is_never_emptied BEFORE TRUNCATE ON audit
    EXECUTE FUNCTION heald_refuse('audit rows are never deleted but by a recorded cut');
  CREATE TRIGGER audit_is_never_cut BEFORE DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION heald_cut_only();
  CREATE TRIGGER audit_cuts_are_recorded BEFORE INSERT ON audit_cuts
    FOR EACH ROW EXECUTE FUNCTION heald_recorded_cut();
  CREATE TRIGGER audit_cuts_are_never_changed BEFORE UPDATE OR DELETE ON audit_cuts
    FOR EACH ROW EXECUTE FUNCTION heald_refuse('cuts of the audit trail are never changed');
  CREATE TRIGGER audit_cuts_are_never_emptied BEFORE TRUNCATE ON audit_cuts
    EXECUTE FUNCTION heald_refuse('cuts of the audit trail are never deleted');
  INSERT INTO settings VALUES('store_id', substr(md5(random()::text || clock_timestamp()::text), 1, 8));
)sql"},
                                                {2, R"sql(
  ALTER TABLE incidents ADD COLUMN began_ns BIGINT NOT NULL DEFAULT 0;
  ALTER TABLE incidents ADD COLUMN resolution INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE incidents ADD COLUMN healed_by TEXT NOT NULL DEFAULT '';
  ALTER TABLE incidents ADD COLUMN needed_person INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE incidents ADD COLUMN label TEXT NOT NULL DEFAULT '';
  ALTER TABLE incidents ADD COLUMN label_comment TEXT NOT NULL DEFAULT '';
  ALTER TABLE incidents ADD COLUMN label_actor TEXT NOT NULL DEFAULT '';
  ALTER TABLE incidents ADD COLUMN label_ns BIGINT NOT NULL DEFAULT 0;
  ALTER TABLE decisions ADD COLUMN policy TEXT NOT NULL DEFAULT '';
  ALTER TABLE decisions ADD COLUMN verdict INTEGER NOT NULL DEFAULT 2;
  UPDATE decisions SET policy = record::json ->> 'policy', verdict = CASE record::json ->> 'verdict'
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
    finding TEXT PRIMARY KEY, incident BIGINT NOT NULL, detector TEXT NOT NULL,
    outcome INTEGER NOT NULL, probability_ppm INTEGER NOT NULL, made_ns BIGINT NOT NULL,
    judged_ns BIGINT NOT NULL, happened_ns BIGINT NOT NULL, record TEXT NOT NULL);
  CREATE INDEX forecasts_pending ON forecasts(made_ns) WHERE outcome = 0;
  CREATE INDEX forecasts_judged ON forecasts(judged_ns);
  CREATE INDEX forecasts_incident ON forecasts(incident);
)sql"},
                                                {3, R"sql(
  ALTER TABLE executions ADD COLUMN step BIGINT NOT NULL DEFAULT 1;
  ALTER TABLE executions ADD COLUMN progress TEXT NOT NULL DEFAULT '{}';
  ALTER TABLE executions ADD COLUMN undo_open INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX executions_undo ON executions(incident) WHERE undo_open = 1;
)sql"},
                                                {4, R"sql(
  ALTER TABLE incidents ADD COLUMN reopened BIGINT NOT NULL DEFAULT 0;
)sql"}}};

// One number, or 0 where there is no row.
Result<int64_t> Number(Connection* connection, const std::string& sql, SqlValues values) {
  int64_t number = 0;
  const Connection::Take take = [&](const SqlRow& row) -> Status {
    number = row.Int(0);
    return {};
  };
  if (Status status = connection->Query(sql, values, kLookNs, &take); !status)
    return status.error();
  return number;
}

// 0: there are no tables yet.
Result<int64_t> Version(Connection* connection, const Target& target) {
  const Result<int64_t> there =
      Number(connection,
             "SELECT 1 FROM information_schema.tables WHERE table_schema = ?1 AND table_name = "
             "'heald_migrations'",
             {target.schema});
  if (!there) return there.error();
  if (*there == 0) return int64_t{0};
  const Result<int64_t> version =
      Number(connection, "SELECT coalesce(max(version), 0) FROM heald_migrations", {});
  if (!version) return version.error();
  if (*version > kMigrations.back().version)
    return MakeError(Code::kUnsupported,
                     "store " + target.name + ": written by a newer heald (schema " +
                         std::to_string(*version) + ", this one knows " +
                         std::to_string(kMigrations.back().version) +
                         "): update heald, or choose another schema with ?schema=NAME");
  return version;
}

}  // namespace

Status PrepareSchema(Connection* connection, const Target& target) {
  // A schema that someone with more rights has made is fine; so is one that has to be made.
  const Result<int64_t> there =
      Number(connection, "SELECT 1 FROM pg_namespace WHERE nspname = ?1", {target.schema});
  if (!there) return there.error();
  if (*there == 0)
    if (Status status = connection->Script("CREATE SCHEMA " + target.schema, kLookNs); !status)
      return status;
  const Result<int64_t> version = Version(connection, target);
  if (!version) return version.error();
  for (const Migration& migration : kMigrations) {
    if (migration.version <= *version) continue;
    const Status status = connection->Script(
        "CREATE TABLE IF NOT EXISTS heald_migrations(version BIGINT PRIMARY KEY, applied_at "
        "TIMESTAMPTZ NOT NULL DEFAULT now()); INSERT INTO heald_migrations(version) VALUES(" +
            std::to_string(migration.version) + ");" + migration.sql,
        kMigrateNs);
    if (!status) return status;
  }
  return {};
}

Status CheckSchema(Connection* connection, const Target& target) {
  const Result<int64_t> version = Version(connection, target);
  if (!version) return version.error();
  if (*version == 0)
    return MakeError(Code::kNotFound, "no store in " + target.name +
                                          ": the agent makes it at its first start; check "
                                          "agent.store, and that this user may read it");
  if (*version < kMigrations.back().version)
    return MakeError(
        Code::kUnsupported,
        "store " + target.name +
            ": written by an older heald; start the agent once to bring it up to date");
  return {};
}

}  // namespace heald::postgres
