#include "tests/kubernetes_action/fixture.h"

#include <chrono>
#include <map>
#include <thread>

#include "plugins/support/json_at.h"

namespace heald::kubernetes::testing {

using sdk::Effect;
using sdk::EffectState;
using support::Text;

std::string NameOf(const Json& object) {
  return Text(object, "/metadata/name");
}
std::string UidOf(const Json& object) {
  return Text(object, "/metadata/uid");
}

Config ActionTest::For(Operation operation) {
  Config config;
  config.operation = operation;
  config.api_server = server_.url();
  config.bearer_token = "agent";
  config.stable_for = {};
  config.eviction_retry = sdk::Milliseconds(100);
  const Json table = Json::parse(RbacJson());
  std::map<std::string, Json> rules;  // by namespace
  for (Json rule : table.at("rules").at(kOperationWords[static_cast<size_t>(operation)])) {
    const std::string space = rule.value("namespace", "");
    for (const char* key : {"scope", "namespace", "enabled_by", "without_namespace"})
      rule.erase(key);
    // Of `patch`: what the tests patch.
    if (!rule.contains("resources")) {
      rule["apiGroups"] = {"", "apps"};
      rule["resources"] = {"configmaps", "deployments"};
    }
    rules[space].push_back(rule);
  }
  const std::string name = "heald-" + std::to_string(static_cast<int>(operation));
  for (const auto& [space, granted] : rules) Grant(name, space, granted);
  server_.UseRbac();
  return config;
}

void ActionTest::Grant(const std::string& name, const std::string& space, const Json& rules) {
  const std::string kind = space.empty() ? "ClusterRole" : "Role";
  if (server_.Get(kind, space, name)) return;
  const std::string api = "rbac.authorization.k8s.io";
  Json role = {{"apiVersion", api + "/v1"},
               {"kind", kind},
               {"metadata", {{"name", name}}},
               {"rules", rules}};
  Json binding = {{"apiVersion", api + "/v1"},
                  {"kind", kind + "Binding"},
                  {"metadata", {{"name", name}}},
                  {"subjects", Json::array({{{"kind", "User"}, {"name", "agent"}}})},
                  {"roleRef", {{"apiGroup", api}, {"kind", kind}, {"name", name}}}};
  for (Json* const object : {&role, &binding}) {
    if (!space.empty()) (*object)["metadata"]["namespace"] = space;
    server_.Create(*object);
  }
}

KubernetesAction& ActionTest::action(const Config& config) {
  if (action_ == nullptr) action_ = std::make_unique<KubernetesAction>(host_.host(), config);
  return *action_;
}

sdk::Request ActionTest::Request(sdk::LabelSet target) const {
  sdk::Request request;
  request.decision = "4c1f00d2";
  request.policy = "heal";
  request.incident = 7;
  request.target = std::move(target);
  request.deadline_ns = host_.now_ns() + sdk::Seconds(60).ns;
  return request;
}

sdk::Plan ActionTest::PlanOf(const Config& config, const sdk::Request& request) {
  return action(config).MakePlan(request, config);
}

Effect ActionTest::Settled(const sdk::Plan& plan, const Config& config,
                           const sdk::Request& request) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (;;) {
    const Effect effect = action(config).Observe(request, plan, config);
    const bool open = effect.state == EffectState::kPending || effect.state == EffectState::kAbsent;
    if (!open || std::chrono::steady_clock::now() > until) return effect;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

Effect ActionTest::Do(const sdk::Plan& plan, const Config& config, const sdk::Request& request) {
  const Effect effect = action(config).Execute(request, plan, config);
  return effect.state == EffectState::kPending ? Settled(plan, config, request) : effect;
}

sdk::Failure ActionTest::FailureOf(const std::function<void()>& call) {
  try {
    call();
    ADD_FAILURE() << "it didn't fail";
  } catch (const sdk::Failure& failure) {
    return failure;
  }
  return {HEALD_OK, ""};
}

sdk::Failure ActionTest::PlanFailure(const Config& config, const sdk::Request& request) {
  return FailureOf([&] {
    const sdk::Plan plan = PlanOf(config, request);
    ADD_FAILURE() << "planned: " << plan.summary;
  });
}

std::vector<std::string> ActionTest::EventsOn(const std::string& name) const {
  std::vector<std::string> reasons;
  for (const Json& event : server_.List("Event"))
    if (Text(event, "/involvedObject/name") == name) reasons.push_back(Text(event, "/reason"));
  return reasons;
}

Json ActionTest::PodOf(const std::string& app, const std::string& space) const {
  const std::vector<Json> pods = server_.List("Pod", space, "app=" + app);
  return pods.empty() ? Json::object() : pods.front();
}

Json ActionTest::Get(const std::string& kind, const std::string& name) const {
  return server_.Get(kind, kind == "Node" ? "" : "prod", name).value_or(Json::object());
}

void ActionTest::AddBudget(const std::string& app, const Json& spec) {
  Json budget = {{"apiVersion", "policy/v1"},
                 {"kind", "PodDisruptionBudget"},
                 {"metadata", {{"name", app}, {"namespace", "prod"}}},
                 {"spec", {{"selector", {{"matchLabels", {{"app", app}}}}}}}};
  budget["spec"].update(spec);
  server_.Create(budget);
  ASSERT_TRUE(server_.WaitUntil([&] {
    return Get("PodDisruptionBudget", app).contains("/status/expectedPods"_json_pointer);
  }));
  ASSERT_TRUE(server_.Settle());
}

void ActionTest::Deploy(const std::string& name, int replicas, const Json& spec) {
  server_.Deploy("prod", name, replicas, "nginx:1.25", spec);
  ASSERT_TRUE(server_.WaitUntil([&] {
    return Get("Deployment", name).value("/status/availableReplicas"_json_pointer, 0) == replicas;
  }));
  ASSERT_TRUE(server_.Settle());
}

void ActionTest::Scale(const std::string& name, int replicas) {
  server_.Patch("Deployment", "prod", name, {{"spec", {{"replicas", replicas}}}});
  ASSERT_TRUE(server_.WaitUntil([&] {
    return Get("Deployment", name).value("/status/availableReplicas"_json_pointer, 0) == replicas;
  }));
  ASSERT_TRUE(server_.Settle());
}

void ActionTest::Rollout(const std::string& name, const std::string& image) {
  server_.Patch(
      "Deployment", "prod", name,
      {{"spec",
        {{"template",
          {{"spec", {{"containers", Json::array({{{"name", "main"}, {"image", image}}})}}}}}}}});
  ASSERT_TRUE(server_.WaitUntil([&] {
    const Json now = Get("Deployment", name);
    return now["status"]["observedGeneration"] == now["metadata"]["generation"];
  }));
  ASSERT_TRUE(server_.Settle());
}

namespace {

Json Sets(const std::string& kind, const std::string& name) {
  const Json labels = {{"app", name}};
  return {{"apiVersion", "apps/v1"},
          {"kind", kind},
          {"metadata", {{"name", name}, {"namespace", "prod"}, {"labels", labels}}},
          {"spec",
           {{"selector", {{"matchLabels", labels}}},
            {"template",
             {{"metadata", {{"labels", labels}}},
              {"spec",
               {{"terminationGracePeriodSeconds", 1},
                {"containers", Json::array({{{"name", "main"}, {"image", "pg:1"}}})}}}}}}}};
}

}  // namespace

void ActionTest::AddStatefulSet(const std::string& name, int replicas) {
  Json set = Sets("StatefulSet", name);
  set["spec"]["serviceName"] = name;
  set["spec"]["replicas"] = replicas;
  server_.Create(set);
  ASSERT_TRUE(server_.WaitUntil([&] {
    return Get("StatefulSet", name).value("/status/readyReplicas"_json_pointer, 0) == replicas;
  }));
  ASSERT_TRUE(server_.Settle());
}

void ActionTest::AddDaemonSet(const std::string& name) {
  server_.Create(Sets("DaemonSet", name));
  ASSERT_TRUE(server_.WaitUntil(
      [&] { return Get("DaemonSet", name).value("/status/numberReady"_json_pointer, 0) == 3; }));
  ASSERT_TRUE(server_.Settle());
}

}  // namespace heald::kubernetes::testing
