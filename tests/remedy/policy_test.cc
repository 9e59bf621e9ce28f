#include "core/remedy/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/remedy/world.h"

namespace heald::remedy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(RemedyPolicyTest, EveryFieldThatConditionsKnowIsAnswered) {
  Policy policy;
  LatestSamples latest;
  Finding finding;
  for (const std::string& name : WhenFields()) finding.target.Set(name, "a label");
  finding.eta_ns = kStart;
  finding.probability = finding.value = finding.expected_low = finding.expected_high = 1;
  const PolicyScope scope(policy, finding, latest, kStart);
  for (const std::string& name : WhenFields()) {
    EXPECT_TRUE(scope.Lookup(name).has_value()) << name;
    EXPECT_NE(scope.Lookup(name), WhenValue(std::string("a label")))
        << name << " is the finding's, not the target's";
    EXPECT_EQ(scope.Lookup("target." + name), WhenValue(std::string("a label")));
  }
}

TEST(RemedyPolicyTest, UnknownValuesOfFieldsAreMissing) {
  Policy policy;
  LatestSamples latest;
  Finding finding;
  const PolicyScope scope(policy, finding, latest, kStart);
  for (const char* name : {"value", "expected_low", "probability", "eta"})
    EXPECT_EQ(scope.Lookup(name), std::nullopt) << name;
}

TEST(RemedyPolicyTest, LabelsGoBeforeSamplesAndAbsentLabelsAreEmpty) {
  const PipelineSpec spec =
      MakeSpec({MakePolicy("p", "latency_p99 > 1 and zone == \"a\" and prom.error_rate > 2")});
  const PolicySet set(spec);
  const PolicyPtr policy = set.Find("p");
  ASSERT_NE(policy, nullptr);
  EXPECT_THAT(policy->sample_names, ElementsAre("latency_p99", "prom.error_rate"));
  EXPECT_TRUE(policy->periodic());
  LatestSamples latest;
  latest.SetWanted(WantedSamples(spec), {"service"});
  latest.Record("prom", "latency_p99", {{"service", "a"}}, 3, kStart);
  Finding finding;
  finding.target = {{"service", "a"}};
  EXPECT_EQ(PolicyScope(*policy, finding, latest, kStart).Lookup("latency_p99"), WhenValue(3.0));
  EXPECT_EQ(PolicyScope(*policy, finding, latest, kStart).Lookup("zone"), WhenValue(std::string()));
  EXPECT_EQ(PolicyScope(*policy, finding, latest, kStart).Lookup("prom.error_rate"), std::nullopt);
}

TEST(RemedyPolicyTest, IsFoundByItsInputsAndOnlyWhileEnabled) {
  PolicySpec one = MakePolicy("one");
  one.inputs = {{"spikes", "latency_p99", ""}, {"spikes", "error_rate", ""}};
  PolicySpec off = MakePolicy("off");
  off.enabled = false;
  const PolicySet set(MakeSpec({one, off}));
  ASSERT_THAT(set.For("spikes"), SizeIs(1));
  EXPECT_THAT(set.For("other"), IsEmpty());
  EXPECT_EQ(set.Find("off"), nullptr);
  Finding finding;
  finding.node = "spikes";
  finding.metric = "latency_p99";
  EXPECT_TRUE(set.For("spikes")[0]->Covers(finding));
  finding.metric = "cpu";
  EXPECT_FALSE(set.For("spikes")[0]->Covers(finding));
}

TEST(RemedyPolicyTest, AnySourceWithOpenOutputsMayAnswerAName) {
  PipelineSpec spec = MakeSpec({MakePolicy("p", "queue_depth > 1")});
  EXPECT_THAT(PolicySet(spec).Find("p")->sample_names, IsEmpty());
  spec.nodes[0].outputs.clear();
  EXPECT_THAT(PolicySet(spec).Find("p")->sample_names, ElementsAre("queue_depth"));
}

}  // namespace
}  // namespace heald::remedy
