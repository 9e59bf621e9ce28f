// kill -9 at every fault point there is: at most one execution per decision, a decision that is
// still right completes, and nothing is missing in the journal.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "core/store/audit_chain.h"
#include "tests/fakes/postgres_server.h"
#include "tests/remedy/world.h"

namespace heald::remedy {
namespace {

// In which story each transition happens; by Transition, and the call at the end.
constexpr const char* kScenarios[] = {"heal",       "heal", "fail",   "shadow", "approve", "deny",
                                      "heal",       "heal", "heal",   "heal",   "fail",    "dry",
                                      "heal",       "heal", "switch", "canary", "chain",   "chain",
                                      "undo_fails", "heal", "chain"};
static_assert(std::size(kScenarios) == kFaultPoints.size());

struct Death {
  std::string point;
  std::string scenario;
  bool postgres = false;
  std::string before = "";  // where it dies once before
};

// What steps, undo and canary add to the way of an execution.
void AddChains(std::vector<Death>* deaths) {
  for (const char* at :
       {"planned", "issued", "observed", "failed", "verified", "undo_issued", "undo_done"})
    for (const char* side : {".before", ".after"}) {
      const std::string point = "journal." + std::string(at) + side;
      deaths->push_back({point, "chain"});
      if (point.find("observed") == std::string::npos) deaths->push_back({point, "canary_fails"});
    }
  for (const char* at : {"journal.issued", "journal.observed", "journal.canary", "journal.verified",
                         "action.execute"})
    for (const char* side : {".before", ".after"}) {
      deaths->push_back({std::string(at) + side, "canary"});
      // The rest, after a canary that had passed.
      deaths->push_back({std::string(at) + side, "canary", false, "journal.canary.after"});
    }
  for (const char* point : {"action.undo.before", "action.undo.after"})
    deaths->push_back({point, "canary_fails"});
  // While its target is away, and when it is back.
  for (const char* at : {"undo_issued", "refused", "recovered", "undo_done"})
    for (const char* side : {".before", ".after"})
      deaths->push_back(
          {"journal." + std::string(at) + side, "undo_away", false, "journal.undo_issued.after"});
  for (const char* before :
       {"", "action.undo.before", "action.undo.after", "journal.refused.after"})
    for (const char* point : {"journal.undo_issued.after", "action.undo.before",
                              "action.undo.after", "journal.undo_done.before"})
      deaths->push_back({point, "undo_away", false, before});
  // An undo that was called, or was about to be, and the next death while it is recovered.
  for (const char* before : {"journal.undo_issued.after", "action.undo.after"})
    for (const char* point : {"journal.recovered.before", "journal.undo_done.before"})
      deaths->push_back({point, "chain", false, before});
}

std::vector<Death> AllDeaths() {
  std::vector<Death> deaths;
  for (size_t i = 0; i < kFaultPoints.size(); ++i) {
    deaths.push_back({std::string(kFaultPoints[i].before), kScenarios[i]});
    deaths.push_back({std::string(kFaultPoints[i].after), kScenarios[i]});
  }
  // What an approval adds to the way of an execution.
  for (const char* point :
       {"journal.planned.before", "journal.planned.after", "journal.issued.before",
        "journal.issued.after", "action.execute.before", "action.execute.after"})
    deaths.push_back({point, "approve"});
  AddChains(&deaths);
  // A question that nobody answers in time, and that is asked again.
  for (const char* point : {"journal.asked.before", "journal.asked.after",
                            "journal.withdrawn.before", "journal.withdrawn.after"})
    deaths.push_back({point, "expire"});
  // Some of a chain's are among the fault points' own.
  std::set<std::string> named;
  std::erase_if(deaths, [&](const Death& death) {
    return !named.insert(death.scenario + ' ' + death.point + ' ' + death.before).second;
  });
  // The same with a PostgreSQL; and where the store is away, with the file that stands for it.
  const std::vector<Death> all = deaths;
  for (const Death& death : all)
    deaths.push_back({death.point, death.scenario, true, death.before});
  for (const Death& death : all)
    if (death.scenario == "heal" && death.point.find("recovered") == std::string::npos)
      deaths.push_back({death.point, "away"});
  return deaths;
}

// One for all cases; null where it isn't installed.
fakes::PostgresServer* Postgres() {
  static const std::unique_ptr<fakes::PostgresServer> kServer =
      fakes::PostgresServer::Installed() ? std::make_unique<fakes::PostgresServer>() : nullptr;
  return kServer.get();
}

class RemedyKillTest : public ::testing::TestWithParam<Death> {
 protected:
  void SetUp() override {
    if (!GetParam().postgres) return;
    if (Postgres() == nullptr) GTEST_SKIP() << "PostgreSQL isn't installed";
    static int last = 0;
    store_ = Postgres()->Url("kill" + std::to_string(++last));
  }
  // One life; true if it was ended by its fault point.
  bool Live(const std::string& point) {
    const std::string program = std::string(HEALD_BINARY_DIR) + "/tests/remedy_kill_agent";
    const pid_t child = fork();
    if (child == 0) {
      if (point.empty())
        unsetenv("HEALD_FAULT_POINT");
      else
        setenv("HEALD_FAULT_POINT", point.c_str(), 1);
      execl(program.c_str(), program.c_str(), dir_.path().c_str(), GetParam().scenario.c_str(),
            store_.c_str(), nullptr);
      _exit(127);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
      EXPECT_EQ(WTERMSIG(status), SIGKILL);
      return true;
    }
    EXPECT_EQ(WEXITSTATUS(status), 0);
    return false;
  }

