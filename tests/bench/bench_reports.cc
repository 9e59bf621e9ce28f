// How long reports take over a journal of 100,000 incidents, on SQLite and a PostgreSQL of the
// benchmark's own: half a year of weeks, 30 days of efficacy, a page of what people labelled.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>

#include "core/base/units.h"
#include "core/remedy/efficacy.h"
#include "core/remedy/report.h"
#include "core/store/open.h"
#include "tests/fakes/postgres_server.h"

namespace heald {
namespace {

constexpr uint64_t kIncidents = 100'000;
constexpr int64_t kFirst = 1'767'225'600 * kSecond;
constexpr int64_t kStep = 2 * kMinute + 37 * kSecond;  // half a year in all
constexpr int64_t kNow = kFirst + static_cast<int64_t>(kIncidents) * kStep;

void AddIncident(uint64_t number, Change* change) {
  Incident& incident = change->incidents.emplace_back();
  incident.id = number;
  incident.trace_id = std::string(32, 'a');
  incident.target = {{"service", "service" + std::to_string(number % 200)}};
  incident.summary = "payments  latency_p99 1.84 s  critical  (score 9.1)";
  incident.opened_ns = incident.began_ns = kFirst + static_cast<int64_t>(number) * kStep;
  incident.closed_ns = incident.opened_ns + static_cast<int64_t>(number % 97) * kSecond;
  incident.state = IncidentState::kResolved;
  incident.resolution = number % 3 == 0 ? Resolution::kByItself : Resolution::kHealed;
  if (number % 3 != 0) incident.healed_by = "policy" + std::to_string(number % 20);
  Decision& decision = change->decisions.emplace_back();
  decision.id = "d" + std::to_string(number);
  decision.incident = number;
  decision.policy = "policy" + std::to_string(number % 20);
  decision.verdict = number % 3 == 0 ? DecisionVerdict::kWouldAct : DecisionVerdict::kAct;
  decision.ts_ns = incident.opened_ns;
  if (number % 50 == 0)
    change->labels.push_back({number, {"false_positive", "", "user:anna", incident.closed_ns}});
  if (number % 3 == 0) return;
  Execution& execution = change->executions.emplace_back();
  execution.decision = decision.id;
  execution.incident = number;
  execution.policy = decision.policy;
  execution.action = "restart";
  execution.target_key = incident.target.ToString();
  execution.state = ExecutionState::kVerified;
  execution.planned_ns = execution.issued_ns = decision.ts_ns;
  execution.ended_ns = incident.closed_ns;
}

// Made once for all benchmarks of a database.
std::unique_ptr<StoreReader> Filled(const StoreLocation& location) {
  Result<std::unique_ptr<Store>> store = OpenStore(location);
  if (!store) return nullptr;
  if (*(*store)->LastIncidentId() == 0)
    for (uint64_t number = 1; number <= kIncidents;) {
      Change change;
      for (int i = 0; i < 1000 && number <= kIncidents; ++i) AddIncident(number++, &change);
      if (!(*store)->Commit(&change)) return nullptr;
    }
  store->reset();
  Result<std::unique_ptr<StoreReader>> reader = OpenStoreReader(location);
  return reader ? std::move(*reader) : nullptr;
}

StoreLocation Sqlite() {
  static const std::string folder = [] {
    const char* const base = std::getenv("TMPDIR");
    std::string pattern = std::string(base == nullptr ? "/tmp" : base) + "/heald-bench-XXXXXX";
    return std::string(mkdtemp(pattern.data()));
  }();
  static struct Remove {
    ~Remove() { std::filesystem::remove_all(folder); }
  } remove;
  return {"sqlite:heald.db", folder, false};
}

StoreLocation Postgres() {
  if (!fakes::PostgresServer::Installed()) return {"", "", false};
  static const fakes::PostgresServer server;
  return {server.Url("bench"), "", false};
}

template <typename Work>
void Run(benchmark::State& state, StoreLocation (*where)(), Work work) {
  const StoreLocation location = where();
  const std::unique_ptr<StoreReader> reader = location.url.empty() ? nullptr : Filled(location);
  if (reader == nullptr) return state.SkipWithError("there is no such store here");
  for (auto _ : state)
    if (!work(reader.get())) state.SkipWithError("it can't be read");
}

void Weeks(benchmark::State& state, StoreLocation (*where)()) {
  Run(state, where, [](StoreReader* r) { return remedy::ReadWeekly(r, 26, kNow).ok(); });
}
void Efficacy(benchmark::State& state, StoreLocation (*where)()) {
  Run(state, where, [](StoreReader* r) {
    return remedy::ReadEfficacy(r, kNow - remedy::kEfficacyNs,
                                [](std::string_view) { return false; })
        .ok();
  });
}
void Labelled(benchmark::State& state, StoreLocation (*where)()) {
  Run(state, where, [](StoreReader* r) {
    IncidentFilter filter;
    filter.label = "false_positive";
    return r->Incidents(filter).ok();
  });
}

BENCHMARK_CAPTURE(Weeks, sqlite, Sqlite)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Efficacy, sqlite, Sqlite)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Labelled, sqlite, Sqlite)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Weeks, postgres, Postgres)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Efficacy, postgres, Postgres)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Labelled, postgres, Postgres)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace heald

BENCHMARK_MAIN();
