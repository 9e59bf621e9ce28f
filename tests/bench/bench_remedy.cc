// The remediation engine with very much going on: 10,000 open incidents that a guard holds back,
// 1,000 policies, half of whose conditions read samples. How long from a finding to its decision,
// if it comes just as the engine has begun with what was due; beside it bare commits to the same
// disk, of which a decision waits for two and a call for three. What a second of waiting costs, and
// how much memory it takes. The store is SQLite on a real disk; time is virtual.
//   bench_remedy [INCIDENTS [POLICIES]]
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/remedy/engine.h"
#include "core/store/open.h"

namespace heald::remedy {
namespace {

constexpr int kDetectors = 20;
constexpr int kMeasured = 2000;

// On the wall, where other programs count too, and of this one alone.
struct Moment {
  double wall_ms = 0;
  double cpu_ms = 0;

  static double Read(clockid_t clock) {
    timespec t{};
    clock_gettime(clock, &t);
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
  }
  static Moment Now() { return {Read(CLOCK_MONOTONIC), Read(CLOCK_PROCESS_CPUTIME_ID)}; }
};

struct Times {
  void Add(const Moment& begin, const Moment& end) {
    wall_ms.push_back(end.wall_ms - begin.wall_ms);
    cpu_ms.push_back(end.cpu_ms - begin.cpu_ms);
  }
  std::vector<double> wall_ms;
  std::vector<double> cpu_ms;
};

// Answers at once; what is done is then verified for as long as the finding stays.
class Target final : public ActionGateway {
 public:
  void Plan(const ActionRequest& request, PlanDone done) override {
    heald::Plan plan;
    plan.summary = "restart " + TargetName(request.target);
    plan.target_uid = TargetName(request.target);
    plan.effect_within_ns = kHour;
    done(plan);
  }
  void DryRun(const ActionRequest&, const heald::Plan&, EffectDone done) override {
    done(Effect{EffectState::kDone, ""});
  }
  void Execute(const ActionRequest&, const heald::Plan&, EffectDone done) override {
    called = Moment::Now();
    done(Effect{EffectState::kDone, "restarted"});
  }
  void Observe(const ActionRequest&, const heald::Plan&, EffectDone done) override {
    done(Effect{EffectState::kDone, "restarted"});
  }
  void Undo(const ActionRequest&, const heald::Plan&, EffectDone done) override {
    done(MakeError(Code::kUnsupported, "no undo"));
  }
  Moment called;
};

class Silent final : public EventSink {
 public:
  void OnNotice(const Notice& notice) override {
    decisions += notice.kind == NoticeKind::kDecision;
    decided = Moment::Now();
  }
  void OnProblem(const Error& error) override {
    std::fprintf(stderr, "%s\n", error.message.c_str());
  }
  uint64_t decisions = 0;
  Moment decided;
};

// What a fleet's file could look like: each policy is for one team's services.
PipelineSpec Fleet(int policies) {
  PipelineSpec spec;
  spec.agent.storm.incidents = 0;
  NodeSpec source;
  source.kind = Kind::kSource;
  source.name = "prom";
  source.outputs = {"latency"};
  NodeSpec action;
  action.kind = Kind::kAction;
  action.name = "restart";
  action.plugin = "docker";
  spec.nodes = {source, action};
  for (int i = 0; i < kDetectors; ++i) {
    NodeSpec detector;
    detector.kind = Kind::kDetector;
    detector.name = "d" + std::to_string(i);
    detector.inputs = {{"prom", "latency", ""}};
    spec.nodes.push_back(detector);
  }
  for (int i = 0; i < policies; ++i) {
    PolicySpec policy;
    policy.name = "p" + std::to_string(i);
    policy.inputs = {{"d" + std::to_string(i % kDetectors), "", ""}};
    policy.action = "restart";
    policy.mode = i % 4 == 0 ? Mode::kShadow : Mode::kEnforce;
    policy.guard.cooldown_ns = 10 * kMinute;
    policy.guard.max_per_hour = 3;
    policy.guard.excluded = {"namespace=held"};
    std::string when = "team == \"t" + std::to_string(i) + "\" and severity >= warning";
    if (i % 2 == 0) when += " and latency > 0.5";
    policy.when = std::get<When>(When::Parse(when));
    spec.policies.push_back(std::move(policy));
  }
  return spec;
}

Finding MakeFinding(int i, int policies, bool held) {
  const int policy = i % policies;
  Finding finding;
  finding.node = "d" + std::to_string(policy % kDetectors);
  finding.id = finding.node + "/1/" + std::to_string(i);
  finding.severity = Severity::kCritical;
  finding.target = {{"service", "s" + std::to_string(i)},
                    {"team", "t" + std::to_string(policy)},
                    {"namespace", held ? "held" : "free"},
                    {"instance", "10.0.0.1:" + std::to_string(i)}};
  finding.metric = "latency";
  finding.unit = "s";
  finding.value = 1.8;
  finding.expected_high = 0.09;
  finding.score = 9.1;
  finding.recent.assign(30, 0.1);
  return finding;
}

double ResidentMiB() {
  std::ifstream in("/proc/self/statm");
  long pages = 0;
  in >> pages >> pages;
  return static_cast<double>(pages * sysconf(_SC_PAGESIZE)) / (1024 * 1024);
}

double Percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1))];
}

