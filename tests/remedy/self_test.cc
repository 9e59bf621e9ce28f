#include "core/remedy/self.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/remedy/world.h"

namespace heald::remedy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kContainer =
    "3f4e8a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7";

NodeSpec Source(const std::string& name, const char* key, Value value) {
  NodeSpec node;
  node.kind = Kind::kSource;
  node.name = name;
  node.config = Value(Value::Map{{key, std::move(value)}});
  return node;
}

class RemedySelfTest : public ::testing::Test {
 protected:
  RemedySelfTest() {
    agent.listen = "0.0.0.0:8080";
    agent.store = "postgresql://heald@db.internal/heald";
    nodes = {Source("prom", "url", "http://prometheus:9090/api"),
             Source("page", "targets", Value::List{"http://orders:8001/metrics"})};
  }
  std::string Find(const Labels& target, const std::string& uid = "",
                   const std::string& metric = "latency_p99") {
    Finding finding;
    finding.target = target;
    finding.metric = metric;
    Plan plan;
    plan.target_uid = uid;
    return SelfOf(agent, nodes, {"4711", kContainer, "web1"}).Find({}, finding, plan);
  }
  AgentSpec agent;
  std::vector<NodeSpec> nodes;
};

TEST_F(RemedySelfTest, IsKnownByWhereItListens) {
  for (const char* instance : {"localhost:8080", "127.0.0.1:8080", "[::1]:8080", "web1:8080"})
    EXPECT_EQ(Find({{"instance", instance}}),
              "heald itself (instance " + std::string(instance) + ")");
  EXPECT_EQ(Find({{"instance", "localhost:8081"}}), "");
  EXPECT_EQ(Find({{"instance", "10.0.0.7:8080"}}), "");
}

TEST_F(RemedySelfTest, IsKnownByItsContainerItsProcessAndItsOwnMetrics) {
  EXPECT_EQ(Find({{"service", "x"}}, std::string("aaaa,") + kContainer),
            "heald itself (" + std::string(kContainer) + ")");
  EXPECT_NE(Find({{"container_id", std::string(kContainer).substr(0, 12)}}), "");
  EXPECT_NE(Find({{"pid", "4711"}}), "");
  EXPECT_EQ(Find({{"pid", "4712"}}), "");
  EXPECT_EQ(Find({{"service", "x"}}, "3f4e8a1b"), "") << "too short to be sure";
  EXPECT_THAT(Find({{"service", "x"}}, "", "heald_node_errors_total"), HasSubstr("heald itself"));
}

TEST_F(RemedySelfTest, IsKnownByItsPodAndByTheNameOfItsChart) {
  EXPECT_EQ(Find({{"pod", "web1"}}), "heald itself (pod web1)");
  EXPECT_EQ(Find({{"pod", "web10"}}), "");
  EXPECT_EQ(Find({{"node", "web1"}}), "") << "there is more on its machine";
  EXPECT_EQ(Find({{"service", "web1"}}), "");
  for (const char* label : {"service", "app", "job", "deployment"})
    EXPECT_EQ(Find({{label, "heald"}}), "heald itself (" + std::string(label) + " heald)");
  EXPECT_EQ(Find({{"host", "heald"}}), "");
}

TEST_F(RemedySelfTest, ItsStoreAndItsMetricsSourceAreKnownToo) {
  EXPECT_EQ(Find({{"container", "db"}}), "heald's store (container db)");
  EXPECT_EQ(Find({{"host", "db.internal"}}), "heald's store (host db.internal)");
  EXPECT_EQ(Find({{"instance", "db.internal:5432"}}), "heald's store (instance db.internal:5432)");
  EXPECT_EQ(Find({{"service", "prometheus"}}), "heald's metrics source prom (service prometheus)");
  EXPECT_EQ(Find({{"instance", "prometheus:9090"}}),
            "heald's metrics source prom (instance prometheus:9090)");
  EXPECT_EQ(Find({{"service", "orders"}}), "") << "what it watches is what it repairs";
  EXPECT_EQ(Find({{"zone", "prometheus"}}), "") << "no name of the target";
}

TEST_F(RemedySelfTest, IsLeftAloneUnlessThePolicySaysSo) {
  PolicySpec policy = MakePolicy();
  PipelineSpec spec = MakeSpec({policy});
  spec.agent.listen = "127.0.0.1:8080";
  World world(spec);
  Finding finding = world.Make("heald");
  finding.target.Set("instance", "localhost:8080");
  world.engine->OnFinding(finding);
  world.Run(10 * kSecond);
  EXPECT_EQ(world.gateway.executes, 0);
  EXPECT_THAT(world.Refusals(),
              ElementsAre("self: this would act on heald itself (instance localhost:8080) "
                          "(allow_self: true in the policy permits that)"));
  spec.policies[0].allow_self = true;
  world.engine->SetPolicies(spec);
  world.Run(10 * kSecond);
  EXPECT_EQ(world.gateway.executes, 1);
}

}  // namespace
}  // namespace heald::remedy
