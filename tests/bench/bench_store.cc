// How long one commit of the journal takes: the engine waits for it before it calls an action.
// SQLite and a PostgreSQL of the benchmark's own, both on the disk below $TMPDIR or /tmp.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "core/store/open.h"
#include "tests/fakes/postgres_server.h"

namespace heald {
namespace {

std::string Base() {
  const char* const base = std::getenv("TMPDIR");
  return base == nullptr ? "/tmp" : base;
}

// What is written when an action is about to be called.
Change MakeChange(uint64_t number) {
  const std::string id = "decision" + std::to_string(number);
  Change change;
  Incident& incident = change.incidents.emplace_back();
  incident.id = number;
  incident.trace_id = std::string(32, 'a');
  incident.target = {{"service", "payments"}, {"namespace", "shop"}};
  incident.summary = "payments  latency_p99 1.84 s  critical  (score 9.1)";
  incident.opened_ns = 1;
  Finding& finding = change.findings.emplace_back().finding;
  finding.id = "spikes/1/" + std::to_string(number);
  finding.target = incident.target;
  finding.recent = std::vector<double>(20, 0.5);
  Decision& decision = change.decisions.emplace_back();
  decision.id = id;
  decision.incident = number;
  for (const char* guard : {"switch", "fresh_data", "for", "cooldown", "max_per_hour", "targets"})
    decision.guards.push_back({guard, true, "no reason against it was found here"});
  Execution& execution = change.executions.emplace_back();
  execution.decision = id;
  execution.incident = number;
  for (const char* kind : {"execution.planned", "execution.issued"}) {
    AuditEvent& event = change.events.emplace_back();
    event.incident = number;
    event.kind = kind;
    event.actor = "heald";
    event.subject = id;
    event.detail = R"({"text":"restart payments …","call":"execute","issue":1})";
  }
  return change;
}

void Commit(benchmark::State& state, const StoreLocation& location) {
  Result<std::unique_ptr<Store>> store = OpenStore(location);
  if (!store) return state.SkipWithError(store.error().message.c_str());
  std::vector<double> micros;
  uint64_t number = 0;
  for (auto _ : state) {
    Change change = MakeChange(++number);
    const auto begin = std::chrono::steady_clock::now();
    if (const Status status = (*store)->Commit(&change); !status)
      return state.SkipWithError(status.error().message.c_str());
    micros.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin)
            .count());
    if (number % 200 == 0) (*store)->Idle();
  }
  std::sort(micros.begin(), micros.end());
  state.counters["p50_us"] = micros[micros.size() / 2];
  state.counters["p99_us"] = micros[micros.size() * 99 / 100];
}

void Sqlite(benchmark::State& state, bool full_sync) {
  std::string folder = Base() + "/heald-bench-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) return state.SkipWithError("no folder");
  Commit(state, {"sqlite:heald.db", folder, full_sync});
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

void Postgres(benchmark::State& state, const std::string& settings) {
  if (!fakes::PostgresServer::Installed()) return state.SkipWithError("PostgreSQL isn't installed");
  const fakes::PostgresServer server(settings, Base());
  Commit(state, {server.Url("bench"), "", false});
}

BENCHMARK_CAPTURE(Sqlite, sync_normal, false)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(Sqlite, sync_full, true)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(Postgres, as_installed, std::string())->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(Postgres, asynchronous_commit, std::string("synchronous_commit = off\n"))
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace heald

BENCHMARK_MAIN();
