// What every store has to do, whatever is behind it. A further one joins by a line at the end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <stdexcept>

#include "core/base/units.h"
#include "core/store/audit_chain.h"
#include "tests/store/backends.h"

namespace heald {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class StoreContractTest : public ::testing::TestWithParam<BackendParam> {
 protected:
  void SetUp() override {
    backend_ = GetParam().make();
    if (backend_ == nullptr) GTEST_SKIP() << GetParam().name << " isn't installed";
    Reopen();
  }

  void Reopen() {
    store_.reset();
    Result<std::unique_ptr<Store>> opened = backend_->Open();
    if (!opened) throw std::runtime_error(opened.error().message);
    store_ = std::move(*opened);
  }
  void Commit(Change change) {
    const Status status = store_->Commit(&change);
    ASSERT_TRUE(status) << status.error().message;
  }
  static Incident MakeIncident(uint64_t id, IncidentState state = IncidentState::kOpen) {
    Incident incident;
    incident.id = id;
    incident.state = state;
    incident.severity = Severity::kWarning;
    incident.trace_id = std::string(32, 'a');
    incident.target = {{"service", "payments"}};
    incident.summary = "summary \"quoted\" — ü";
    incident.opened_ns = static_cast<int64_t>(id) * 1000;
    if (state == IncidentState::kResolved) incident.closed_ns = incident.opened_ns + 5;
    return incident;
  }
  static Execution MakeExecution(const std::string& decision, int64_t issued_ns) {
    Execution execution;
    execution.decision = decision;
    execution.incident = 1;
    execution.policy = "p";
    execution.action = "restart";
    execution.target_key = "{}";
    execution.state = ExecutionState::kIssued;
    execution.issues = 1;
    execution.planned_ns = execution.issued_ns = issued_ns;
    return execution;
  }
  static AuditEvent MakeEvent(uint64_t incident, const std::string& kind) {
    AuditEvent event;
    event.ts_ns = 7;
    event.incident = incident;
    event.trace_id = std::string(32, 'a');
    event.kind = kind;
    event.actor = "heald";
    event.subject = "s";
    event.detail = R"({"text":"t"})";
    return event;
  }

