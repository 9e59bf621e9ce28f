// `include:` and `vars:`: what a pipeline of several files is, and how mistakes in it are told.
#include "core/config/include.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "core/config/loader.h"
#include "tests/config/fakes.h"

namespace heald {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kPack = R"yaml(version: 1
vars:
  url: http://localhost:9090
  mode: shadow
  cooldown: 5m
  excluded: [kube-system, monitoring]
  limit: 0.5
sources:
  slow_metrics:
    plugin: prometheus
    config: {url: "${var.url}", queries: {latency: x}}
detectors:
  slow_now: {plugin: zscore, inputs: [slow_metrics.latency], config: {window: 30}}
policies:
  slow_restart:
    inputs: [slow_now]
    when: slow_metrics.latency > ${var.limit}
    mode: ${var.mode}
    action: slow_again
    guard: {cooldown: "${var.cooldown}", excluded: "${var.excluded}"}
actions:
  slow_again: {plugin: docker, config: {operation: restart}}
tests:
  - name: of the pack alone
    feed: [{series: slow_metrics.latency, values: 1x3}]
    never: [{execution: {}}]
)yaml";

class ConfigIncludeTest : public testing::Test {
 protected:
  ConfigIncludeTest() { environment_.files["/etc/heald/packs/slow.yaml"] = kPack; }
  LoadResult Load(const std::string& text) {
    return LoadPipelineText(text, "conf/main.yaml", "/etc/heald", catalog_, environment_);
  }
  PipelineSpec Good(const std::string& text) {
    LoadResult loaded = Load(text);
    EXPECT_EQ(FormatText(loaded.diagnostics), "");
    EXPECT_TRUE(loaded.spec.has_value());
    return loaded.spec.value_or(PipelineSpec());
  }
  std::string Bad(const std::string& text) {
    const LoadResult loaded = Load(text);
    EXPECT_FALSE(loaded.spec.has_value());
    return FormatText(loaded.diagnostics);
  }
  FakeCatalog catalog_;
  FakeEnvironment environment_;
};

