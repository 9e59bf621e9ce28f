#include "core/backtest/past_names.h"

#include <gmock/gmock.h>

namespace heald::backtest {
namespace {

using ::testing::HasSubstr;

NodeSpec Source(const std::string& name, std::vector<std::string> outputs) {
  NodeSpec node;
  node.kind = Kind::kSource;
  node.name = name;
  node.outputs = std::move(outputs);
  return node;
}

class PastNamesTest : public ::testing::Test {
 protected:
  PastNamesTest() {
    spec_.nodes = {Source("prom", {"latency", "errors", "spare"}), Source("web", {"latency"}),
                   Source("open", {})};
    NodeSpec detector;
    detector.kind = Kind::kDetector;
    detector.name = "d";
    detector.inputs = {{"prom", "latency", ""}, {"web", "latency", ""}, {"open", "queue", ""}};
    spec_.nodes.push_back(detector);
    PolicySpec policy;
    policy.name = "p";
    policy.inputs = {{"d", "", ""}};
    policy.when = std::get<When>(When::Parse("errors > 1"));
    spec_.policies.push_back(policy);
  }
  std::string Of(const std::string& source, const std::string& name) const {
    const Result<SourceOutput> output = PastNames(spec_).Resolve(source, name);
    return output ? output->source + "/" + output->output : output.error().message;
  }

  PipelineSpec spec_;
};

TEST_F(PastNamesTest, ANameMayBeginWithItsSource) {
  EXPECT_EQ(Of("", "prom.latency"), "prom/latency");
  EXPECT_EQ(Of("", "web.latency"), "web/latency");
  EXPECT_EQ(Of("", "open.queue"), "open/queue");
}

TEST_F(PastNamesTest, AloneItIsOfTheOneSourceThatHasItAndIsReadOfIt) {
  EXPECT_EQ(Of("", "queue"), "open/queue");
  EXPECT_THAT(Of("", "latency"),
              HasSubstr("could be of source prom or of web: write prom.latency"));
}

TEST_F(PastNamesTest, ConditionsReadToo) {
  EXPECT_EQ(Of("", "errors"), "prom/errors");
}

TEST_F(PastNamesTest, TheRecordedSourceCountsWhereThePipelineHasIt) {
  EXPECT_EQ(Of("web", "latency"), "web/latency");
  EXPECT_EQ(Of("elsewhere", "queue"), "open/queue");
}

TEST_F(PastNamesTest, WhatNobodyReadsIsNotFound) {
  for (const char* name : {"spare", "prom.spare", "cpu", "cpu.load"}) {
    const Result<SourceOutput> output = PastNames(spec_).Resolve("", name);
    ASSERT_FALSE(output) << name;
    EXPECT_EQ(output.error().code, Code::kNotFound) << name;
  }
  EXPECT_EQ(PastNames(spec_).Wanted(), "prom.latency, web.latency, open.queue");
}

}  // namespace
}  // namespace heald::backtest