  // Of incident 1; their kinds are event1, event2…
  static Change ChangeWithEvents(size_t count) {
    Change change;
    for (size_t i = 1; i <= count; ++i)
      change.events.push_back(MakeEvent(1, "event" + std::to_string(i)));
    return change;
  }

  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Store> store_;
};

TEST_P(StoreContractTest, StartsEmpty) {
  EXPECT_EQ(*store_->LastIncidentId(), 0u);
  EXPECT_THAT(store_->Incidents({})->incidents, IsEmpty());
  EXPECT_THAT(*store_->Unfinished(), IsEmpty());
  EXPECT_EQ(*store_->ChainOf(1), std::nullopt) << "no such incident";
  EXPECT_EQ(*store_->Setting("x"), std::nullopt);
  EXPECT_THAT(store_->IssuesSince("p", "{}", 0)->times_ns, IsEmpty());
}

TEST_P(StoreContractTest, KeepsAWholeChainOverARestart) {
  Change change;
  Incident incident = MakeIncident(7);
  change.incidents = {incident};
  Finding finding;
  finding.node = "spikes";
  finding.id = "spikes/1/1";
  finding.target = {{"service", "payments"}, {"odd", "a\"b\nc\\"}};
  finding.metric = "latency_p99";
  finding.value = 1.84;
  finding.expected_low = -std::numeric_limits<double>::infinity();
  finding.contributors = {{"x", 0.5, kUnknown, 2}};
  finding.recent = {1, 2, 3};
  change.findings = {{7, finding}};
  Decision decision;
  decision.id = "d1";
  decision.incident = 7;
  decision.verdict = DecisionVerdict::kAct;
  decision.mode = Mode::kApprove;
  decision.policy = "p";
  decision.actor = "user:anna";
  decision.plan = {"restart", true, "uid", R"({"a":1})", 10};
  decision.guards = {{"cooldown", true, "ok"}, {"for", false, "no"}};
  decision.attempt = 3;
  change.decisions = {decision};
  change.executions = {MakeExecution("d1", 50)};
  change.executions[0].incident = 7;
  change.events = {MakeEvent(7, "incident.opened"), MakeEvent(7, "decision.act"),
                   MakeEvent(8, "foreign")};
  Commit(change);
  Reopen();

  const Result<std::optional<Chain>> chain = store_->ChainOf(7);
  ASSERT_TRUE(chain && chain->has_value());
  EXPECT_EQ((*chain)->incident.summary, incident.summary);
  EXPECT_EQ((*chain)->incident.target, incident.target);
  ASSERT_THAT((*chain)->incident.findings, SizeIs(1));
  const Finding& read = (*chain)->incident.findings[0];
  EXPECT_EQ(read.target, finding.target);
  EXPECT_EQ(read.value, 1.84);
  EXPECT_EQ(read.expected_low, finding.expected_low);
  EXPECT_TRUE(read.expected_high != read.expected_high) << "unknown stays unknown";
  EXPECT_EQ(read.recent, finding.recent);
  ASSERT_THAT((*chain)->decisions, SizeIs(1));
  EXPECT_EQ((*chain)->decisions[0].actor, "user:anna");
  EXPECT_EQ((*chain)->decisions[0].mode, Mode::kApprove);
  EXPECT_EQ((*chain)->decisions[0].plan.before, R"({"a":1})");
  EXPECT_EQ((*chain)->decisions[0].attempt, 3u);
  ASSERT_THAT((*chain)->decisions[0].guards, SizeIs(2));
  EXPECT_FALSE((*chain)->decisions[0].guards[1].allowed);
  ASSERT_THAT((*chain)->executions, SizeIs(1));
  EXPECT_EQ((*chain)->executions[0].state, ExecutionState::kIssued);
  ASSERT_THAT((*chain)->events, SizeIs(2));
  EXPECT_EQ((*chain)->events[0].seq, 1u);
  EXPECT_EQ((*chain)->events[1].kind, "decision.act");
}

TEST_P(StoreContractTest, UpdatesInPlace) {
  Change change;
  change.incidents = {MakeIncident(1)};
  change.executions = {MakeExecution("d", 5)};
  Commit(change);
  change.incidents[0].state = IncidentState::kResolved;
  change.incidents[0].closed_ns = 99;
  change.executions[0].state = ExecutionState::kVerified;
  change.executions[0].detail = "done";
  Commit(change);
  const Chain chain = **store_->ChainOf(1);
  EXPECT_EQ(chain.incident.state, IncidentState::kResolved);
  EXPECT_EQ(chain.incident.closed_ns, 99);
  ASSERT_THAT(chain.executions, SizeIs(1));
  EXPECT_EQ(chain.executions[0].detail, "done");
}

TEST_P(StoreContractTest, WhatHasEndedIsNotWrittenOver) {
  Change first;
  first.incidents = {MakeIncident(1)};
  Decision decision;
  decision.id = "d";
  decision.incident = 1;
  decision.ts_ns = 4;
  decision.verdict = DecisionVerdict::kAct;
  Decision denied = decision;
  denied.id = "denied";
  denied.verdict = DecisionVerdict::kRefused;
  first.decisions = {decision, denied};
  first.executions = {MakeExecution("d", 5)};
  first.executions[0].state = ExecutionState::kFailed;
  first.executions[0].ended_ns = 6;
  Commit(first);
  const auto refused = [&](const std::function<void(Change*)>& how) {
    Change change = ChangeWithEvents(1);
    how(&change);
    const Status status = store_->Commit(&change);
    return !status && status.error().code == Code::kInvalid &&
           status.error().message.find("report it") != std::string::npos;
  };
  const auto execution = [&](int64_t planned_ns, ExecutionState state, int64_t ended_ns) {
    return refused([&](Change* change) {
      change->executions = {MakeExecution("d", planned_ns)};
      change->executions[0].state = state;
      change->executions[0].ended_ns = ended_ns;
    });
  };
  EXPECT_TRUE(execution(5, ExecutionState::kIssued, 0)) << "begun again";
  EXPECT_TRUE(execution(5, ExecutionState::kVerified, 9)) << "ended again";
  EXPECT_TRUE(execution(8, ExecutionState::kFailed, 6)) << "another one";
  EXPECT_FALSE(execution(5, ExecutionState::kUndone, 6)) << "taken back";
  EXPECT_TRUE(refused([&](Change* change) {
    change->decisions = {decision};
    change->decisions[0].ts_ns = 8;
  })) << "another decision";
  EXPECT_TRUE(refused([&](Change* change) {
    change->decisions = {denied};
    change->decisions[0].verdict = DecisionVerdict::kAct;
  })) << "a no that became a yes";
  const Chain chain = **store_->ChainOf(1);
  EXPECT_EQ(chain.executions[0].state, ExecutionState::kUndone);
  EXPECT_EQ(chain.executions[0].planned_ns, 5);
  EXPECT_EQ(chain.decisions[1].verdict, DecisionVerdict::kRefused);
  EXPECT_THAT(chain.events, SizeIs(1)) << "all of a change or nothing";
}

TEST_P(StoreContractTest, NumbersAuditRowsWithoutGaps) {
  for (int i = 0; i < 3; ++i) {
    Change change;
    change.events = {MakeEvent(1, "a"), MakeEvent(0, "b")};
    Commit(change);
  }
  const std::vector<AuditEvent> events = *store_->Events(0, 100);
  ASSERT_THAT(events, SizeIs(6));
  for (size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i].seq, i + 1);
  EXPECT_THAT(*store_->Events(4, 100), SizeIs(2));
  EXPECT_THAT(*store_->Events(0, 2), SizeIs(2));
}

TEST_P(StoreContractTest, TellsTheSequenceNumberOfWhatItWrote) {
  Change change;
  change.events = {MakeEvent(1, "a"), MakeEvent(1, "b")};
  ASSERT_TRUE(store_->Commit(&change));
  EXPECT_EQ(change.events[0].seq, 1u);
  EXPECT_EQ(change.events[1].seq, 2u);
}

