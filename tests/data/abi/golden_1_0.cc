// A plugin of ABI 1.0 with one component of every kind, which uses every record. It was built once,
// on Debian bookworm with g++ 12, at the commit that froze 1.0 (e547ca3):
//
//   g++ -std=c++20 -Os -shared -fPIC -fvisibility=hidden -fno-gnu-unique -s -I sdk/include
//       -ffunction-sections -fdata-sections -Wl,--version-script=sdk/cmake/heald_plugin.map
//       -Wl,--gc-sections -Wl,-z,noseparate-code -Wl,--build-id=none
//       tests/data/abi/golden_1_0.cc -o tests/data/abi/heald_golden_1_0.so
//
// and isn't built again: tests/plugin/golden_test.cc shows that every later agent runs that file.
#include "heald/plugin.h"

namespace {

using namespace heald::sdk;

struct GoldenConfig {
  double limit = 1;
  std::string service = "${target.service}";
  static constexpr auto Fields() {
    return std::tuple(Field("limit", &GoldenConfig::limit, "What is too much"),
                      Field("service", &GoldenConfig::service, "Whom", {.runtime = true}));
  }
};

class GoldenSource : public Source<GoldenSource> {
 public:
  static constexpr Info kInfo{.name = "golden", .doc = "Two samples and a line with each poll"};
  using Config = GoldenConfig;
  GoldenSource(Host host, const Config& config) : host_(host), limit_(config.limit) {}
  Duration Interval() { return Seconds(1); }
  void Poll(Sink& sink, int64_t) {
    const heald_series series = host_.Intern("load", {{"service", "payments"}});
    BatchWriter rows = sink.Reserve(2);
    rows.Add(series, host_.NowNs(), limit_ / 2);
    rows.Add(series, host_.NowNs() + 1, limit_ * 2);
    rows.Commit();
    heald_log_line line{};
    line.size = sizeof line;
    line.stream = series;
    line.line = detail::Str("polled");
    sink.EmitLogs({&line, 1});
  }

 private:
  Host host_;
  double limit_;
};

class GoldenDetector : public Detector<GoldenDetector> {
 public:
  static constexpr Info kInfo{.name = "golden", .doc = "Finds what is above the limit"};
  using Config = GoldenConfig;
  GoldenDetector(Host host, const Config& config) : host_(host), limit_(config.limit) {}
  void Process(const Samples& samples, Sink& sink) {
    for (uint64_t i = 0; i < samples.size(); ++i) {
      if (samples.values()[i] <= limit_) continue;
      Finding finding;
      finding.id = ++found_;
      finding.severity = Severity::kCritical;
      finding.About(samples.series()[i], host_.LabelsOf(samples.series()[i]));
      finding.value = samples.values()[i];
      finding.expected_high = limit_;
      finding.ts_ns = samples.ts_ns()[i];
      finding.contributors = {{.name = "load", .share = 1}};
      sink.Emit(finding);
    }
  }
  void ProcessLogs(std::span<const heald_log_line> lines, Sink&) { found_ += lines.size(); }
  std::string Snapshot() { return std::to_string(found_); }
  void Restore(std::string_view state) { found_ = std::stoull(std::string(state)); }

 private:
  Host host_;
  double limit_;
  uint64_t found_ = 0;
};

class GoldenAction : public Action<GoldenAction> {
 public:
  static constexpr Info kInfo{.name = "golden", .doc = "Pretends to restart"};
  using Config = GoldenConfig;
  static Abilities AbilitiesOf(const Config& config) {
    return {.undo = true, .canary = config.limit > 1};
  }
  GoldenAction(Host, const Config&) {}
  Plan MakePlan(const Request&, const Config& params) {
    return {.summary = "restart " + params.service,
            .reversible = true,
            .target_uid = "uid-1",
            .before = "{}",
            .can_canary = true};
  }
  Effect Execute(const Request& request, const Plan& plan, const Config&) {
    RecordCall({"POST /restart", "204", 1000, 5});
    if (request.finding == nullptr) throw Failure(HEALD_CONFLICT, "no finding").Retryable(7);
    return {EffectState::kPending, plan.summary + (request.part == Part::kCanary ? " first" : "")};
  }
  Effect Observe(const Request&, const Plan&, const Config&) { return {EffectState::kDone, "up"}; }
  Effect Undo(const Request&, const Plan& plan, const Config&) {
    return {EffectState::kDone, "undid " + plan.target_uid};
  }
};

class GoldenNotifier : public Notifier<GoldenNotifier> {
 public:
  static constexpr Info kInfo{.name = "golden", .doc = "Logs all that a notice holds"};
  using Config = GoldenConfig;
  GoldenNotifier(Host host, const Config&) : host_(host) {}
  void Notify(const heald_notification& notice, const Config& params) {
    std::string line(detail::View(notice.text));
    for (uint64_t i = 0; notice.incident != nullptr && i < notice.incident->finding_count; ++i)
      line += " " + std::string(detail::View(notice.incident->findings[i].node)) + ":" +
              std::string(detail::View(notice.incident->findings[i].metric));
    if (notice.decision != nullptr) {
      line += " " + std::string(detail::View(notice.decision->plan->summary));
      for (uint64_t i = 0; i < notice.decision->guard_count; ++i)
        line += " " + std::string(detail::View(notice.decision->guards[i].guard));
    }
    if (notice.outcome != nullptr) line += " " + std::string(detail::View(notice.outcome->detail));
    host_.Log(Level::kInfo, line + " for " + params.service);
  }

 private:
  Host host_;
};

}  // namespace

HEALD_PLUGIN("golden", "1.0.0", "heald", "MIT", GoldenSource, GoldenDetector, GoldenAction,
             GoldenNotifier);