TEST_F(ConfigIncludeTest, AnIncludedFileIsPartOfThePipeline) {
  const LoadResult loaded = Load("version: 1\ninclude: [packs/slow.yaml]\n");
  ASSERT_TRUE(loaded.spec) << FormatText(loaded.diagnostics);
  const PolicySpec& policy = loaded.spec->policies.at(0);
  EXPECT_EQ(policy.name, "slow_restart");
  EXPECT_EQ(policy.mode, Mode::kShadow);
  EXPECT_EQ(policy.guard.cooldown_ns, 300'000'000'000);
  EXPECT_THAT(policy.guard.excluded, testing::SizeIs(2));
  EXPECT_NE(loaded.spec->FindNode("slow_metrics"), nullptr);
  // Its tests and its version are its own.
  EXPECT_THAT(loaded.spec->tests, IsEmpty());
  EXPECT_THAT(loaded.included, ElementsAre("/etc/heald/packs/slow.yaml"));
  const std::string shown = FormatYaml(EffectiveConfig(loaded));
  EXPECT_THAT(shown, HasSubstr("cooldown: 5m"));
  EXPECT_THAT(shown, testing::Not(HasSubstr("include")));
}

TEST_F(ConfigIncludeTest, AFileWithVarsRunsByItselfToo) {
  environment_.files["/etc/heald/main.yaml"] = kPack;
  EXPECT_THAT(Good(kPack).tests, testing::SizeIs(1));
}

TEST_F(ConfigIncludeTest, WithSetsWhatTheFileDeclares) {
  const PipelineSpec spec = Good(R"yaml(version: 1
vars: {wait: 20m}
include:
  - file: packs/slow.yaml
    with: {mode: enforce, cooldown: "${var.wait}", excluded: [shop], url: "http://prom:9090"}
)yaml");
  const PolicySpec& policy = spec.policies.at(0);
  EXPECT_EQ(policy.mode, Mode::kEnforce);
  EXPECT_EQ(policy.guard.cooldown_ns, 1'200'000'000'000);
  EXPECT_THAT(policy.guard.excluded, testing::SizeIs(1));
  EXPECT_EQ(*spec.FindNode("slow_metrics")->config.Find("url")->AsString(), "http://prom:9090");
}

TEST_F(ConfigIncludeTest, OverrideChangesOneSettingAndLeavesTheRest) {
  const PipelineSpec spec = Good(R"yaml(version: 1
include:
  - file: packs/slow.yaml
    override:
      detectors: {slow_now: {config: {window: 99}}}
      policies: {slow_restart: {guard: {max_per_hour: 7}}}
)yaml");
  EXPECT_EQ(*spec.FindNode("slow_now")->config.Find("window")->AsInt(), 99);
  EXPECT_EQ(spec.policies.at(0).guard.max_per_hour, 7);
  EXPECT_EQ(spec.policies.at(0).guard.cooldown_ns, 300'000'000'000);
}

TEST_F(ConfigIncludeTest, PathsBeginAtTheFileThatTheyStandIn) {
  environment_.files["/etc/heald/all/all.yaml"] = "include: [../packs/slow.yaml]\n";
  environment_.files["/etc/heald/tell/tell.yaml"] =
      "notifiers: {tell: {plugin: slack, inputs: [slow_restart], config: {webhook_url: "
      "\"${file:hook}\"}}}\n";
  environment_.files["/etc/heald/tell/hook"] = "https://hooks.example/1\n";
  const PipelineSpec spec = Good("version: 1\ninclude: [all/all.yaml, tell/tell.yaml]\n");
  EXPECT_EQ(*spec.FindNode("tell")->config.Find("webhook_url")->AsString(),
            "https://hooks.example/1");
}

TEST_F(ConfigIncludeTest, AMistakeIsToldInTheFileThatItIsIn) {
  environment_.files["/etc/heald/packs/slow.yaml"] =
      "version: 1\nsources:\n  s:\n    plugin: prometheus\n    config: {ulr: x}\n";
  const std::string text = Bad("version: 1\ninclude: [packs/slow.yaml]\nagent: {lisen: x}\n");
  EXPECT_THAT(text, HasSubstr("conf/packs/slow.yaml:5:14: error: unknown key 'ulr'"));
  EXPECT_THAT(text, HasSubstr("    5 |     config: {ulr: x}"));
  EXPECT_THAT(text, HasSubstr("conf/main.yaml:3:9: error: unknown key 'lisen'"));
}

TEST_F(ConfigIncludeTest, AWrongValueIsToldWhereItWasGiven) {
  EXPECT_THAT(Bad("version: 1\ninclude:\n  - {file: packs/slow.yaml, with: {cooldown: soon}}\n"),
              HasSubstr("conf/main.yaml:3:46: error: 'guard.cooldown'"));
  EXPECT_THAT(Bad("version: 1\ninclude:\n  - {file: packs/slow.yaml, with: {cooldown: [1]}}\n"),
              HasSubstr("conf/main.yaml:3:46: error: 'guard.cooldown' must be a duration"));
  EXPECT_THAT(Bad("version: 1\ninclude:\n  - file: packs/slow.yaml\n    override: {policies: "
                  "{slow_restart: {mode: bold}}}\n"),
              HasSubstr("conf/main.yaml:4:48: error: 'mode'"));
}

TEST_F(ConfigIncludeTest, AConditionIsMarkedWhereItStandsThoughAVarIsInIt) {
  environment_.files["/etc/heald/packs/slow.yaml"].replace(std::string(kPack).find("limit: 0.5"),
                                                           10, "limit: \">\"");
  EXPECT_THAT(Bad("version: 1\ninclude: [packs/slow.yaml]\n"),
              HasSubstr("conf/packs/slow.yaml:17:11: error"));
}

TEST_F(ConfigIncludeTest, AWrongPartOfATextIsToldOnceWhereItWasGiven) {
  const std::string text =
      Bad("version: 1\ninclude:\n  - {file: packs/slow.yaml, with: {limit: \">\"}}\n");
  EXPECT_THAT(text, HasSubstr("conf/main.yaml:3:43: error"));
  EXPECT_THAT(text, testing::Not(HasSubstr("packs/slow.yaml:")));
  environment_.files["/etc/heald/packs/slow.yaml"] += "  - name: ${var.limit} and ${var.limit}\n";
  const std::string list =
      Bad("version: 1\ninclude:\n  - {file: packs/slow.yaml, with: {limit: [1]}}\n");
  EXPECT_THAT(list, HasSubstr("conf/main.yaml:3:43: error: 'limit' becomes part of a text: it "
                              "can't be a list"));
  EXPECT_EQ(list.find("error"), list.rfind("error")) << list;
}

TEST_F(ConfigIncludeTest, AFileOfATextWithAVarIsLookedForBesideThatText) {
  environment_.files["/etc/heald/tell/tell.yaml"] =
      "vars: {who: a}\nnotifiers: {tell: {plugin: slack, inputs: [slow_restart], config: "
      "{webhook_url: \"${file:${var.who}}\"}}}\n";
  environment_.files["/etc/heald/tell/b"] = "https://hooks.example/1\n";
  const PipelineSpec spec =
      Good("version: 1\ninclude: [packs/slow.yaml, {file: tell/tell.yaml, with: {who: b}}]\n");
  ASSERT_NE(spec.FindNode("tell"), nullptr);
  EXPECT_EQ(*spec.FindNode("tell")->config.Find("webhook_url")->AsString(),
            "https://hooks.example/1");
}

TEST_F(ConfigIncludeTest, OneMistakeInAnIncludeGivesOneMessage) {
  const std::string uses =
      "policies: {mine: {inputs: [slow_now], action: slow_again, mode: shadow}}\n";
  const std::string none = Bad("version: 1\ninclude: [packs/none.yaml]\n" + uses);
  EXPECT_EQ(none.find("error"), none.rfind("error")) << none;
  environment_.files["/etc/heald/packs/none.yaml"] = "policies: [\n";
  const std::string broken = Bad("version: 1\ninclude: [packs/none.yaml]\n" + uses);
  EXPECT_EQ(broken.find("error"), broken.rfind("error")) << broken;
  const std::string unknown =
      Bad("version: 1\ninclude:\n  - {file: packs/slow.yaml, override: {policies: {slow_restrat: "
          "{mode: approve}}}}\n");
  EXPECT_EQ(unknown.find("error"), unknown.rfind("error")) << unknown;
}

TEST_F(ConfigIncludeTest, NamesThatTwoFilesShareAreRefusedWithBothPlaces) {
  environment_.files["/etc/heald/packs/other.yaml"] = "actions:\n  slow_again: {plugin: alert}\n";
  EXPECT_THAT(Bad("version: 1\ninclude: [packs/slow.yaml, packs/other.yaml]\n"),
              HasSubstr("conf/packs/other.yaml:2:3: error: 'slow_again' is among the actions of "
                        "conf/packs/slow.yaml:22 already"));
  EXPECT_THAT(Bad("version: 1\ninclude: [packs/slow.yaml]\nactions:\n  slow_again: {plugin: "
                  "alert}\n"),
              HasSubstr("conf/main.yaml:4:3: error: 'slow_again' is among the actions of"));
  // As for one name in two sections.
  environment_.files["/etc/heald/packs/other.yaml"] = "actions:\n  slow_now: {plugin: alert}\n";
  const std::string text = Bad("version: 1\ninclude: [packs/slow.yaml, packs/other.yaml]\n");
  EXPECT_THAT(text, HasSubstr("slow_now"));
}

TEST_F(ConfigIncludeTest, WhatTheFileHasNotCantBeSetOrOverridden) {
  EXPECT_THAT(Bad("version: 1\ninclude:\n  - {file: packs/slow.yaml, with: {moed: x}}\n"),
              testing::AllOf(HasSubstr("conf/main.yaml:3:36: error: the included file has no var "
                                       "'moed'"),
                             HasSubstr("did you mean 'mode'?")));
  EXPECT_THAT(Bad("version: 1\ninclude:\n  - {file: packs/slow.yaml, override: {policies: "
                  "{slow_restrat: {mode: approve}}}}\n"),
              testing::AllOf(HasSubstr("there is no 'slow_restrat' among the policies of "
                                       "'packs/slow.yaml'"),
                             HasSubstr("did you mean 'slow_restart'?")));
  EXPECT_THAT(Bad("version: 1\ninclude:\n  - {file: packs/slow.yaml, override: {agent: {}}}\n"),
              HasSubstr("'agent' can't be overridden"));
  EXPECT_THAT(Bad("version: 1\ninclude:\n  - {file: packs/slow.yaml, overide: {}}\n"),
              HasSubstr("unknown key 'overide' in an include"));
}

TEST_F(ConfigIncludeTest, AVarThatIsMissingIsNamed) {
  EXPECT_THAT(Bad("version: 1\nvars: {url: x}\nsources:\n  s: {plugin: prometheus, config: {url: "
                  "\"http://${var.urll}\"}}\n"),
              testing::AllOf(HasSubstr("conf/main.yaml:4:49: error: there is no var 'urll'"),
                             HasSubstr("did you mean 'url'?"),
                             testing::Not(HasSubstr("unknown placeholder"))));
  EXPECT_THAT(Bad("version: 1\nvars: {url: }\nsources:\n  s: {plugin: prometheus, config: {url: "
                  "\"${var.url}\"}}\n"),
              HasSubstr("the var 'url' has no value"));
  EXPECT_THAT(Bad("version: 1\nvars: {url: [a]}\nsources:\n  s: {plugin: prometheus, config: {url: "
                  "\"x${var.url}\"}}\n"),
              HasSubstr("this var is a list, which can't be part of a text"));
}

TEST_F(ConfigIncludeTest, WhatCantBeIncludedIsToldAtItsName) {
  EXPECT_THAT(Bad("version: 1\ninclude: [packs/none.yaml]\n"),
              HasSubstr("conf/main.yaml:2:11: error: 'conf/packs/none.yaml' can't be included: no "
                        "such file"));
  environment_.files["/etc/heald/a.yaml"] = "include: [b.yaml]\n";
  environment_.files["/etc/heald/b.yaml"] = "include: [a.yaml]\n";
  EXPECT_THAT(Bad("version: 1\ninclude: [a.yaml]\n"),
              HasSubstr("conf/b.yaml:1:11: error: 'conf/a.yaml' includes itself"));
  environment_.files["/etc/heald/a.yaml"] = "policies: [\n";
  EXPECT_THAT(Bad("version: 1\ninclude: [a.yaml]\n"), HasSubstr("conf/a.yaml:1:"));
  environment_.files["/etc/heald/a.yaml"] = "";
  EXPECT_THAT(Bad("version: 1\ninclude: [a.yaml]\n"),
              HasSubstr("conf/a.yaml: error: the file is empty"));
  EXPECT_THAT(Bad("version: 1\ninclude: a.yaml\n"), HasSubstr("'include' must be a list"));
  EXPECT_THAT(Bad("version: 1\ninclude: [{with: {}}]\n"),
              HasSubstr("an include needs the name of a file"));
}

TEST_F(ConfigIncludeTest, OfTheAgentTheFileThatIsRunSpeaksAndIncludedOnesAgree) {
  environment_.files["/etc/heald/a.yaml"] = "agent: {group_by: [pod]}\n";
  environment_.files["/etc/heald/b.yaml"] = "agent: {group_by: [node]}\n";
  const std::string includes = "version: 1\ninclude: [packs/slow.yaml, a.yaml, b.yaml]\n";
  EXPECT_THAT(Bad(includes), HasSubstr("conf/b.yaml:1:9: error: 'agent: group_by' is another one "
                                       "than in conf/a.yaml:1"));
  EXPECT_THAT(Good(includes + "agent: {group_by: [service]}\n").agent.group_by,
              ElementsAre("service"));
  environment_.files["/etc/heald/b.yaml"] = "agent: {group_by: [pod]}\n";
  EXPECT_THAT(Good(includes).agent.group_by, ElementsAre("pod"));
}

TEST_F(ConfigIncludeTest, TheSchemaForEditorsKnowsThem) {
  const auto schema = nlohmann::json::parse(PipelineJsonSchema(catalog_));
  EXPECT_TRUE(schema["properties"].contains("vars"));
  EXPECT_EQ(schema["properties"]["include"]["type"], "array");
}

}  // namespace
}  // namespace heald
