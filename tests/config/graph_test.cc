#include "core/pipeline/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/config/fakes.h"

namespace heald {
namespace {

// A pipeline without YAML: prom -> spikes -> policy -> restart, and a notifier.
class GraphTest : public testing::Test {
 protected:
  GraphTest() {
    Node(Kind::kSource, "prom", "prometheus").outputs = {"latency_p99", "error_rate"};
    Node(Kind::kDetector, "spikes", "zscore").inputs = {{"prom", "", "/in"}};
    Node(Kind::kAction, "restart", "docker");
    Node(Kind::kNotifier, "chat", "slack").inputs = {{"policy", "", "/chat/in"}};
    PolicySpec policy;
    policy.name = "policy";
    policy.path = "/policies/policy";
    policy.inputs = {{"spikes", "", "/policy/in"}};
    policy.action = "restart";
    policy.action_path = "/policies/policy/action";
    spec_.policies.push_back(policy);
  }
  NodeSpec& Node(Kind kind, const std::string& name, const std::string& plugin) {
    NodeSpec node;
    node.kind = kind;
    node.name = name;
    node.plugin = plugin;
    node.path = "/" + std::string(ToString(kind)) + "s/" + name;
    spec_.nodes.push_back(node);
    return spec_.nodes.back();
  }
  NodeSpec& Get(const std::string& name) {
    for (NodeSpec& node : spec_.nodes)
      if (node.name == name) return node;
    ADD_FAILURE() << name;
    return spec_.nodes[0];
  }
  PolicySpec& Policy() { return spec_.policies[0]; }
  void When(const std::string& text) {
    Policy().when = std::get<heald::When>(heald::When::Parse(text));
  }
  // "path: message (hint)" lines; warnings begin with "w ".
  std::string Problems(const GraphDoubts& doubts = {}) {
    std::string out;
    for (const GraphProblem& problem : CheckGraph(catalog_, doubts, &spec_))
      out += (problem.warning ? "w " : "") + problem.path + ": " + problem.message +
             (problem.hint.empty() ? "" : " (" + problem.hint + ")") + "\n";
    return out;
  }

  FakeCatalog catalog_;
  PipelineSpec spec_;
};

TEST_F(GraphTest, AcceptsAPipelineThatFlowsOneWay) {
  EXPECT_EQ(Problems(), "");
}

TEST_F(GraphTest, RejectsBackwardEdge) {
  Get("spikes").inputs = {{"prom", "", "/in"}, {"chat", "", "/back"}};
  EXPECT_EQ(
      Problems(),
      "/back: notifier 'chat' gives nothing to read, but detector 'spikes' takes samples\n"
      "/policy/in: a cycle: spikes → policy → chat → spikes (records move one way; remove one of "
      "these inputs)\n");
}

TEST_F(GraphTest, AcceptsAQueryThatOnlyAConditionReads) {
  Node(Kind::kSource, "other", "prometheus").outputs = {"load"};
  EXPECT_EQ(Problems(),
            "/sources/other: nobody reads source 'other' (list it in a detector's inputs, or set "
            "enabled: false)\n");
  When("load > 1");
  EXPECT_EQ(Problems(), "");
  When("other.load > 1");
  EXPECT_EQ(Problems(), "");
}

TEST_F(GraphTest, AcceptsAnyOutputOfASourceThatCannotNameThem) {
  Node(Kind::kSource, "open", "scrape");
  Get("spikes").inputs.push_back({"open", "http_requests_total", "/x"});
  EXPECT_EQ(Problems(), "");
}

TEST_F(GraphTest, WarnsOfAQueryThatTwoSourcesGive) {
  Node(Kind::kSource, "eu", "prometheus").outputs = {"latency_p99"};
  Get("spikes").inputs.push_back({"eu", "", "/x"});
  When("latency_p99 > 1");
  EXPECT_EQ(Problems(),
            "w /policies/policy/when: several sources give 'latency_p99': the largest value counts "
            "(write prom.latency_p99)\n");
}

TEST_F(GraphTest, CountsNoSourceThatIsSwitchedOff) {
  Node(Kind::kSource, "eu", "prometheus").outputs = {"latency_p99"};
  Get("eu").enabled = false;
  When("latency_p99 > 1");
  EXPECT_EQ(Problems(), "");
  // Whichever comes first.
  Get("eu").enabled = true;
  Get("prom").enabled = false;
  Get("spikes").inputs = {{"eu", "", "/x"}};
  EXPECT_EQ(Problems(), "");
}

TEST_F(GraphTest, WarnsOfAQueryBehindAFindingField) {
  Get("prom").outputs.push_back("count");
  When("count > 1");
  EXPECT_EQ(Problems(),
            "w /policies/policy/when: 'count' is the finding's own field, not the query (write "
            "prom.count for the query)\n");
  When("prom.count > 1");
  EXPECT_EQ(Problems(), "");
}

TEST_F(GraphTest, TellsTyposFromLabels) {
  When("my_own_label == 'x' and service == 'y' and zone != 'z'");
  EXPECT_EQ(Problems(), "");
  When("severty >= 1");
  EXPECT_EQ(Problems(),
            "/policies/policy/when: 'severty' is no finding field and no query (did you mean "
            "'severity'?)\n");
  When("scope > 1");
  EXPECT_EQ(Problems(),
            "w /policies/policy/when: 'scope' is no finding field and no query; it is taken for a "
            "label (did you mean 'score'?)\n");
  When("error_rte > 1 and error_rate > 1");
  const std::vector<GraphProblem> problems = CheckGraph(catalog_, {}, &spec_);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].offset, 0u);
  EXPECT_EQ(problems[0].length, 9u);
}

