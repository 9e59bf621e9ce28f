// For bench_agent: a source that says now and then that some target is sick, and an action that
// writes down how long that took to reach it. Between the two lies everything the agent does.
#include <cstdio>
#include <fstream>

#include "heald/plugin.h"

namespace {

using namespace heald::sdk;

struct PulseConfig {
  Duration interval = Milliseconds(20);
  static constexpr auto Fields() {
    return std::tuple(Field("interval", &PulseConfig::interval, "Time between two sick targets"));
  }
};

class Pulse : public Source<Pulse> {
 public:
  using Config = PulseConfig;
  static constexpr Info kInfo{
      .name = "pulse", .doc = "One sick target after the other", .flags = HEALD_BLOCKING};
  Pulse(Host host, const Config& config) : host_(host), config_(config) {}
  static std::vector<std::string> Outputs(const Config&) { return {"sick"}; }
  Duration Interval() const { return config_.interval; }
  void Poll(Sink& sink, int64_t) {
    const heald_series series = host_.Intern("sick", {{"service", "s" + std::to_string(next_++)}});
    BatchWriter batch = sink.Reserve(1);
    batch.Add(series, host_.NowNs(), 1);
    batch.Commit();
  }

 private:
  Host host_;
  Config config_;
  uint64_t next_ = 0;
};

struct StampConfig {
  std::string file;
  static constexpr auto Fields() {
    return std::tuple(
        Field("file", &StampConfig::file, "One line of ns per action", {.required = true}));
  }
};

class Stamp : public Action<Stamp> {
 public:
  using Config = StampConfig;
  static constexpr Info kInfo{.name = "stamp", .doc = "Writes down the sample's age"};
  Stamp(Host host, const Config& config) : host_(host), out_(config.file, std::ios::app) {}
  Plan MakePlan(const Request&, const Config&) {
    Plan plan;
    plan.summary = "stamp";
    plan.effect_within = Seconds(1);
    return plan;
  }
  Effect Execute(const Request& request, const Plan&, const Config&) {
    out_ << host_.NowNs() - request.finding->ts_ns << std::endl;
    return {EffectState::kDone, ""};
  }
  Effect Observe(const Request&, const Plan&, const Config&) { return {EffectState::kDone, ""}; }

 private:
  Host host_;
  std::ofstream out_;
};

}  // namespace

HEALD_PLUGIN("pulse", "1.0.0", "the benchmarks", "MIT", Pulse, Stamp);
