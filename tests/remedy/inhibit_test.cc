#include "core/remedy/inhibit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/remedy/world.h"

namespace heald::remedy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

InhibitRule Rule(std::string_view source, std::string_view target,
                 std::vector<std::string> equal = {"node"}) {
  InhibitRule rule;
  rule.source.push_back(std::move(*Matcher::Parse(source)));
  rule.target.push_back(std::move(*Matcher::Parse(target)));
  rule.equal = std::move(equal);
  return rule;
}

// ---- who mutes whom -----------------------------------------------------------------------------

class RemedyInhibitionsTest : public ::testing::Test {
 protected:
  Finding Set(const std::string& id, const std::string& metric, Labels target, uint64_t incident) {
    Finding finding;
    finding.id = id;
    finding.metric = metric;
    finding.target = std::move(target);
    inhibitions.Set(finding, {}, incident);
    return finding;
  }
  uint64_t Muter(const std::string& id) {
    const std::optional<Inhibitions::Source> source = inhibitions.MutedBy(id);
    return source ? source->incident : 0;
  }
  Inhibitions inhibitions;
};

TEST_F(RemedyInhibitionsTest, EqualLabelsMustBeThereAndEqual) {
  inhibitions.SetRules({Rule("metric=node_down", "metric=pod_down")});
  Set("n", "node_down", {{"node", "a"}}, 1);
  Set("same", "pod_down", {{"pod", "x"}, {"node", "a"}}, 2);
  Set("other", "pod_down", {{"pod", "y"}, {"node", "b"}}, 3);
  Set("none", "pod_down", {{"pod", "z"}}, 4);
  EXPECT_EQ(Muter("same"), 1u);
  EXPECT_EQ(Muter("other"), 0u);
  EXPECT_EQ(Muter("none"), 0u);
  EXPECT_EQ(Muter("n"), 0u);
  EXPECT_THAT(inhibitions.Concerns("n"), ElementsAre(2u));
  inhibitions.Remove("n");
  EXPECT_EQ(Muter("same"), 0u);
}

TEST_F(RemedyInhibitionsTest, OneThatIsMutedStillMutes) {
  inhibitions.SetRules({Rule("metric=rack_down", "metric=node_down", {"rack"}),
                        Rule("metric=node_down", "metric=pod_down")});
  Set("p", "pod_down", {{"node", "a"}}, 3);
  Set("n", "node_down", {{"node", "a"}, {"rack", "r"}}, 2);
  Set("r", "rack_down", {{"rack", "r"}}, 1);
  EXPECT_EQ(Muter("n"), 1u);
  EXPECT_EQ(Muter("p"), 2u);
  EXPECT_THAT(inhibitions.Concerns("r"), ElementsAre(2u, 3u));
}

TEST_F(RemedyInhibitionsTest, ARingMutesNobody) {
  inhibitions.SetRules(
      {Rule("metric=a", "metric=b"), Rule("metric=b", "metric=c"), Rule("metric=c", "metric=a")});
  const Labels node = {{"node", "n"}};
  Set("a", "a", node, 1);
  Set("b", "b", node, 2);
  EXPECT_EQ(Muter("b"), 1u);
  Set("c", "c", node, 3);
  EXPECT_EQ(Muter("a"), 0u);
  EXPECT_EQ(Muter("b"), 0u);
  EXPECT_EQ(Muter("c"), 0u);
  inhibitions.Remove("a");
  EXPECT_EQ(Muter("c"), 2u);
}

TEST_F(RemedyInhibitionsTest, OnesOfAKindDoNotMuteEachOther) {
  inhibitions.SetRules({Rule("metric=~.*_down", "metric=~.*_down")});
  Set("a", "node_down", {{"node", "n"}}, 1);
  Set("b", "pod_down", {{"node", "n"}}, 2);
  EXPECT_EQ(Muter("a"), 0u);
  EXPECT_EQ(Muter("b"), 0u);
}

TEST_F(RemedyInhibitionsTest, APredictionMutesNothing) {
  inhibitions.SetRules({Rule("metric=node_down", "metric=pod_down")});
  Finding finding = Set("p", "pod_down", {{"node", "a"}}, 2);
  finding.id = "n";
  finding.metric = "node_down";
  finding.kind = FindingKind::kPrediction;
  inhibitions.Set(finding, {}, 1);
  EXPECT_EQ(Muter("p"), 0u);
}

