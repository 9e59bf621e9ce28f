#include "core/store/sqlite_schema.h"

#include <array>
#include <ctime>
#include <string>

namespace heald {
namespace {

// "hlad": tells a heald store from any other SQLite file.
constexpr int64_t kApplicationId = 0x686c6164;

struct Migration {
  int64_t version;
  const char* sql;
};

// Only appended to. A record's JSON holds everything; columns beside it are what queries need.
constexpr std::array<Migration, 2> kMigrations{{{1, R"sql(
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