TEST_P(StoreContractTest, PagesIncidentsNewestFirstAndFiltersByState) {
  Change change;
  for (uint64_t id = 1; id <= 5; ++id)
    change.incidents.push_back(
        MakeIncident(id, id % 2 == 0 ? IncidentState::kResolved : IncidentState::kOpen));
  Commit(change);
  const auto ids = [&](const IncidentFilter& filter, uint64_t* next) {
    std::vector<uint64_t> out;
    const IncidentPage page = *store_->Incidents(filter);
    for (const Incident& incident : page.incidents) out.push_back(incident.id);
    *next = page.next;
    return out;
  };
  uint64_t next = 0;
  EXPECT_THAT(ids({{}, 0, 2}, &next), ElementsAre(5, 4));
  EXPECT_THAT(ids({{}, next, 2}, &next), ElementsAre(3, 2));
  EXPECT_THAT(ids({{}, next, 2}, &next), ElementsAre(1));
  EXPECT_EQ(next, 0u);
  EXPECT_THAT(ids({{IncidentState::kResolved}, 0, 10}, &next), ElementsAre(4, 2));
  EXPECT_THAT(ids({{IncidentState::kOpen, IncidentState::kActing}, 0, 10}, &next),
              ElementsAre(5, 3, 1));
  EXPECT_EQ(*store_->LastIncidentId(), 5u);
}

TEST_P(StoreContractTest, PagesFindingsByKindAndState) {
  Change change;
  for (int i = 1; i <= 5; ++i) {
    Finding finding;
    finding.id = "f" + std::to_string(i);
    finding.kind = i == 3 ? FindingKind::kPrediction : FindingKind::kAnomaly;
    finding.state = i == 4 ? FindingState::kClear : FindingState::kUpdate;
    change.findings.push_back({static_cast<uint64_t>(10 + i), finding});
  }
  Commit(change);
  change.findings = {change.findings[0]};
  change.findings[0].finding.value = 7;
  Commit(change);  // an update doesn't move it to the front
  const auto ids = [&](const FindingFilter& filter, uint64_t* next) {
    std::vector<std::string> out;
    const Page<StoredFinding> page = *store_->Findings(filter);
    for (const StoredFinding& item : page.items) out.push_back(item.finding.id);
    *next = page.next;
    return out;
  };
  uint64_t next = 0;
  EXPECT_THAT(ids({false, false, {0, 2}}, &next), ElementsAre("f5", "f4"));
  EXPECT_THAT(ids({false, false, {next, 2}}, &next), ElementsAre("f2", "f1"));
  EXPECT_EQ(next, 0u);
  EXPECT_THAT(ids({false, true, {0, 10}}, &next), ElementsAre("f5", "f2", "f1"));
  EXPECT_THAT(ids({true, true, {0, 10}}, &next), ElementsAre("f3"));
  EXPECT_EQ(store_->Findings({true, false, {0, 1}})->items[0].incident, 13u);
}

TEST_P(StoreContractTest, PagesExecutionsWithTheirDecisions) {
  Change change;
  for (const char* id : {"a", "b", "c"}) {
    Decision decision;
    decision.id = id;
    decision.incident = 1;
    decision.plan.summary = "restart " + decision.id;
    change.decisions.push_back(decision);
    change.executions.push_back(MakeExecution(id, 5));
  }
  Decision refused;
  refused.id = "refused";
  change.decisions.push_back(refused);
  Commit(change);
  Page<DecidedExecution> page = *store_->Executions({0, 2});
  ASSERT_THAT(page.items, SizeIs(2));
  EXPECT_EQ(page.items[0].execution.decision, "c");
  EXPECT_EQ(page.items[0].decision.plan.summary, "restart c");
  page = *store_->Executions({page.next, 2});
  ASSERT_THAT(page.items, SizeIs(1));
  EXPECT_EQ(page.items[0].execution.decision, "a");
  EXPECT_EQ(page.next, 0u);
}

TEST_P(StoreContractTest, PagesAuditRowsNewestFirst) {
  Change change;
  change.events = {MakeEvent(1, "a"), MakeEvent(0, "b"), MakeEvent(1, "c")};
  Commit(change);
  Page<AuditEvent> page = *store_->Audit({0, 2});
  ASSERT_THAT(page.items, SizeIs(2));
  EXPECT_EQ(page.items[0].kind, "c");
  EXPECT_EQ(page.next, 2u);
  page = *store_->Audit({page.next, 2});
  ASSERT_THAT(page.items, SizeIs(1));
  EXPECT_EQ(page.items[0].kind, "a");
  EXPECT_EQ(page.next, 0u);
}

TEST_P(StoreContractTest, GivesBackWhatIsUnfinished) {
  Change change;
  change.incidents = {MakeIncident(1, IncidentState::kResolved),
                      MakeIncident(2, IncidentState::kEscalated)};
  change.executions = {MakeExecution("d", 5)};
  change.executions[0].incident = 2;
  change.events = {MakeEvent(1, "incident.opened"), MakeEvent(2, "incident.opened"),
                   MakeEvent(2, "execution.issued"), MakeEvent(2, "execution.verified"),
                   MakeEvent(0, "incidents.cut")};
  Commit(change);
  const std::vector<Chain> chains = *store_->Unfinished();
  ASSERT_THAT(chains, SizeIs(1));
  EXPECT_THAT(chains[0].events,
              ElementsAre(::testing::Field(&AuditEvent::kind, "incident.opened"),
                          ::testing::Field(&AuditEvent::kind, "execution.verified")));
  EXPECT_EQ(chains[0].incident.id, 2u);
  EXPECT_THAT(chains[0].executions, SizeIs(1));
}

