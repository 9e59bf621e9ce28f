-- A store as heald 0.1 wrote it (schema 2): one incident, approved and healed.
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE settings(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO settings VALUES('store_id','a0b6ed66');
CREATE TABLE incidents(
    id INTEGER PRIMARY KEY, state INTEGER NOT NULL, severity INTEGER NOT NULL,
    trace_id TEXT NOT NULL, target TEXT NOT NULL, summary TEXT NOT NULL,
    opened_ns INTEGER NOT NULL, closed_ns INTEGER NOT NULL);
INSERT INTO incidents VALUES(1,3,3,'92a1617723f12fd3596eef056e515be2','{"service":"payments"}','payments  latency_p99 unknown  critical  (score 0.0)',1767225600000000000,1767225602025600000);
CREATE TABLE findings(
    id TEXT PRIMARY KEY, incident INTEGER NOT NULL, record TEXT NOT NULL);
INSERT INTO findings VALUES('spikes/18969790663672/1',1,'{"began_ns":1767225602025600000,"confidence":0.0,"count":0,"expected_high":null,"expected_low":null,"id":"spikes/18969790663672/1","kind":"anomaly","metric":"latency_p99","node":"spikes","score":0.0,"severity":"critical","state":"clear","target":{"service":"payments"},"ts_ns":1767225602025600000,"unit":"","value":null}');
CREATE TABLE decisions(
    id TEXT PRIMARY KEY, incident INTEGER NOT NULL, ts_ns INTEGER NOT NULL, record TEXT NOT NULL);
INSERT INTO decisions VALUES('f5b28b93ffaf9a54a89617811979ca3d',1,1767225600000000000,'{"action":"restart","actor":"user:anna","attempt":1,"dry_run":false,"finding":"spikes/18969790663672/1","guards":[{"allowed":true,"guard":"switch","reason":"automatic remediation is on"},{"allowed":true,"guard":"fresh_data","reason":"condition true on fresh data"},{"allowed":true,"guard":"for","reason":"no waiting time"},{"allowed":true,"guard":"cooldown","reason":"cooldown ok (last never)"},{"allowed":true,"guard":"max_per_hour","reason":"no limit per hour"},{"allowed":true,"guard":"excluded","reason":"not excluded"},{"allowed":true,"guard":"one_at_a_time","reason":"nothing else runs on this target"},{"allowed":true,"guard":"prediction","reason":"not a prediction"},{"allowed":true,"guard":"targets","reason":"1 of 1 targets"}],"id":"f5b28b93ffaf9a54a89617811979ca3d","incident":1,"mode":"approve","plan":{"before":"","effect_within_ns":3000000000,"reversible":false,"summary":"restart payments","target_uid":"c1"},"plan_hash":"523cd95d095a2e7e64acfb60a260a6a97df2a99a79d29587e763659020a1c562","policy":"latency","target":{"service":"payments"},"trace_id":"92a1617723f12fd3596eef056e515be2","ts_ns":1767225600000000000,"verdict":"act","why":"latency_p99 1.8 > 0.5 yes, severity critical >= warning yes"}');
CREATE TABLE executions(
    decision TEXT PRIMARY KEY, incident INTEGER NOT NULL, policy TEXT NOT NULL,
    action TEXT NOT NULL, target_key TEXT NOT NULL, state INTEGER NOT NULL,
    attempt INTEGER NOT NULL, issues INTEGER NOT NULL, planned_ns INTEGER NOT NULL,
    issued_ns INTEGER NOT NULL, observed_ns INTEGER NOT NULL, ended_ns INTEGER NOT NULL,
    detail TEXT NOT NULL);
INSERT INTO executions VALUES('f5b28b93ffaf9a54a89617811979ca3d',1,'latency','restart','{service="payments"}',3,1,1,1767225600000000000,1767225600000000000,1767225601025600000,1767225602025600000,'payments latency_p99. Healed 2.03 s after it began.');
CREATE TABLE audit(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, ts_ns INTEGER NOT NULL, incident INTEGER NOT NULL,
    trace_id TEXT NOT NULL, kind TEXT NOT NULL, actor TEXT NOT NULL, subject TEXT NOT NULL,
    detail TEXT NOT NULL);
INSERT INTO audit VALUES(1,1767225600000000000,1,'92a1617723f12fd3596eef056e515be2','finding.opened','spikes','spikes/18969790663672/1','{"began_ns":1767225600000000000,"metric":"latency_p99","node":"spikes","sample_ts_ns":1767225600000000000,"score":0.0,"severity":"critical","state":"open","text":"payments  latency_p99 unknown  critical  (score 0.0)"}');
INSERT INTO audit VALUES(2,1767225600000000000,1,'92a1617723f12fd3596eef056e515be2','incident.opened','heald','1','{"target":{"service":"payments"},"text":"incident #1  payments  latency_p99 unknown  critical  (score 0.0)"}');
INSERT INTO audit VALUES(3,1767225600000000000,1,'92a1617723f12fd3596eef056e515be2','approval.asked','heald','f5b28b93ffaf9a54a89617811979ca3d','{"action":"restart","dry_run":false,"expires_ns":1767226500000000000,"guards":[{"allowed":true,"guard":"switch","reason":"automatic remediation is on"},{"allowed":true,"guard":"fresh_data","reason":"condition true on fresh data"},{"allowed":true,"guard":"for","reason":"no waiting time"},{"allowed":true,"guard":"cooldown","reason":"cooldown ok (last never)"},{"allowed":true,"guard":"max_per_hour","reason":"no limit per hour"},{"allowed":true,"guard":"excluded","reason":"not excluded"},{"allowed":true,"guard":"one_at_a_time","reason":"nothing else runs on this target"},{"allowed":true,"guard":"prediction","reason":"not a prediction"},{"allowed":true,"guard":"targets","reason":"1 of 1 targets"}],"mode":"approve","plan":"restart payments","plan_hash":"523cd95d095a2e7e64acfb60a260a6a97df2a99a79d29587e763659020a1c562","policy":"latency","text":"incident #1  policy latency -> restart payments  awaits approval until 00:15:00 UTC (PUT /api/v1/approvals/f5b28b93ffaf9a54a89617811979ca3d)  guards: cooldown ok (last never), no limit per hour, 1 of 1 targets","verdict":"awaits_approval","why":"latency_p99 1.8 > 0.5 yes, severity critical >= warning yes"}');
INSERT INTO audit VALUES(4,1767225600000000000,1,'92a1617723f12fd3596eef056e515be2','approval.given','user:anna','f5b28b93ffaf9a54a89617811979ca3d','{"action":"restart","dry_run":false,"guards":[{"allowed":true,"guard":"switch","reason":"automatic remediation is on"},{"allowed":true,"guard":"fresh_data","reason":"condition true on fresh data"},{"allowed":true,"guard":"for","reason":"no waiting time"},{"allowed":true,"guard":"cooldown","reason":"cooldown ok (last never)"},{"allowed":true,"guard":"max_per_hour","reason":"no limit per hour"},{"allowed":true,"guard":"excluded","reason":"not excluded"},{"allowed":true,"guard":"one_at_a_time","reason":"nothing else runs on this target"},{"allowed":true,"guard":"prediction","reason":"not a prediction"},{"allowed":true,"guard":"targets","reason":"1 of 1 targets"}],"mode":"approve","plan":"restart payments","plan_hash":"523cd95d095a2e7e64acfb60a260a6a97df2a99a79d29587e763659020a1c562","policy":"latency","text":"incident #1  policy latency -> restart payments  by user:anna  guards: cooldown ok (last never), no limit per hour, 1 of 1 targets","verdict":"act","why":"latency_p99 1.8 > 0.5 yes, severity critical >= warning yes"}');
INSERT INTO audit VALUES(5,1767225600000000000,1,'92a1617723f12fd3596eef056e515be2','execution.planned','user:anna','f5b28b93ffaf9a54a89617811979ca3d','{"attempt":1,"plan":{"before":"","effect_within_ns":3000000000,"reversible":false,"summary":"restart payments","target_uid":"c1"},"text":"restart payments"}');
INSERT INTO audit VALUES(6,1767225600000000000,1,'92a1617723f12fd3596eef056e515be2','execution.issued','user:anna','f5b28b93ffaf9a54a89617811979ca3d','{"call":"execute","issue":1,"text":"restart payments …"}');
INSERT INTO audit VALUES(7,1767225601025600000,1,'92a1617723f12fd3596eef056e515be2','execution.observed','user:anna','f5b28b93ffaf9a54a89617811979ca3d','{"after_ns":1025600000,"observe_calls":5,"reply":"204","text":"restart payments … ready"}');
INSERT INTO audit VALUES(8,1767225602025600000,1,'92a1617723f12fd3596eef056e515be2','finding.cleared','spikes','spikes/18969790663672/1','{"began_ns":1767225602025600000,"metric":"latency_p99","node":"spikes","sample_ts_ns":1767225602025600000,"score":0.0,"severity":"critical","state":"clear","text":"payments  latency_p99 unknown  back to normal"}');
INSERT INTO audit VALUES(9,1767225602025600000,1,'92a1617723f12fd3596eef056e515be2','execution.verified','user:anna','f5b28b93ffaf9a54a89617811979ca3d','{"text":"verified: payments latency_p99. Healed 2.03 s after it began."}');
INSERT INTO audit VALUES(10,1767225602025600000,1,'92a1617723f12fd3596eef056e515be2','incident.resolved','heald','1','{"healed":true,"text":"incident #1  resolved: healed by restart payments 2.03 s after it began"}');
CREATE TABLE migrations(version INTEGER PRIMARY KEY, applied_s INTEGER NOT NULL);
INSERT INTO migrations VALUES(1,1795312813);
INSERT INTO migrations VALUES(2,1795312813);
CREATE INDEX incidents_open ON incidents(id) WHERE closed_ns = 0;
CREATE INDEX incidents_state ON incidents(state, id);
CREATE INDEX findings_incident ON findings(incident);
CREATE INDEX decisions_incident ON decisions(incident);
CREATE INDEX executions_incident ON executions(incident);
CREATE INDEX executions_history ON executions(policy, target_key, issued_ns);
CREATE INDEX audit_incident ON audit(incident, seq);
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END;
CREATE TRIGGER audit_is_never_cut BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END;
CREATE INDEX findings_kind ON findings(record ->> 'kind');
CREATE INDEX findings_open ON findings(record ->> 'kind') WHERE record ->> 'state' <> 'clear';
COMMIT;
PRAGMA application_id = 1751933284;
PRAGMA user_version = 2;
