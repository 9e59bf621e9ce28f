// configs/demo.yaml as heald reads it, against the numbers of profile.h (which profile_test.cc
// compares with demo/README.md).
#include <gmock/gmock.h>

#include <optional>

#include "core/base/units.h"
#include "core/config/loader.h"
#include "core/plugin/loader.h"
#include "demo/services/profile.h"

namespace heald::demo {
namespace {

// Nothing but the file's own defaults.
class BareEnvironment : public Environment {
 public:
  std::optional<std::string> Variable(const std::string&) const override { return std::nullopt; }
  Result<std::string> ReadFile(const std::string& path, size_t max_bytes) const override {
    return ProcessEnvironment().ReadFile(path, max_bytes);
  }
};

class DemoPipelineTest : public ::testing::Test {
 protected:
  DemoPipelineTest() : plugins_(HEALD_TEST_PLUGIN_DIR, {}, "") {
    LoadResult loaded =
        LoadPipeline(HEALD_SOURCE_DIR "/configs/demo.yaml", plugins_, BareEnvironment());
    for (const Diagnostic& diagnostic : loaded.diagnostics) ADD_FAILURE() << diagnostic.message;
    if (loaded.spec) spec_ = std::move(*loaded.spec);
  }

  // "config/metrics/latency_p99/window" of a node, as a number; -1 where there is none.
  double Number(const std::string& node, const std::vector<std::string>& keys) const {
    const NodeSpec* found = spec_.FindNode(node);
    const Value* value = found == nullptr ? nullptr : &found->config;
    for (const std::string& key : keys) value = value == nullptr ? nullptr : value->Find(key);
    if (value == nullptr) return -1;
    if (const int64_t* integer = value->AsInt()) return static_cast<double>(*integer);
    return value->AsDouble() != nullptr ? *value->AsDouble() : -1;
  }

  const PolicySpec& Policy(const std::string& name) const {
    static const PolicySpec kNone;
    for (const PolicySpec& policy : spec_.policies)
      if (policy.name == name) return policy;
    ADD_FAILURE() << "no policy " << name;
    return kNone;
  }

  plugin::Loader plugins_;
  PipelineSpec spec_;
};

TEST_F(DemoPipelineTest, HasTheNumbersOfTheTable) {
  EXPECT_EQ(Number("services", {"interval"}), kScrapeIntervalS * 1e9);
  EXPECT_EQ(Number("services", {"metrics", "latency_p99", "window"}), kQuantileWindowS * 1e9);
  EXPECT_EQ(Number("services", {"metrics", "error_rate", "window"}), kQuantileWindowS * 1e9);
  EXPECT_EQ(Number("services", {"metrics", "request_rate", "window"}), kCrowdWindowS * 1e9);
  EXPECT_EQ(Number("unusual", {"min_samples"}), kBaselineMinSamples);
  EXPECT_EQ(Number("unusual", {"min_deviation"}), kBaselineFloorMs / 1000);
  EXPECT_EQ(Number("failing", {"above", "critical"}), kAlarmErrorShare);
  EXPECT_EQ(Number("burning", {"above", "warning"}), kAlarmCores);
  EXPECT_EQ(Number("certificate_ends", {"below", "critical"}), kAlarmCertificateDays);
  EXPECT_EQ(Number("disk_filling", {"above", "critical"}), kAlarmDiskUsed);
  EXPECT_EQ(Number("starved", {"above", "critical"}), kAlarmPoolWaiting);
  EXPECT_EQ(Number("stuck", {"above", "critical"}), kAlarmInFlight);
  EXPECT_EQ(Number("down", {"for"}), kDownForS * 1e9);
  EXPECT_EQ(Number("leaking", {"above"}), kAlarmMemoryMiB * (1 << 20));
  EXPECT_EQ(Number("leaking", {"window"}), kTrendWindow);
  EXPECT_EQ(Number("leaking", {"horizon"}), kTrendHorizonS * 1e9);
  EXPECT_EQ(Number("leaking", {"probability"}), kTrendProbability);
}

TEST_F(DemoPipelineTest, ActsAtTheBoundsOfTheTable) {
  const PolicySpec& policy = Policy("restart_sick");
  EXPECT_EQ(policy.guard.for_ns, kForS * 1e9);
  EXPECT_EQ(policy.verify_within_ns, kVerifyWithinS * 1e9);
  EXPECT_EQ(policy.mode, Mode::kEnforce);
  for (const char* name :
       {"restart_down", "restart_leaking", "certificate_renewal", "drift_repair", "disk_cleanup"})
    EXPECT_EQ(Policy(name).mode, Mode::kEnforce) << name;
  EXPECT_EQ(Policy("restart_down").guard.for_ns, kForS * 1e9);
  const auto text = [](double number) {
    std::string out = std::to_string(number);
    out.erase(out.find_last_not_of('0') + 1);
    return out.back() == '.' ? out.substr(0, out.size() - 1) : out;
  };
  EXPECT_EQ(Policy("certificate_renewal").when.text(),
            "certificate_days_left < " + text(kAlarmCertificateDays));
  EXPECT_EQ(Policy("disk_cleanup").when.text(), "disk_used_ratio > " + text(kAlarmDiskUsed));
  EXPECT_EQ(policy.when.text(), "latency_p99 > " + text(kAlarmP99Ms / 1000) + " or error_rate > " +
                                    text(kAlarmErrorShare) + " or (in_flight > " +
                                    text(kAlarmInFlight) + " and request_rate < " +
                                    text(kIdleRate) + ") or ((cpu > " + text(kAlarmCores) +
                                    " or pool_waiting > " + text(kAlarmPoolWaiting) +
                                    ") and request_rate < " + text(kBusyRate) + ")");
}

TEST_F(DemoPipelineTest, RestartsOnAPredictionAloneOnlyWhereThePolicySaysSo) {
  for (const PolicySpec& other : spec_.policies)
    EXPECT_EQ(other.allow_on_prediction, other.name == "restart_leaking") << other.name;
  const PolicySpec& policy = Policy("restart_leaking");
  EXPECT_TRUE(policy.allow_on_prediction);
  EXPECT_EQ(policy.when.text(), "probability > 0.8");
  EXPECT_EQ(policy.mode, Mode::kEnforce);
  EXPECT_EQ(policy.verify_within_ns, kVerifyWithinS * 1e9);
}

TEST_F(DemoPipelineTest, StartsEveryServiceOnItsPortAndRestartsWithinTheBudget) {
  for (const ServiceProfile& profile : kProfiles) {
    const std::string name(profile.name);
    SCOPED_TRACE(name);
    EXPECT_EQ(Number("restart", {"services", name, "stop_timeout"}), kRestartBudgetS * 1e9);
    const Value* services = spec_.FindNode("restart")->config.Find("services");
    ASSERT_NE(services->Find(name), nullptr);
    const Value::List& command = *services->Find(name)->Find("command")->AsList();
    EXPECT_THAT(command, ::testing::Contains(Value(std::to_string(profile.port))));
    const std::string target =
        "http://" + name + ".localhost:" + std::to_string(profile.port) + "/metrics";
    EXPECT_THAT(*spec_.FindNode("services")->config.Find("targets")->AsList(),
                ::testing::Contains(Value(target)));
  }
}

}  // namespace
}  // namespace heald::demo