TEST_P(StoreContractTest, RemembersIssuesByPolicyAndTarget) {
  Change change;
  change.executions = {MakeExecution("a", 100), MakeExecution("b", 300), MakeExecution("c", 200),
                       MakeExecution("planned", 0), MakeExecution("other", 400)};
  change.executions[4].target_key = "{x}";
  Commit(change);
  StoreReader::Issues issues = *store_->IssuesSince("p", "{}", 150);
  EXPECT_THAT(issues.times_ns, ElementsAre(200, 300));
  EXPECT_EQ(issues.last_ns, 300);
  issues = *store_->IssuesSince("p", "{}", 1000);
  EXPECT_THAT(issues.times_ns, IsEmpty());
  EXPECT_EQ(issues.last_ns, 300) << "the latest ever";
  EXPECT_EQ(store_->IssuesSince("q", "{}", 0)->last_ns, 0);
}

TEST_P(StoreContractTest, KeepsSettings) {
  Change change;
  change.settings = {{"switch", "on"}};
  Commit(change);
  change.settings = {{"switch", "off"}};
  Commit(change);
  Reopen();
  EXPECT_EQ(*store_->Setting("switch"), "off");
}

TEST_P(StoreContractTest, HasANameOfItsOwnForEver) {
  const std::string id = store_->id();
  EXPECT_FALSE(id.empty());
  Reopen();
  EXPECT_EQ(store_->id(), id);
}

TEST_P(StoreContractTest, AReaderSeesWhatIsCommittedWhileTheWriterGoesOn) {
  Change change;
  change.incidents = {MakeIncident(1)};
  Commit(change);
  Result<std::unique_ptr<StoreReader>> reader = backend_->OpenReader();
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_EQ(*(*reader)->LastIncidentId(), 1u);
  change.incidents = {MakeIncident(2)};
  Commit(change);
  EXPECT_EQ(*(*reader)->LastIncidentId(), 2u);
  store_.reset();
  EXPECT_EQ(*(*reader)->LastIncidentId(), 2u) << "and when it is gone";
}

TEST_P(StoreContractTest, ASecondAgentIsRefused) {
  const Result<std::unique_ptr<Store>> second = backend_->Open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
}

TEST_P(StoreContractTest, AnotherAgentCanGoOnOnceTheFirstIsGone) {
  EXPECT_TRUE(store_->sole_writer());
  Commit(ChangeWithEvents(3));
  store_.reset();
  {
    Result<std::unique_ptr<Store>> other = backend_->OpenAsAnother();
    ASSERT_TRUE(other) << other.error().message;
    EXPECT_FALSE((*other)->sole_writer());
    Change change = ChangeWithEvents(1);
    ASSERT_TRUE((*other)->Commit(&change));
    EXPECT_EQ(change.events[0].seq, 4u);
  }
  Reopen();
  EXPECT_FALSE(store_->sole_writer()) << "the other has written since";
  Reopen();
  EXPECT_TRUE(store_->sole_writer());
}

TEST_P(StoreContractTest, AChangeWithANumberIsWrittenOnce) {
  Change change = ChangeWithEvents(2);
  change.number = 7;
  Commit(change);
  EXPECT_EQ(store_->last_number(), 7u);
  Change again = change;
  ASSERT_TRUE(store_->Commit(&again)) << "known, and therefore fine";
  EXPECT_EQ(again.events[1].seq, 2u) << "and told where it is";
  Reopen();
  EXPECT_EQ(store_->last_number(), 7u);
  again = change;
  ASSERT_TRUE(store_->Commit(&again));
  EXPECT_THAT(*store_->Events(0, 10), SizeIs(2));
  // Several made one, some of which are there: the caller has to look what is left.
  again.first = 6;
  again.number = 8;
  const Status partly = store_->Commit(&again);
  ASSERT_FALSE(partly);
  EXPECT_TRUE(partly.error().retryable);
  again.first = again.number;
  Commit(again);
  EXPECT_THAT(*store_->Events(0, 10), SizeIs(4));
}

