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
  EXPECT_EQ(set.Find("off"), nullptr);
  Finding finding;
  finding.node = "other";
  EXPECT_THAT(set.For(finding), IsEmpty());
  finding.node = "spikes";
  finding.metric = "latency_p99";
  ASSERT_THAT(set.For(finding), SizeIs(1));
  EXPECT_TRUE(set.For(finding)[0]->Covers(finding));
  finding.metric = "cpu";
  EXPECT_FALSE(set.For(finding)[0]->Covers(finding));
}

TEST(RemedyPolicyTest, AreLookedUpByALabelThatTheirConditionRequires) {
  const PolicySet set(MakeSpec({
      MakePolicy("a", "latency_p99 > 1 and service == \"a\""),
      MakePolicy("any", "latency_p99 > 1"),
      MakePolicy("b", "service == \"b\" and (latency_p99 > 1 or error_rate > 1)"),
      MakePolicy("either", "service == \"b\" or service == \"c\""),
      MakePolicy("critical", "severity == critical and \"eu\" == region"),
  }));
  const auto names = [&](const Labels& target) {
    Finding finding;
    finding.node = "spikes";
    finding.target = target;
    std::vector<std::string> out;
    for (const PolicyPtr& policy : set.For(finding)) out.push_back(policy->spec.name);
    return out;
  };
  EXPECT_THAT(names({{"service", "a"}, {"region", "us"}}), ElementsAre("a", "any", "either"));
  EXPECT_THAT(names({{"service", "b"}, {"region", "eu"}}),
              ElementsAre("any", "b", "either", "critical"));
  EXPECT_THAT(names({{"pod", "x"}}), ElementsAre("a", "any", "b", "either", "critical"))
      << "a sample of that name may answer";
}

TEST(RemedyPolicyTest, AnySourceWithOpenOutputsMayAnswerAName) {
  PipelineSpec spec = MakeSpec({MakePolicy("p", "queue_depth > 1")});
  EXPECT_THAT(PolicySet(spec).Find("p")->sample_names, IsEmpty());
  spec.nodes[0].outputs.clear();
  EXPECT_THAT(PolicySet(spec).Find("p")->sample_names, ElementsAre("queue_depth"));
}

}  // namespace
}  // namespace heald::remedy