  // How often the target was called, by decision and part.
  std::map<std::string, int> Calls(const std::string& file_name) const {
    std::map<std::string, int> calls;
    std::ifstream file(dir_.path() + file_name);
    std::string key;
    std::string action;
    int64_t ts_ns = 0;
    while (file >> key >> action >> ts_ns) ++calls[key];
    return calls;
  }

  TempDir dir_;
  std::string store_ = "sqlite:heald.db";
};

void CheckChain(const Chain& chain) {
  std::map<std::string, std::set<std::string>> kinds;
  for (const AuditEvent& event : chain.events) {
    kinds[event.subject].insert(event.kind);
    EXPECT_FALSE(event.actor.empty());
  }
  const std::string incident = std::to_string(chain.incident.id);
  EXPECT_TRUE(kinds[incident].count("incident.opened"));
  EXPECT_TRUE(kinds[incident].count("incident.resolved"));
  EXPECT_EQ(chain.incident.state, IncidentState::kResolved);
  EXPECT_FALSE(chain.incident.findings.empty());
  EXPECT_FALSE(chain.decisions.empty());
  for (const Finding& finding : chain.incident.findings) {
    EXPECT_EQ(finding.state, FindingState::kClear);
    EXPECT_FALSE(kinds[finding.id].empty());
  }
  for (const Decision& decision : chain.decisions) EXPECT_FALSE(kinds[decision.id].empty());
  for (const Execution& execution : chain.executions) {
    EXPECT_TRUE(IsFinished(execution.state));
    const std::set<std::string>& seen = kinds[execution.decision];
    EXPECT_TRUE(seen.count("execution.planned"));
    EXPECT_EQ(seen.count("execution.issued"), execution.issues > 0 ? 1u : 0u);
    const ExecutionState state = execution.state;
    EXPECT_TRUE(seen.count(state == ExecutionState::kUndone
                               ? "undo.done"
                               : "execution." + std::string(ToString(state))));
  }
}

TEST_P(RemedyKillTest, NothingIsDoneTwiceLeftUndoneOrForgotten) {
  const std::string& point = GetParam().point;
  if (!GetParam().before.empty()) {
    ASSERT_TRUE(Live(GetParam().before));
  } else if (point.find("recovered") != std::string::npos) {
    // There has to be something to recover.
    ASSERT_TRUE(Live("journal.issued.after"));
  }
  ASSERT_TRUE(Live(point)) << "the fault point was never reached";
  ASSERT_FALSE(Live(""));

  const std::map<std::string, int> executions = Calls("/done");
  for (const auto& [id, count] : executions) EXPECT_EQ(count, 1) << "executed: " << id;
  const std::map<std::string, int> undone = Calls("/undone");
  for (const auto& [id, count] : undone) EXPECT_EQ(count, 1) << "undone: " << id;

  Result<std::unique_ptr<StoreReader>> store = OpenStoreReader({store_, dir_.path(), false});
  ASSERT_TRUE(store) << store.error().message;
  ASSERT_EQ(*(*store)->LastIncidentId(), 1u);
  const Chain chain = **(*store)->ChainOf(1);
  CheckChain(chain);
  const std::vector<AuditEvent> events = *(*store)->Events(0, 1000);
  for (size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i].seq, i + 1);
  EXPECT_EQ(VerifyAudit(store->get())->problem, "");

  const std::string& scenario = GetParam().scenario;
  const auto events_of = [&](std::string_view kind) {
    return std::count_if(events.begin(), events.end(),
                         [&](const AuditEvent& event) { return event.kind == kind; });
  };
  if (scenario == "undo_away") {
    EXPECT_EQ(std::count_if(events.begin(), events.end(),
                            [](const AuditEvent& event) {
                              return event.detail.find("is tried again until") != std::string::npos;
                            }),
              1)
        << "people are told once, however often the agent was killed";
    EXPECT_EQ(events_of("undo.done"), 1);
  }
  if (scenario == "expire") {
    EXPECT_EQ(events_of("approval.expired"), 1) << "however often the agent was killed";
  }
  if (scenario == "heal" || scenario == "approve" || scenario == "expire" || scenario == "switch" ||
      scenario == "away") {
    EXPECT_EQ(executions.size(), 1u) << "a decision that is still right completes";
    ASSERT_FALSE(chain.executions.empty());
    EXPECT_EQ(chain.executions.back().state, ExecutionState::kVerified);
  } else if (scenario == "fail") {
    EXPECT_EQ(executions.size(), 1u) << "the cooldown outlives the crash";
  } else if (scenario == "canary") {
    EXPECT_EQ(executions.size(), 2u) << "the canary and the rest";
    EXPECT_TRUE(undone.empty());
    EXPECT_EQ(chain.executions.back().state, ExecutionState::kVerified);
  } else if (scenario == "chain" || scenario == "canary_fails" || scenario.starts_with("undo_")) {
    EXPECT_EQ(executions.size(), 2u) << "restart, and then scale_out";
    ASSERT_EQ(chain.executions.size(), 2u);
    const bool fails = scenario == "undo_fails";
    EXPECT_EQ(undone.size(), fails ? 0u : 1u);
    EXPECT_EQ(chain.executions[0].state, fails ? ExecutionState::kFailed : ExecutionState::kUndone);
    EXPECT_EQ(chain.executions[1].state, ExecutionState::kVerified);
  } else {
    EXPECT_TRUE(executions.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(At, RemedyKillTest, ::testing::ValuesIn(AllDeaths()),
                         [](const auto& death) {
                           std::string name = death.param.scenario + "_" + death.param.point +
                                              (death.param.before.empty() ? "" : "_after_") +
                                              death.param.before +
                                              (death.param.postgres ? "_Postgres" : "");
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

}  // namespace
}  // namespace heald::remedy
