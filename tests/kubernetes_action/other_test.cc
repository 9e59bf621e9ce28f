// delete_job, patch, what the config may say, the table of rights, and the recorded requests.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "plugins/support/json_at.h"
#include "tests/fakes/problems.h"
#include "tests/kubernetes_action/fixture.h"

namespace heald::kubernetes::testing {
namespace {

using fakes::ProblemsIn;
using sdk::Effect;
using sdk::EffectState;
using support::At;
using support::Text;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DeleteJobTest : public ActionTest {
 protected:
  void AddJob(bool failed) {
    Json job = {{"apiVersion", "batch/v1"},
                {"kind", "Job"},
                {"metadata", {{"name", "report"}, {"namespace", "prod"}}},
                {"spec",
                 {{"template",
                   {{"spec",
                     {{"restartPolicy", "Never"},
                      {"containers", Json::array({{{"name", "a"}, {"image", "b:1"}}})}}}}}}}};
    server_.Create(job);
    server_.Settle();
    if (failed)
      server_.Patch("Job", "prod", "report",
                    {{"status",
                      {{"conditions", Json::array({{{"type", "Failed"},
                                                    {"status", "True"},
                                                    {"reason", "BackoffLimitExceeded"}}})}}}});
  }
};

TEST_F(DeleteJobTest, DeletesAFailedJobAndNoOther) {
  const Config config = For(Operation::kDeleteJob);
  const sdk::Request request = Request({{"namespace", "prod"}, {"job_name", "report"}});
  AddJob(false);
  EXPECT_THAT(PlanFailure(config, request).what(), HasSubstr("hasn't failed"));
  server_.Delete("Job", "prod", "report");
  server_.WaitUntil([&] { return !server_.Get("Job", "prod", "report"); });
  AddJob(true);
  const sdk::Plan plan = PlanOf(config, request);
  EXPECT_THAT(plan.summary, HasSubstr("delete Job prod/report and its pods"));
  EXPECT_FALSE(plan.reversible);
  EXPECT_EQ(action(config).DryRun(request, plan, config).state, EffectState::kDone);
  EXPECT_EQ(action(config).Observe(request, plan, config).state, EffectState::kAbsent);
  EXPECT_EQ(Do(plan, config, request).state, EffectState::kDone);
  EXPECT_FALSE(server_.Get("Job", "prod", "report").has_value());
  EXPECT_EQ(FailureOf([&] { action(config).Execute(request, plan, config); }).code(),
            HEALD_CONFLICT);
}

class PatchTest : public ActionTest {
 protected:
  PatchTest() {
    server_.Create({{"apiVersion", "v1"},
                    {"kind", "ConfigMap"},
                    {"metadata", {{"name", "features"}, {"namespace", "prod"}}},
                    {"data", {{"recommendations", "on"}, {"search", "on"}}}});
    config_.resource = "v1/configmaps";
    config_.namespace_name = "prod";
    config_.name = "features";
    config_.patch_type = PatchType::kMerge;
    config_.patch = R"({"data": {"recommendations": "off", "banner": "sorry"}})";
  }
  Json Data() const { return At(Get("ConfigMap", "features"), "/data"); }
  Config config_ = For(Operation::kPatch);
  const sdk::Request request_ = Request({});
};

TEST_F(PatchTest, PatchesOnceAndGivesTheFormerValuesBack) {
  const sdk::Plan plan = PlanOf(config_, request_);
  EXPECT_THAT(plan.summary, HasSubstr("patch ConfigMap prod/features"));
  EXPECT_TRUE(plan.reversible);
  EXPECT_EQ(action(config_).DryRun(request_, plan, config_).state, EffectState::kDone);
  EXPECT_EQ(action(config_).Observe(request_, plan, config_).state, EffectState::kAbsent);
  EXPECT_EQ(Do(plan, config_, request_).state, EffectState::kDone);
  EXPECT_EQ(Data(), Json({{"recommendations", "off"}, {"search", "on"}, {"banner", "sorry"}}));
  Restart();
  EXPECT_EQ(action(config_).Observe(request_, plan, config_).state, EffectState::kDone);
  EXPECT_EQ(action(config_).Undo(request_, plan, config_).state, EffectState::kDone);
  EXPECT_EQ(Data(), Json({{"recommendations", "on"}, {"search", "on"}}));
}

TEST_F(PatchTest, WhatOthersHaveSetSinceIsTheirs) {
  const sdk::Plan plan = PlanOf(config_, request_);
  Do(plan, config_, request_);
  server_.Patch("ConfigMap", "prod", "features", {{"data", {{"recommendations", "some"}}}});
  EXPECT_THAT(action(config_).Undo(request_, plan, config_).detail,
              HasSubstr("but for what others have set since: /data/recommendations"));
  EXPECT_EQ(Data(), Json({{"recommendations", "some"}, {"search", "on"}}));
  EXPECT_EQ(action(config_).Observe(request_, plan, config_).state, EffectState::kAbsent);
}

TEST_F(PatchTest, WhatWasChangedSinceThePlanIsLeftAlone) {
  const sdk::Plan plan = PlanOf(config_, request_);
  server_.Patch("ConfigMap", "prod", "features", {{"data", {{"recommendations", "some"}}}});
  EXPECT_EQ(FailureOf([&] { action(config_).Execute(request_, plan, config_); }).code(),
            HEALD_CONFLICT);
}

TEST_F(PatchTest, AListOfOperationsCantBeTakenBack) {
  config_.patch_type = PatchType::kJson;
  config_.patch = R"([{"op": "remove", "path": "/data/search"}])";
  const sdk::Plan plan = PlanOf(config_, request_);
  EXPECT_FALSE(plan.reversible);
  EXPECT_EQ(Do(plan, config_, request_).state, EffectState::kDone);
  EXPECT_EQ(Data(), Json({{"recommendations", "on"}}));
}

// ---- the config

Config OfOperation(Operation operation) {
  Config config;
  config.operation = operation;
  config.api_server = "https://127.0.0.1:6443";
  config.bearer_token = "t";
  return config;
}

TEST(KubernetesConfigTest, NoTargetAtAllMeansTheLabels) {
  for (const Operation operation :
       {Operation::kRestartPod, Operation::kDrain, Operation::kScaleOut, Operation::kDeleteJob})
    EXPECT_THAT(ProblemsIn<KubernetesAction>(OfOperation(operation)), IsEmpty());
}

TEST(KubernetesConfigTest, KeysOfOtherOperationsAreRefused) {
  Config config = OfOperation(Operation::kCordon);
  config.deployment = "web";
  config.scale_up_by = 2;
  EXPECT_THAT(ProblemsIn<KubernetesAction>(config),
              ElementsAre("/deployment: only with operation: rolling_restart, rollback, scale_out",
                          "/scale_up_by: only with operation: scale_out"));
}

TEST(KubernetesConfigTest, LimitsOfOtherOperationsAreRefused) {
  Config config = OfOperation(Operation::kDrain);
  config.ready_within = sdk::Minutes(1);
  config.stable_for = {};
  config.max_revisions_back = 2;
  config.max_replicas = 3;
  config.max_age = {};
  EXPECT_THAT(
      ProblemsIn<KubernetesAction>(config),
      ElementsAre(HasSubstr("/ready_within: only with operation: restart_pod"),
                  HasSubstr("/stable_for: only with operation: restart_pod, rolling_restart"),
                  "/max_revisions_back: only with operation: rollback",
                  "/max_age: only with operation: rollback",
                  "/max_replicas: only with operation: scale_out"));
}

TEST(KubernetesConfigTest, OneTargetAndOneWayToScale) {
  Config config = OfOperation(Operation::kScaleOut);
  config.deployment = "web";
  config.hpa = "web";
  config.scale_up_by = 2;
  config.scale_up_percent = 50;
  EXPECT_THAT(ProblemsIn<KubernetesAction>(config),
              ElementsAre(HasSubstr("more than one target: deployment, hpa"),
                          HasSubstr("/scale_up_by: give scale_up_percent or scale_up_by")));
}

TEST(KubernetesConfigTest, APatchMustBeOne) {
  Config config = OfOperation(Operation::kPatch);
  config.patch = "{";
  EXPECT_THAT(
      ProblemsIn<KubernetesAction>(config),
      ElementsAre(HasSubstr("/resource"), HasSubstr("/name"), "/patch: the patch isn't JSON"));
  config.resource = "v1/configmaps";
  config.name = "a";
  config.patch = "[]";
  EXPECT_THAT(ProblemsIn<KubernetesAction>(config),
              ElementsAre(HasSubstr("needs patch_type: json")));
}

// ---- the table of rights

TEST(KubernetesRbacTest, TheSchemaCarriesWhatTheReadmeSays) {
  const Json schema = Json::parse(sdk::ConfigSchema<Config>());
  ASSERT_EQ(schema.at("/x-rbac/key"_json_pointer), "operation");
  std::ifstream file(std::filesystem::path(HEALD_SOURCE_DIR) /
                     "plugins/actions/kubernetes/README.md");
  std::stringstream readme;
  readme << file.rdbuf();
  const auto words = [](const Json& list) {
    std::string text;
    for (const Json& word : list) text += (text.empty() ? "" : ", ") + word.get<std::string>();
    return text;
  };
  for (const auto& [operation, rules] : schema.at("x-rbac").at("rules").items())
    for (const Json& rule : rules) {
      std::string row = "| `" + operation + "` | ";
      if (rule.contains("resources")) {
        const std::string group = rule["apiGroups"][0];
        row += (group.empty() ? "core" : group) + " | " + words(rule["resources"]);
      } else {
        row += "of `resource` | of `resource`";
      }
      row += " | " + words(rule["verbs"]) + " | " +
             (rule.contains("namespace") ? "`" + rule["namespace"].get<std::string>() + "`"
                                         : rule["scope"].get<std::string>()) +
             " |";
      EXPECT_THAT(readme.str(), HasSubstr(row + "\n"));
    }
}

// ---- a real server's recordings

class TranscriptTest : public ActionTest {
 protected:
  // The first recorded request of this method and path whose body is accepted.
  static Json Recorded(const std::string& file, const std::string& method,
                       const std::string& path) {
    const char* const named = std::getenv("HEALD_SHARED");
    const std::filesystem::path shared =
        named != nullptr ? std::filesystem::path(named)
                         : std::filesystem::path(HEALD_SOURCE_DIR) / ".." / "shared";
    std::ifstream in(shared / "transcripts" / "k8s" / file);
    if (!in) return nullptr;
    const Json scenario = Json::parse(in);
    for (const Json& exchange : scenario.at("exchanges"))
      if (exchange.at("method") == method && exchange.at("path") == path &&
          exchange.at("status").get<int>() < 300)
        return exchange;
    return nullptr;
  }
  // What the action sent to that path, not as a dry run.
  fakes::FakeRequest Sent(const std::string& method, const std::string& path) const {
    for (const fakes::FakeRequest& request : server_.requests())
      if (request.method == method && request.path == path &&
          request.query.find("dryRun") == std::string::npos)
        return request;
    ADD_FAILURE() << "nothing sent to " << path;
    return {};
  }
};

TEST_F(TranscriptTest, ARollingRestartIsThePatchThatWasRecorded) {
  const std::string path = "/apis/apps/v1/namespaces/prod/deployments/web";
  const Json recorded = Recorded("02-restart-deployment.json", "PATCH", path);
  if (recorded.is_null()) GTEST_SKIP() << "no ../shared/transcripts";
  Deploy("web", 3);
  const Config config = For(Operation::kRollingRestart);
  const sdk::Request request = Request({{"namespace", "prod"}, {"deployment", "web"}});
  action(config).Execute(request, PlanOf(config, request), config);
  const fakes::FakeRequest sent = Sent("PATCH", path);
  const char* const at = "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt";
  Json ours = Json::parse(sent.body);
  Json theirs = Json::parse(recorded.at("request_body").get<std::string>());
  EXPECT_EQ(Text(ours, at).size(), Text(theirs, at).size());
  ours[Json::json_pointer(at)] = theirs[Json::json_pointer(at)];
  EXPECT_EQ(ours, theirs);
  EXPECT_EQ(sent.Header("content-type"),
            recorded.at("request_headers").at("Content-Type").get<std::string>());
  EXPECT_THAT(sent.query, HasSubstr("fieldManager=heald"));
}

TEST_F(TranscriptTest, ARollbackReplacesTheTemplateAsRecorded) {
  const std::string path = "/apis/apps/v1/namespaces/prod/deployments/web";
  const Json recorded = Recorded("04-undo.json", "PATCH", path);
  if (recorded.is_null()) GTEST_SKIP() << "no ../shared/transcripts";
  Deploy("web", 3);
  Rollout("web", "nginx:broken");
  const Config config = For(Operation::kRollback);
  const sdk::Request request = Request({{"namespace", "prod"}, {"deployment", "web"}});
  action(config).Execute(request, PlanOf(config, request), config);
  const fakes::FakeRequest sent = Sent("PATCH", path);
  EXPECT_EQ(sent.Header("content-type"),
            recorded.at("request_headers").at("Content-Type").get<std::string>());
  const Json ours = Json::parse(sent.body);
  const Json theirs = Json::parse(recorded.at("request_body").get<std::string>());
  ASSERT_GE(ours.size(), 2U);
  EXPECT_EQ(ours[0]["op"], "test");
  EXPECT_EQ(ours[0]["path"], "/metadata/resourceVersion");
  EXPECT_EQ(ours[1]["op"], theirs[0]["op"]);
  EXPECT_EQ(ours[1]["path"], theirs[0]["path"]);
  const auto keys = [](const Json& object) {
    std::vector<std::string> names;
    for (const auto& [name, value] : object.items()) names.push_back(name);
    return names;
  };
  EXPECT_THAT(keys(theirs[0]["value"]), Contains("spec"));
  EXPECT_EQ(keys(ours[1]["value"]), keys(theirs[0]["value"]));
}

TEST_F(TranscriptTest, AnEvictionIsTheOneThatWasRecordedWithTheUid) {
  const Json recorded = Recorded("05-evict.json", "POST",
                                 "/api/v1/namespaces/prod/pods/web-869fd86654-47qn4/eviction");
  if (recorded.is_null()) GTEST_SKIP() << "no ../shared/transcripts";
  Deploy("web", 2);
  const Config config = For(Operation::kRestartPod);
  const Json pod = PodOf("web");
  const sdk::Request request = Request({{"namespace", "prod"}, {"pod", NameOf(pod)}});
  action(config).Execute(request, PlanOf(config, request), config);
  Json ours =
      Json::parse(Sent("POST", "/api/v1/namespaces/prod/pods/" + NameOf(pod) + "/eviction").body);
  EXPECT_EQ(Text(ours, "/deleteOptions/preconditions/uid"), UidOf(pod));
  ours.erase("deleteOptions");
  Json theirs = Json::parse(recorded.at("request_body").get<std::string>());
  theirs["metadata"]["name"] = NameOf(pod);
  EXPECT_EQ(ours, theirs);
}

TEST_F(TranscriptTest, ACordonIsTheRecordedPatchWithItsOwner) {
  const Json recorded = Recorded("06-node.json", "PATCH", "/api/v1/nodes/node-1");
  if (recorded.is_null()) GTEST_SKIP() << "no ../shared/transcripts";
  const Config config = For(Operation::kCordon);
  const sdk::Request request = Request({{"node", "node-1"}});
  action(config).Execute(request, PlanOf(config, request), config);
  const fakes::FakeRequest sent = Sent("PATCH", "/api/v1/nodes/node-1");
  EXPECT_EQ(sent.Header("content-type"),
            recorded.at("request_headers").at("Content-Type").get<std::string>());
  Json ours = Json::parse(sent.body);
  ours.erase("metadata");
  EXPECT_EQ(ours, Json::parse(recorded.at("request_body").get<std::string>()));
}

}  // namespace
}  // namespace heald::kubernetes::testing
