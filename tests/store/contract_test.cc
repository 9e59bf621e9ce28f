// What every store has to do, whatever is behind it. A further one joins by a line at the end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "core/store/open.h"

namespace heald {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Opens the same store again and again, as restarts of the agent do.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual Result<std::unique_ptr<Store>> Open() = 0;
  virtual Result<std::unique_ptr<StoreReader>> OpenReader() = 0;
};

class SqliteBackend final : public Backend {
 public:
  SqliteBackend() {
    const std::string base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    std::string pattern = base + "/heald-store-XXXXXX";
    dir_ = mkdtemp(pattern.data());
  }
  ~SqliteBackend() override {
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }
  Result<std::unique_ptr<Store>> Open() override {
    return OpenStore({"sqlite:heald.db", dir_, false});
  }
  Result<std::unique_ptr<StoreReader>> OpenReader() override {
    return OpenStoreReader({"sqlite:heald.db", dir_, false});
  }

 private:
  std::string dir_;
};

struct BackendParam {
  std::string name;
  std::function<std::unique_ptr<Backend>()> make;
};

class StoreContractTest : public ::testing::TestWithParam<BackendParam> {
 protected:
  StoreContractTest() : backend_(GetParam().make()) { Reopen(); }

  void Reopen() {
    store_.reset();
    Result<std::unique_ptr<Store>> opened = backend_->Open();
    ASSERT_TRUE(opened) << opened.error().message;
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
  change.events = {MakeEvent(2, "a")};
  Commit(change);
  const std::vector<Chain> chains = *store_->Unfinished();
  ASSERT_THAT(chains, SizeIs(1));
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

INSTANTIATE_TEST_SUITE_P(All, StoreContractTest,
                         ::testing::Values(BackendParam{
                             "Sqlite", [] { return std::make_unique<SqliteBackend>(); }}),
                         [](const auto& backend) { return backend.param.name; });

}  // namespace
}  // namespace heald