TEST_F(GraphTest, ExplainsNamesWithDots) {
  When("target.service == 'x'");
  EXPECT_EQ(Problems(), "");
  When("finding.score > 1");
  EXPECT_EQ(Problems(), "/policies/policy/when: 'finding' is no source (write 'score')\n");
  When("prom.latency > 1");
  EXPECT_EQ(Problems(),
            "/policies/policy/when: source 'prom' has no output 'latency' (it has latency_p99, "
            "error_rate)\n");
}

TEST_F(GraphTest, WantsAGuardOnlyWhereSomethingIsEnforced) {
  Policy().mode = Mode::kApprove;
  EXPECT_EQ(Problems(), "");
  Policy().mode = Mode::kEnforce;
  EXPECT_EQ(Problems(),
            "/policies/policy/mode: policy 'policy' enforces without a guard: add at least "
            "cooldown or max_per_hour\n");
  Policy().guard.max_per_hour = 3;
  EXPECT_EQ(Problems(), "");
  Policy().guard = {};
  Policy().guard.cooldown_ns = 5 * kMinute;
  EXPECT_EQ(Problems(), "");
  Policy().guard.cooldown_ns = kMinute;
  EXPECT_THAT(Problems(),
              ::testing::HasSubstr("a cooldown of 1m is over before verify.within, 2m"));
}

TEST_F(GraphTest, AlertNeedsNoActionAndNoGuard) {
  Policy().action = "alert";
  Policy().mode = Mode::kEnforce;
  Get("restart").enabled = false;
  EXPECT_EQ(Problems(), "");
}

TEST_F(GraphTest, KeepsTheNameAlertForItself) {
  Node(Kind::kAction, "alert", "docker");
  EXPECT_THAT(Problems(), testing::HasSubstr("/actions/alert: 'alert' is the built-in action that "
                                             "only notifies (choose another name"));
}

TEST_F(GraphTest, DropsEdgesToDisabledNodesButChecksThem) {
  Get("spikes").enabled = false;
  EXPECT_EQ(Problems(),
            "w /policy/in: detector 'spikes' is disabled: policy 'policy' gets nothing from it\n");
  EXPECT_TRUE(Policy().inputs.empty());
  EXPECT_EQ(Get("spikes").inputs.size(), 1u);
  Get("spikes").inputs = {{"nope", "", "/in"}};
  EXPECT_NE(Problems().find("detector 'spikes' reads 'nope', which doesn't exist"),
            std::string::npos);
}

TEST_F(GraphTest, WarnsWhenAListNamesPartOfWhatItNamesAnyway) {
  Get("spikes").inputs.push_back({"prom", "error_rate", "/x"});
  EXPECT_EQ(Problems(), "w /x: 'prom' in the same list includes this already\n");
}

TEST_F(GraphTest, KeepsQuietAboutWhatIsUnknownBecauseOfAnotherMistake) {
  Get("prom").outputs.clear();
  Get("spikes").inputs = {{"prom", "latency_p99", "/in"}};
  EXPECT_NE(Problems(), "");
  GraphDoubts doubts;
  doubts.untyped = {"prom"};
  EXPECT_EQ(Problems(doubts), "");
  doubts.unread = {"policy"};
  Policy().inputs.clear();
  EXPECT_EQ(Problems(doubts), "");
}

TEST_F(GraphTest, FindsLongCyclesOnce) {
  for (const char* name : {"a", "b", "c"}) Node(Kind::kDetector, name, "correlate");
  Get("a").inputs = {{"c", "", "/a"}};
  Get("b").inputs = {{"a", "", "/b"}};
  Get("c").inputs = {{"b", "", "/c"}, {"spikes", "", "/s"}};
  EXPECT_EQ(Problems(),
            "/b: a cycle: a → b → c → a (records move one way; remove one of these inputs)\n");
}

}  // namespace
}  // namespace heald