TEST_P(StoreContractTest, OddTextIsKeptAsFarAsEveryDatabaseCan) {
  Change change;
  Incident incident = MakeIncident(1);
  incident.summary = std::string("nul \0 and bad \xff byte", 20);
  change.incidents = {incident};
  change.findings.emplace_back().incident = 1;
  change.findings[0].finding.id = "f";
  change.findings[0].finding.summary = std::string("a\0b", 3);
  change.events = {MakeEvent(1, "odd")};
  change.events[0].subject = std::string("x\0\xc3", 3);
  change.settings = {{"name", std::string("v\xff", 2)}};
  Commit(change);
  const std::optional<Chain> chain = *store_->ChainOf(1);
  ASSERT_TRUE(chain);
  EXPECT_THAT(chain->incident.findings, SizeIs(1));
  EXPECT_EQ(chain->events[0].subject, "x\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(VerifyAudit(store_.get())->problem, "");
}

TEST_P(StoreContractTest, LargeChangesAreWrittenWhole) {
  Change change = ChangeWithEvents(2000);
  for (AuditEvent& event : change.events) event.detail = std::string(2000, 'x');
  Commit(change);
  EXPECT_THAT(*store_->Events(0, 5000), SizeIs(2000));
}

// ---- the chain of hashes ------------------------------------------------------------------------

TEST_P(StoreContractTest, AuditRowsFormAChain) {
  EXPECT_EQ(VerifyAudit(store_.get())->problem, "") << "an empty one too";
  Commit(ChangeWithEvents(3));
  Reopen();
  Commit(ChangeWithEvents(2));
  const AuditVerdict verdict = *VerifyAudit(store_.get());
  EXPECT_EQ(verdict.problem, "");
  EXPECT_EQ(verdict.rows, 5u);
  EXPECT_EQ(verdict.ends.seq, 5u);
  Result<std::unique_ptr<StoreReader>> reader = backend_->OpenReader();
  ASSERT_TRUE(reader);
  EXPECT_EQ(VerifyAudit(reader->get())->problem, "");
  const AuditMark head{verdict.ends.seq, verdict.ends.hash};
  Commit(ChangeWithEvents(1));
  EXPECT_EQ(VerifyAudit(store_.get(), head)->problem, "");
  EXPECT_THAT(VerifyAudit(store_.get(), {5, std::string(64, '0')})->problem,
              HasSubstr("audit row 5 isn't the one that is known from elsewhere"));
}

TEST_P(StoreContractTest, AnyTamperingIsFoundAndNamed) {
  Change change = ChangeWithEvents(9);
  Commit(change);
  const auto found = [&](const std::string& sql, const std::string& undo) {
    backend_->Tamper(sql);
    const AuditVerdict verdict = *VerifyAudit(store_.get());
    backend_->Tamper(undo);
    EXPECT_EQ(VerifyAudit(store_.get())->problem, "") << "undone: " << undo;
    return verdict.bad_seq;
  };
  for (const char* column : {"ts_ns", "incident"})
    EXPECT_EQ(
        found(std::string("UPDATE audit SET ") + column + " = " + column + " + 1 WHERE seq = 4",
              std::string("UPDATE audit SET ") + column + " = " + column + " - 1 WHERE seq = 4"),
        4u)
        << column;
  for (const char* column : {"trace_id", "kind", "actor", "subject", "detail", "hash"})
    EXPECT_EQ(
        found(std::string("UPDATE audit SET ") + column + " = " + column + " || ' ' WHERE seq = 4",
              std::string("UPDATE audit SET ") + column + " = substr(" + column + ", 1, length(" +
                  column + ") - 1) WHERE seq = 4"),
        4u)
        << column;
  EXPECT_EQ(
      found("UPDATE audit SET seq = 40 WHERE seq = 4", "UPDATE audit SET seq = 4 WHERE seq = 40"),
      4u);
  // A character moved from one column to the next.
  EXPECT_EQ(found("UPDATE audit SET kind = 'event4h', actor = 'eald' WHERE seq = 4",
                  "UPDATE audit SET kind = 'event4', actor = 'heald' WHERE seq = 4"),
            4u);
  // Two rows that change places.
  const std::string swap =
      "UPDATE audit SET seq = 100 WHERE seq = 4; UPDATE audit SET seq = 4 WHERE seq = 5; "
      "UPDATE audit SET seq = 5 WHERE seq = 100";
  EXPECT_EQ(found(swap, swap), 4u);
  // A row of the forger's own, in the middle or at the end.
  EXPECT_EQ(
      found("UPDATE audit SET seq = seq + 100 WHERE seq > 5; "
            "UPDATE audit SET seq = seq - 99 WHERE seq > 5; "
            "INSERT INTO audit SELECT 6, ts_ns, incident, trace_id, kind, actor, subject, "
            "detail, hash FROM audit WHERE seq = 5",
            "DELETE FROM audit WHERE seq = 6; UPDATE audit SET seq = seq + 100 WHERE seq > 6; "
            "UPDATE audit SET seq = seq - 101 WHERE seq > 6"),
      6u);
  AuditEvent forged = MakeEvent(1, "forged");
  forged.seq = 10;
  const std::string hash = AuditHash(store_->Events(8, 1)->front().hash, forged);
  EXPECT_EQ(found("INSERT INTO audit SELECT 10, 7, 1, '" + forged.trace_id +
                      "', 'forged', 'heald', 's', '{\"text\":\"t\"}', '" + hash + "'",
                  "DELETE FROM audit WHERE seq = 10"),
            10u)
      << "right in itself, but the store knows nothing of it";
  // Deleted, at any place: nothing brings these back.
  backend_->Tamper("DELETE FROM audit WHERE seq = 9");
  EXPECT_EQ(VerifyAudit(store_.get())->bad_seq, 9u);
  backend_->Tamper("DELETE FROM audit WHERE seq = 5");
  EXPECT_EQ(VerifyAudit(store_.get())->bad_seq, 5u);
  backend_->Tamper("DELETE FROM audit WHERE seq = 1");
  EXPECT_THAT(VerifyAudit(store_.get())->problem, HasSubstr("audit row 1 is missing"));
}

TEST_P(StoreContractTest, AForgedChainIsFoundByAHeadThatIsKnownFromElsewhere) {
  Commit(ChangeWithEvents(3));
  const AuditVerdict before = *VerifyAudit(store_.get());
  // All that heald itself would do, by someone who may write anything.
  AuditEvent row = store_->Events(2, 1)->front();
  row.actor = "user:nobody";
  const std::string hash = AuditHash(store_->Events(1, 1)->front().hash, row);
  backend_->Tamper("UPDATE audit SET actor = 'user:nobody', hash = '" + hash +
                   "' WHERE seq = 3; UPDATE journal_head SET hash = '" + hash + "'");
  EXPECT_EQ(VerifyAudit(store_.get())->problem, "");
  EXPECT_EQ(VerifyAudit(store_.get(), {before.ends.seq, before.ends.hash})->bad_seq, 3u);
}

TEST_P(StoreContractTest, NobodyChangesOrDeletesAuditRows) {
  Commit(ChangeWithEvents(2));
  EXPECT_THAT(backend_->Run("UPDATE audit SET kind = 'b'"), HasSubstr("never changed"));
  EXPECT_THAT(backend_->Run("DELETE FROM audit"), HasSubstr("never deleted"));
  EXPECT_THAT(backend_->Run("INSERT INTO audit_cuts VALUES(1, 'x', 2, 0)"),
              HasSubstr("a cut is recorded in the trail"));
}

// ---- retention ----------------------------------------------------------------------------------

TEST_P(StoreContractTest, ThrowsAwayIncidentsThatEndedLongAgo) {
  Change change;
  change.incidents = {MakeIncident(1, IncidentState::kResolved), MakeIncident(2),
                      MakeIncident(3, IncidentState::kResolved),
                      MakeIncident(4, IncidentState::kResolved)};
  for (uint64_t id = 1; id <= 4; ++id) {
    change.findings.emplace_back().incident = id;
    change.findings.back().finding.id = "f" + std::to_string(id);
    change.executions.push_back(MakeExecution("d" + std::to_string(id), 5));
    change.executions.back().incident = id;
    change.decisions.emplace_back().id = "d" + std::to_string(id);
    change.decisions.back().incident = id;
  }
  Commit(change);
  const Retained retained = *store_->Retain({3000, 0}, kSecond);
  EXPECT_EQ(retained.incidents, 1u);
  EXPECT_EQ(store_->Retain({3000, 0}, kSecond)->incidents, 0u);
  EXPECT_EQ(*store_->ChainOf(1), std::nullopt);
  const Chain open = **store_->ChainOf(2);
  EXPECT_THAT(open.incident.findings, SizeIs(1)) << "it is open, however old";
  EXPECT_THAT(open.executions, SizeIs(1));
  EXPECT_THAT(store_->Executions({})->items, SizeIs(3));
  EXPECT_EQ(store_->Retain({INT64_MAX, 0}, kSecond)->incidents, 1u);
  EXPECT_EQ(*store_->LastIncidentId(), 4u) << "no number is given twice";
  EXPECT_THAT(store_->Events(0, 10)->back().detail, HasSubstr("1 incidents"));
  EXPECT_EQ(VerifyAudit(store_.get())->problem, "");
}

TEST_P(StoreContractTest, CutsTheAuditTrailAndStillVerifiesIt) {
  Change change = ChangeWithEvents(2500);
  for (size_t i = 0; i < change.events.size(); ++i) {
    change.events[i].ts_ns = static_cast<int64_t>(i + 1) * kSecond;
    change.events[i].incident = 0;
  }
  Commit(change);
  EXPECT_EQ(store_->Retain({0, 2000 * kSecond}, kDay)->audit_rows, 1000u) << "a small part";
  EXPECT_EQ(VerifyAudit(store_.get())->first, 1001u);
  EXPECT_EQ(store_->Retain({0, 2000 * kSecond}, kDay)->audit_rows, 999u);
  EXPECT_EQ(store_->Retain({0, 2000 * kSecond}, kDay)->audit_rows, 0u);
  Reopen();
  Commit(ChangeWithEvents(1));
  AuditVerdict verdict = *VerifyAudit(store_.get());
  EXPECT_EQ(verdict.problem, "");
  EXPECT_EQ(verdict.first, 2000u);
  EXPECT_EQ(verdict.ends.cut_seq, 1999u);
  EXPECT_EQ(verdict.ends.seq, 2503u) << "with a row for each cut";
  // A cut that nobody recorded, or rows gone beyond it.
  backend_->Tamper("DELETE FROM audit WHERE seq = 2000");
  EXPECT_EQ(VerifyAudit(store_.get())->bad_seq, 2000u);
  const std::string hash = store_->Events(2000, 1)->front().hash;
  backend_->Tamper("INSERT INTO audit_cuts VALUES(2001, '" + hash +
                   "', 2502, 0); DELETE FROM audit WHERE seq <= 2001");
  EXPECT_THAT(VerifyAudit(store_.get())->problem, HasSubstr("no row records"));
}

TEST_P(StoreContractTest, KeepsTheAuditRowsOfOpenIncidents) {
  Change change = ChangeWithEvents(5);
  for (AuditEvent& event : change.events) event.incident = 0;
  change.events[2].incident = 1;
  change.incidents = {MakeIncident(1)};
  Commit(change);
  EXPECT_EQ(store_->Retain({0, kDay}, kDay)->audit_rows, 2u);
  EXPECT_EQ(store_->Retain({0, kDay}, kDay)->audit_rows, 0u);
  EXPECT_EQ(VerifyAudit(store_.get())->problem, "");
}

Forecast MakeForecast(const std::string& finding, ForecastOutcome outcome) {
  Forecast forecast;
  forecast.finding = finding;
  forecast.incident = 1;
  forecast.detector = "leaks";
  forecast.metric = "memory";
  forecast.target = {{"service", "payments"}};
  forecast.probability = 0.9;
  forecast.made_ns = 100;
  forecast.until_ns = 900;
  forecast.threshold = 256;
  forecast.outcome = outcome;
  if (outcome != ForecastOutcome::kPending) forecast.judged_ns = 800;
  if (outcome == ForecastOutcome::kCameTrue) forecast.happened_ns = 700;
  return forecast;
}

TEST_P(StoreContractTest, LabelsStayWhatPeopleMadeThemAndAreFiltered) {
  Change change;
  for (uint64_t id = 1; id <= 3; ++id) change.incidents.push_back(MakeIncident(id));
  change.labels.push_back({2, {"false_positive", "a test", "user:anna", 9}});
  Commit(change);
  change = {};
  change.incidents.push_back(MakeIncident(2, IncidentState::kResolved));
  change.incidents[0].resolution = Resolution::kHealed;
  change.incidents[0].healed_by = "p";
  change.incidents[0].began_ns = 1500;
  change.incidents[0].needed_person = true;
  change.incidents[0].reopened = 3;
  Commit(change);
  Reopen();
  IncidentFilter filter;
  filter.label = "false_positive";
  const IncidentPage page = *store_->Incidents(filter);
  ASSERT_THAT(page.incidents, SizeIs(1));
  const Incident& incident = page.incidents[0];
  EXPECT_EQ(incident.id, 2u);
  EXPECT_EQ(incident.label.comment, "a test");
  EXPECT_EQ(incident.label.actor, "user:anna");
  EXPECT_EQ(incident.label.ts_ns, 9);
  EXPECT_EQ(incident.resolution, Resolution::kHealed);
  EXPECT_EQ(incident.healed_by, "p");
  EXPECT_EQ(incident.began_ns, 1500);
  EXPECT_TRUE(incident.needed_person);
  EXPECT_EQ(incident.reopened, 3u);
  filter.label = "noise";
  EXPECT_THAT(store_->Incidents(filter)->incidents, IsEmpty());
  change = {};
  change.labels.push_back({2, {}});
  Commit(change);
  filter.label = "false_positive";
  EXPECT_THAT(store_->Incidents(filter)->incidents, IsEmpty()) << "it was taken back";
}

TEST_P(StoreContractTest, ForecastsArePendingUntilTheyAreJudged) {
  Change change;
  change.incidents.push_back(MakeIncident(1));
  Finding finding;
  finding.id = "leaks/1/1";
  finding.kind = FindingKind::kPrediction;
  change.findings.push_back({1, finding});
  change.forecasts.push_back(MakeForecast("leaks/1/1", ForecastOutcome::kPending));
  Commit(change);
  Reopen();
  std::vector<Forecast> pending = *store_->PendingForecasts();
  ASSERT_THAT(pending, SizeIs(1));
  EXPECT_EQ(pending[0].target, (Labels{{"service", "payments"}}));
  EXPECT_EQ(pending[0].until_ns, 900);
  EXPECT_EQ(pending[0].threshold, 256);
  change = {};
  change.forecasts.push_back(MakeForecast("leaks/1/1", ForecastOutcome::kCameTrue));
  Commit(change);
  EXPECT_THAT(*store_->PendingForecasts(), IsEmpty());
  const Page<StoredFinding> findings = *store_->Findings({true, false, {}});
  ASSERT_THAT(findings.items, SizeIs(1));
  ASSERT_TRUE(findings.items[0].forecast);
  EXPECT_EQ(findings.items[0].forecast->outcome, ForecastOutcome::kCameTrue);
  EXPECT_THAT((*store_->ChainOf(1))->forecasts, SizeIs(1));
  std::vector<std::string> seen;
  ASSERT_TRUE(store_->EachForecast(800, [&](const ForecastRow& row) {
    seen.push_back(std::string(row.detector) + " " + std::to_string(row.probability) + " " +
                   std::to_string(row.happened_ns - row.made_ns));
  }));
  EXPECT_THAT(seen, ElementsAre("leaks 0.900000 600"));
  EXPECT_TRUE(store_->EachForecast(801, [](const ForecastRow&) { FAIL(); }));
}

TEST_P(StoreContractTest, TellsWeeksRowByRow) {
  Change change;
  for (uint64_t id = 1; id <= 3; ++id)
    change.incidents.push_back(MakeIncident(id, IncidentState::kResolved));
  change.incidents[0].resolution = Resolution::kHealed;
  change.incidents[1].resolution = Resolution::kByItself;
  change.incidents[2].resolution = Resolution::kByItself;
  int64_t ts_ns = 1000;
  for (const auto& [incident, verdict] :
       {std::pair(1u, DecisionVerdict::kAct), std::pair(2u, DecisionVerdict::kWouldAct),
        std::pair(2u, DecisionVerdict::kRefused), std::pair(3u, DecisionVerdict::kRefused)}) {
    Decision& decision = change.decisions.emplace_back();
    decision.id = "d" + std::to_string(change.decisions.size());
    decision.incident = incident;
    decision.policy = "p";
    decision.verdict = verdict;
    decision.ts_ns = ++ts_ns;
  }
  change.executions.push_back(MakeExecution("d1", 1005));
  change.executions[0].state = ExecutionState::kVerified;
  change.executions[0].ended_ns = 1009;
  Commit(change);

  std::vector<uint64_t> ids;
  ASSERT_TRUE(store_->EachIncident(2000, [&](const IncidentRow& row) { ids.push_back(row.id); }));
  EXPECT_THAT(ids, ElementsAre(2, 3));
  std::vector<std::string> executions;
  ASSERT_TRUE(store_->EachExecution(1005, [&](const ExecutionRow& row) {
    executions.push_back(std::string(row.policy) + std::string(ToString(row.state)));
  }));
  EXPECT_THAT(executions, ElementsAre("pverified"));
  std::map<DecisionVerdict, uint64_t> counts;
  const std::vector<DecisionCount> decisions = *store_->DecisionCounts(0);
  for (const DecisionCount& count : decisions) counts[count.verdict] = count.count;
  EXPECT_EQ(counts[DecisionVerdict::kRefused], 2u);
  EXPECT_EQ(counts[DecisionVerdict::kAct], 1u);
  std::vector<std::pair<int64_t, bool>> cleared;
  ASSERT_TRUE(store_->EachCleared(
      0, [&](const ClearedRow& row) { cleared.emplace_back(row.after_ns, row.shadow); }));
  EXPECT_THAT(cleared,
              UnorderedElementsAre(std::pair(2005 - 1002, true), std::pair(3005 - 1004, false)));
}

TEST_P(StoreContractTest, KnowsHowAPolicysLatestExecutionsEnded) {
  Change change;
  change.incidents.push_back(MakeIncident(1));
  const auto add = [&](const std::string& decision, int64_t issued_ns, ExecutionState state,
                       int64_t ended_ns) {
    change.executions.push_back(MakeExecution(decision, issued_ns));
    change.executions.back().state = state;
    change.executions.back().ended_ns = ended_ns;
  };
  add("d1", 10, ExecutionState::kFailed, 11);
  add("d2", 20, ExecutionState::kVerified, 21);
  add("d3", 0, ExecutionState::kFailed, 31);  // never issued
  add("d4", 40, ExecutionState::kDryRun, 41);
  add("d5", 50, ExecutionState::kUndone, 51);
  add("d6", 60, ExecutionState::kIssued, 0);
  // These two speak neither for the policy nor against it.
  add("d7", 70, ExecutionState::kFailed, 71);
  change.executions.back().progress.proof = Proof::kInconclusive;
  add("d8", 80, ExecutionState::kVerified, 81);
  change.executions.back().progress.proof = Proof::kTooEarly;
  change.executions.back().progress.denied_mode = Mode::kApprove;
  Commit(change);
  Reopen();
  const std::string key = change.executions[0].target_key;
  EXPECT_THAT(*store_->FailuresInRow("p", key, 0), ElementsAre(51));
  size_t plain = 0;
  ASSERT_TRUE(store_->EachExecution(
      0, [&](const ExecutionRow& row) { plain += row.proof == Proof::kPlain; }));
  EXPECT_EQ(plain, 6u);
  const std::vector<Execution> read = (*store_->ChainOf(1))->executions;
  EXPECT_EQ(read.back().progress.proof, Proof::kTooEarly);
  EXPECT_EQ(read.back().progress.denied_mode, Mode::kApprove);
  std::vector<std::pair<int64_t, bool>> ended;
  const std::vector<EndedExecution> all = *store_->EndedOf("p", 0, 10);
  for (const EndedExecution& each : all) ended.emplace_back(each.ended_ns, each.failed);
  EXPECT_THAT(ended, ElementsAre(std::pair(51, true), std::pair(21, false), std::pair(11, true)));
  EXPECT_THAT(*store_->EndedOf("p", 11, 10), SizeIs(2));
  EXPECT_THAT(*store_->EndedOf("p", 0, 1), SizeIs(1));
  EXPECT_THAT(*store_->EndedOf("q", 0, 10), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(All, StoreContractTest, ::testing::ValuesIn(AllBackends()),
                         [](const auto& backend) { return backend.param.name; });

}  // namespace
}  // namespace heald