// What the disk takes for one small change, at this time of the run.
Times BareCommits(const std::string& folder, int count) {
  Times times;
  Result<std::unique_ptr<Store>> store = OpenStore({"sqlite:bare.db", folder, false});
  for (int i = 0; store && i < count; ++i) {
    Change change;
    change.incidents.emplace_back().id = static_cast<uint64_t>(i + 1);
    change.events.emplace_back().detail = std::string(500, 'x');
    const Moment begin = Moment::Now();
    static_cast<void>((*store)->Commit(&change));
    times.Add(begin, Moment::Now());
  }
  return times;
}

void Print(const char* what, const Times& times, const Times& bare) {
  std::printf(
      "%-20s p50 %6.2f ms, p99 %6.2f ms, max %6.2f ms; cpu p50 %6.2f ms, p99 %6.2f ms; "
      "%5.1f times a bare commit (%zu)\n",
      what, Percentile(times.wall_ms, 0.5), Percentile(times.wall_ms, 0.99),
      Percentile(times.wall_ms, 1), Percentile(times.cpu_ms, 0.5), Percentile(times.cpu_ms, 0.99),
      Percentile(times.wall_ms, 0.5) / Percentile(bare.wall_ms, 0.5), times.cpu_ms.size());
}

int Measure(int incidents, int policies) {
  std::string folder = (std::filesystem::temp_directory_path() / "heald-bench-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return 1;
  VirtualClock clock(1'767'225'600 * kSecond);
  Target target;
  Silent sink;
  LatestSamples latest;
  const double before_mib = ResidentMiB();
  {
    Result<std::unique_ptr<Store>> store = OpenStore({"sqlite:heald.db", folder, false});
    if (!store) return 1;
    Result<std::unique_ptr<Engine>> engine =
        Engine::Create({&clock, store->get(), &target, &sink, &latest}, Fleet(policies));
    if (!engine) return 1;
    Times due;
    Times decided;
    Times called;
    const auto open = [&](int i, bool measure) {
      Finding finding = MakeFinding(i, policies, !measure);
      finding.began_ns = finding.ts_ns = clock.NowNs();
      latest.Record("prom", "latency", finding.target, 1.8, clock.NowNs());
      const uint64_t decisions = sink.decisions;
      target.called = {};
      const Moment begin = Moment::Now();
      (*engine)->Tick();
      if (measure) due.Add(begin, Moment::Now());
      (*engine)->OnFinding(finding);
      if (measure && sink.decisions != decisions) decided.Add(begin, sink.decided);
      if (measure && target.called.wall_ms != 0) called.Add(begin, target.called);
    };
    // Up to then all that is due is done, as the agent would.
    const auto pass = [&](int64_t ns) {
      const int64_t end_ns = clock.NowNs() + ns;
      while (clock.NowNs() < end_ns)
        clock.Set(std::clamp((*engine)->Tick(), clock.NowNs(), end_ns));
    };
    for (int i = 0; i < incidents; ++i) {
      open(i, false);
      pass(kMillisecond);
    }
    const size_t open_incidents = (*engine)->incidents().all().size();
    const double loaded_mib = ResidentMiB();
    // Waiting: conditions that read samples are looked at twice a second.
    const Moment before = Moment::Now();
    constexpr int kSeconds = 10;
    pass(kSeconds * kSecond);
    const double cpu_share = (Moment::Now().cpu_ms - before.cpu_ms) / 1e3 / kSeconds;
    for (int i = 0; i < kMeasured; ++i) {
      open(incidents + i, true);
      pass(10 * kMillisecond);
    }
    const Times bare = BareCommits(folder, kMeasured);
    std::printf("open incidents %zu, policies %d, executions under way %zu\n", open_incidents,
                policies, (*engine)->running_executions());
    Print("a bare commit", bare, bare);
    Print("what was due", due, bare);
    Print("finding to decision", decided, bare);
    Print("finding to call", called, bare);
    std::printf("a second of waiting: %.1f %% of one core\n", cpu_share * 100);
    std::printf("memory: %.0f MiB resident, %.0f of it for this\n", ResidentMiB(),
                loaded_mib - before_mib);
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return 0;
}

}  // namespace
}  // namespace heald::remedy

int main(int argc, char** argv) {
  const int incidents = argc > 1 ? std::atoi(argv[1]) : 10'000;
  const int policies = argc > 2 ? std::atoi(argv[2]) : 1'000;
  if (incidents < 1 || policies < 1) {
    std::fprintf(stderr, "usage: bench_remedy [INCIDENTS [POLICIES]]\n");
    return 2;
  }
  return heald::remedy::Measure(incidents, policies);
}