// ---- through the engine -------------------------------------------------------------------------

class RemedyInhibitTest : public ::testing::Test {
 protected:
  static PipelineSpec Spec() {
    PipelineSpec spec = MakeSpec({MakePolicy("latency", "metric == \"latency_p99\"")});
    spec.inhibit = {Rule("metric=node_up", "metric=latency_p99")};
    return spec;
  }
  Finding Make(const std::string& service, const std::string& metric) {
    Finding finding = world.Make(service);
    finding.metric = metric;
    finding.target.Set("node", "n1");
    return finding;
  }
  const Incident& Get(uint64_t id) { return world.engine->incidents().all().at(id)->incident; }

  World world{Spec()};
};

TEST_F(RemedyInhibitTest, ANodeThatIsDownMutesItsPodsUntilItIsBack) {
  const Finding node = Make("node-n1", "node_up");
  world.engine->OnFinding(node);
  world.told.loud.clear();
  world.engine->OnFinding(Make("payments", "latency_p99"));
  world.Run(10 * kSecond);
  EXPECT_EQ(world.gateway.executes, 0);
  EXPECT_EQ(Get(2).muted_by, 1u);
  EXPECT_THAT(world.told.loud, IsEmpty());
  EXPECT_THAT(world.Refusals(), ElementsAre(HasSubstr("inhibit: muted by incident #1: node-n1 "
                                                      "node_up")));
  EXPECT_THAT(world.Kinds(2), Contains("incident.muted"));
  world.Clear(node);
  EXPECT_EQ(Get(2).muted_by, 0u);
  EXPECT_THAT(world.told.loud, Contains(HasSubstr("incident #2  no longer muted: payments")));
  world.Run(kSecond);
  EXPECT_EQ(world.gateway.executes, 1);
}

TEST_F(RemedyInhibitTest, ANodeThatIsFoundDownLaterMutesThemToo) {
  ASSERT_TRUE(world.engine->SetSwitch(false, "user:anna"));
  world.engine->OnFinding(Make("payments", "latency_p99"));
  world.engine->OnFinding(Make("orders", "latency_p99"));
  world.engine->OnFinding(Make("node-n1", "node_up"));
  EXPECT_EQ(Get(1).muted_by, 3u);
  EXPECT_EQ(Get(2).muted_by, 3u);
  EXPECT_EQ(Get(3).muted_by, 0u);
}

TEST_F(RemedyInhibitTest, ARestartAndAReloadKnowItStill) {
  const Finding node = Make("node-n1", "node_up");
  const Finding pod = Make("payments", "latency_p99");
  world.engine->OnFinding(node);
  world.engine->OnFinding(pod);
  world.Restart();
  EXPECT_EQ(Get(2).muted_by, 1u);
  world.engine->OnFinding(node);
  world.engine->OnFinding(pod);
  world.engine->SetPolicies(Spec());
  EXPECT_EQ(Get(2).muted_by, 1u);
  world.Run(10 * kSecond);
  EXPECT_EQ(world.gateway.executes, 0);
  PipelineSpec without = Spec();
  without.inhibit.clear();
  world.engine->SetPolicies(without);
  EXPECT_EQ(Get(2).muted_by, 0u);
  world.Run(10 * kSecond);
  EXPECT_EQ(world.gateway.executes, 1);
}

TEST_F(RemedyInhibitTest, TheEndOfAnOrphanedSourceIsAnEndToo) {
  world.engine->OnFinding(Make("node-n1", "node_up"));
  const Finding pod = Make("payments", "latency_p99");
  world.engine->OnFinding(pod);
  world.Restart();
  world.engine->OnFinding(pod);  // the node's detector says nothing any more
  world.Run(5 * kMinute);
  EXPECT_THAT(world.engine->incidents().all(), SizeIs(1));
  EXPECT_EQ(Get(2).muted_by, 0u);
  EXPECT_EQ(world.gateway.executes, 1);
}

}  // namespace
}  // namespace heald::remedy
