#include "core/cli/rbac.h"

#include <gmock/gmock.h>

#include <deque>

namespace heald::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// A plugin that declares its rules by operation, one that always needs the same, one that needs
// none.
class RbacCatalog final : public Catalog {
 public:
  RbacCatalog() {
    Add(Kind::kAction, "cluster_action", R"json({"type": "object", "x-rbac": {
      "key": "operation", "resource_key": "resource",
      "rules": {
        "restart": [
          {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "get"], "scope": "namespace"},
          {"apiGroups": [""], "resources": ["pods/eviction"], "verbs": ["create"],
           "scope": "namespace"}],
        "drain": [
          {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "patch"], "scope": "cluster"},
          {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"], "scope": "cluster"}],
        "patch": [
          {"verbs": ["get", "patch"], "scope": "namespace"},
          {"apiGroups": [""], "resources": ["events"], "verbs": ["create"], "scope": "namespace",
           "enabled_by": "events", "without_namespace": "default"}]},
      "namespaced_resources": ["configmaps", "apps/deployments"],
      "cluster_resources": ["namespaces"]}})json");
    Add(Kind::kSource, "cluster_source", R"json({"type": "object", "x-rbac": {
      "namespace_key": "namespaces",
      "rules": {"*": [{"apiGroups": ["", "apps"], "resources": ["events"], "verbs": ["watch"],
                       "scope": "namespace"}]}}})json");
    Add(Kind::kSource, "watcher", R"json({"type": "object", "x-rbac": {
      "key": "resources", "namespace_key": "namespaces", "everywhere": true,
      "rules": {
        "pods": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"],
                  "scope": "namespace"}],
        "nodes": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "watch"],
                   "scope": "cluster"}]}}})json");
    Add(Kind::kAction, "teller", R"json({"type": "object", "x-rbac": {
      "rules": {"*": [{"apiGroups": [""], "resources": ["events"], "verbs": ["create"],
                       "scope": "namespace", "namespace": "default"}]}}})json");
    Add(Kind::kSource, "prometheus", R"({"type": "object"})");
    Add(Kind::kAction, "broken", R"({"type": "object", "x-rbac": {"key": "operation"}})");
  }
  const Component* Find(Kind kind, std::string_view name) const override {
    for (const Component& component : components_)
      if (component.kind == kind && component.name == name) return &component;
    return nullptr;
  }
  std::vector<const Component*> All() const override { return {}; }
  std::string LoadError(Kind, std::string_view) const override { return ""; }

 private:
  void Add(Kind kind, const std::string& name, const std::string& schema) {
    Component& component = components_.emplace_back();
    component.kind = kind;
    component.name = name;
    component.config_schema = schema;
  }
  std::deque<Component> components_;
};

class RbacTest : public ::testing::Test {
 protected:
  NodeSpec& Add(Kind kind, const std::string& name, const std::string& plugin, Value::Map config) {
    NodeSpec& node = spec_.nodes.emplace_back();
    node.kind = kind;
    node.name = name;
    node.plugin = plugin;
    node.config = Value(std::move(config));
    return node;
  }
  NodeSpec& Action(const std::string& name, Value::Map config) {
    return Add(Kind::kAction, name, "cluster_action", std::move(config));
  }
  std::string Text() {
    const Result<std::string> text = RbacManifests(spec_, RbacCatalog(), options_);
    return text ? *text : "error: " + text.error().message;
  }

  PipelineSpec spec_;
  RbacOptions options_;
};

TEST_F(RbacTest, NothingToDoInAClusterNeedsNothing) {
  Add(Kind::kSource, "prom", "prometheus", {});
  EXPECT_EQ(Text(),
            "# What the pipeline needs to be allowed, and nothing more; by `heald rbac`.\n"
            "# No other node of it talks to Kubernetes.\n"
            "---\n"
            "apiVersion: v1\n"
            "kind: ServiceAccount\n"
            "metadata:\n"
            "  name: heald\n"
            "  namespace: heald\n"
            "  labels:\n"
            "    app.kubernetes.io/name: heald\n");
}

TEST_F(RbacTest, RuleOfTheOperationBecomesAClusterRoleWithItsBinding) {
  Action("restart_pod", {{"operation", "restart"}});
  EXPECT_THAT(Text(), HasSubstr("kind: ClusterRole\n"
                                "metadata:\n"
                                "  name: heald\n"
                                "  labels:\n"
                                "    app.kubernetes.io/name: heald\n"
                                "rules:\n"
                                "  # for restart_pod\n"
                                "  - apiGroups: [\"\"]\n"
                                "    resources: [pods/eviction]\n"
                                "    verbs: [create]\n"
                                "  - apiGroups: [\"\"]\n"
                                "    resources: [pods]\n"
                                "    verbs: [get, list]\n"
                                "---\n"
                                "apiVersion: rbac.authorization.k8s.io/v1\n"
                                "kind: ClusterRoleBinding\n"));
  EXPECT_THAT(Text(), HasSubstr("roleRef:\n"
                                "  apiGroup: rbac.authorization.k8s.io\n"
                                "  kind: ClusterRole\n"
                                "  name: heald\n"
                                "subjects:\n"
                                "  - kind: ServiceAccount\n"
                                "    name: heald\n"
                                "    namespace: heald\n"));
  EXPECT_THAT(Text(), Not(HasSubstr("nodes")));
}

TEST_F(RbacTest, WhatHasNoNamespaceIsForAClusterRoleWhateverTheNamespaces) {
  options_.namespaces = {"shop"};
  Action("label", {{"operation", "patch"}, {"resource", "v1/namespaces"}, {"namespace", "shop"}});
  Action("tune", {{"operation", "patch"}, {"resource", "acme.io/v1/limits"}});
  Action("toggle", {{"operation", "patch"}, {"resource", "v1/configmaps"}, {"events", false}});
  Action("widen",
         {{"operation", "patch"}, {"resource", "acme.io/v1/pools"}, {"namespace", "${target.ns}"}});
  const std::string text = Text();
  const size_t role = text.find("kind: Role\n");
  const std::string cluster = text.substr(0, role);
  EXPECT_THAT(cluster, AllOf(HasSubstr("resources: [namespaces]"), HasSubstr("resources: [limits]"),
                             Not(HasSubstr("configmaps")), Not(HasSubstr("pools"))));
  const size_t shop = text.find("  namespace: shop\n", role);
  EXPECT_THAT(
      text.substr(role, shop - role),
      AllOf(HasSubstr("  namespace: default\n"),
            HasSubstr("# for label, tune\n  - apiGroups: [\"\"]\n    resources: [events]")));
  EXPECT_THAT(text.substr(shop),
              AllOf(HasSubstr("resources: [configmaps]"), HasSubstr("resources: [pools]"),
                    HasSubstr("# for widen\n  - apiGroups: [\"\"]\n    resources: [events]")))
      << "toggle writes none";
}

TEST_F(RbacTest, NamespacesBoundWhatMayBeTouched) {
  Action("restart_pod", {{"operation", "restart"}, {"namespace", "shop"}});
  Action("drain", {{"operation", "drain"}, {"namespace", "shop"}});
  Add(Kind::kSource, "events", "cluster_source", {{"namespaces", Value::List{"shop", "bank"}}});
  const std::string text = Text();
  EXPECT_THAT(text, AllOf(HasSubstr("kind: Role\nmetadata:\n  name: heald\n  namespace: shop\n"),
                          HasSubstr("kind: Role\nmetadata:\n  name: heald\n  namespace: bank\n"),
                          HasSubstr("kind: RoleBinding\nmetadata:\n  name: heald\n  namespace: bank"
                                    "\n"),
                          HasSubstr("    resources: [nodes]\n    verbs: [get, patch]\n")));
  // What has no namespace stays the cluster's.
  EXPECT_LT(text.find("resources: [nodes]"), text.find("kind: Role\n"));
}

TEST_F(RbacTest, NamespaceThatComesFromTheTargetIsEveryOneUnlessTold) {
  options_.agent_namespace = "ops";
  options_.name = "healer";
  Action("restart_pod", {{"operation", "restart"}, {"namespace", "${target.namespace}"}});
  EXPECT_THAT(Text(), HasSubstr("kind: ClusterRole\n"));
  options_.namespaces = {"shop", "bank"};
  EXPECT_THAT(Text(), AllOf(Not(HasSubstr("ClusterRole")), HasSubstr("  namespace: shop\n"),
                            HasSubstr("  namespace: bank\n"),
                            HasSubstr("    name: healer\n    namespace: ops\n")));
}

TEST_F(RbacTest, SharedRightsAreWrittenOnceAndNameWhoWantsThem) {
  Action("b", {{"operation", "restart"}});
  Action("a", {{"operation", "restart"}});
  Action("drain", {{"operation", "drain"}});
  const std::string text = Text();
  EXPECT_THAT(text, HasSubstr("  # for a, b\n  - apiGroups: [\"\"]\n    resources: [pods/evic"));
  EXPECT_THAT(text, HasSubstr("resources: [pods]\n    verbs: [get, list]"));
  EXPECT_THAT(text, HasSubstr("  # for a, b, drain\n  - apiGroups: [\"\"]\n    resources: [pods]"));
  EXPECT_EQ(text.find("resources: [pods]"), text.rfind("resources: [pods]"));
}

TEST_F(RbacTest, VerbThatFewerNodesWantNamesThoseAlone) {
  Action("a", {{"operation", "patch"}, {"resource", "v1/pods"}});
  Action("b", {{"operation", "restart"}});
  const std::string text = Text();
  EXPECT_THAT(text, AllOf(HasSubstr("  # for a\n  - apiGroups: [\"\"]\n    resources: [pods]\n"
                                    "    verbs: [patch]\n"),
                          HasSubstr("  # for a, b\n  - apiGroups: [\"\"]\n    resources: [pods]\n"
                                    "    verbs: [get]\n"),
                          HasSubstr("resources: [pods]\n    verbs: [list]\n")));
}

TEST_F(RbacTest, ListOfChoicesNeedsTheRulesOfEach) {
  Add(Kind::kSource, "c", "watcher",
      {{"resources", Value::List{"pods", "nodes"}}, {"namespaces", Value::List{"shop"}}});
  EXPECT_THAT(Text(), AllOf(HasSubstr("kind: ClusterRole\n"),
                            HasSubstr("resources: [nodes]\n    verbs: [list, watch]\n"),
                            HasSubstr("kind: Role\nmetadata:\n  name: heald\n  namespace: shop\n"),
                            HasSubstr("resources: [pods]\n    verbs: [list, watch]\n")));
}

TEST_F(RbacTest, WhatWatchesAllNamespacesIsNotBoundedByAnOption) {
  options_.namespaces = {"shop"};
  Add(Kind::kSource, "c", "watcher", {{"resources", Value::List{"pods"}}});
  Action("restart_pod", {{"operation", "restart"}});
  EXPECT_THAT(Text(), AllOf(HasSubstr("# Works in all namespaces, unless that key names them: "
                                      "source c (namespaces)\n"),
                            HasSubstr("kind: ClusterRole\n"), HasSubstr("  namespace: shop\n")));
}

TEST_F(RbacTest, RuleAboutOneNamespaceIsARoleThere) {
  Add(Kind::kAction, "tell", "teller", {});
  EXPECT_THAT(Text(), AllOf(HasSubstr("kind: Role\nmetadata:\n  name: heald\n  namespace: default"),
                            Not(HasSubstr("ClusterRole"))));
}

TEST_F(RbacTest, NamesThatKubernetesWouldRefuseAreRefused) {
  EXPECT_EQ(WhyNoRbacOptions(options_), "");
  options_.name = "heald.v2";
  EXPECT_EQ(WhyNoRbacOptions(options_), "");
  options_.name = "Bad Name";
  EXPECT_THAT(WhyNoRbacOptions(options_), HasSubstr("--name: 'Bad Name' is no name in Kubernetes"));
  options_.name = "heald";
  options_.namespaces = {"shop", "Bad_NS"};
  EXPECT_THAT(WhyNoRbacOptions(options_), HasSubstr("--namespace: 'Bad_NS'"));
  options_.namespaces = {std::string(64, 'a')};
  EXPECT_THAT(WhyNoRbacOptions(options_), HasSubstr("at most 63"));
  options_.namespaces = {};
  options_.agent_namespace = "a.b";
  EXPECT_THAT(WhyNoRbacOptions(options_), HasSubstr("--agent-namespace: 'a.b'"));
  Action("restart_pod", {{"operation", "restart"}, {"namespace", "Shop"}});
  EXPECT_THAT(Text(), HasSubstr("error: action restart_pod: namespace: 'Shop' is no name"));
}

// ---- what loading complains about

class RbacErrorsTest : public RbacTest {
 protected:
  // Is a mistake at this place one that keeps the rights from being told?
  bool Counts(const std::string& path, bool absent) {
    Diagnostic found;
    found.path = path;
    found.absent = absent;
    for (NodeSpec& node : spec_.nodes)
      node.path = (node.kind == Kind::kAction ? "/actions/" : "/sources/") + node.name;
    return !RbacErrors({found}, spec_, RbacCatalog()).empty();
  }
};

TEST_F(RbacErrorsTest, WhatOnlyTheAgentsMachineHasIsNotAskedFor) {
  Add(Kind::kSource, "prom", "prometheus", {});
  Action("act", {{"operation", "restart"}});
  Action("far", {{"operation", "drain"}, {"kubeconfig", "/etc/heald/far"}});
  EXPECT_FALSE(Counts("/agent/token", true));
  EXPECT_FALSE(Counts("/agent/tls/cert_file", false));
  EXPECT_FALSE(Counts("/policies/p/mode", true));
  EXPECT_FALSE(Counts("/sources/prom/config/bearer_token", true));
  EXPECT_FALSE(Counts("/actions/far/config/kubeconfig", false)) << "the file isn't here";
  EXPECT_FALSE(Counts("/actions/act/config/ready_within", true));
}

TEST_F(RbacErrorsTest, WhatARightDependsOnIsAskedFor) {
  Add(Kind::kSource, "c", "watcher", {});
  Action("act", {{"operation", "restart"}});
  EXPECT_TRUE(Counts("/actions/act/config/operation", true));
  EXPECT_TRUE(Counts("/actions/act/config/namespace", true));
  EXPECT_TRUE(Counts("/actions/act/config/kubeconfig", true));
  EXPECT_TRUE(Counts("/actions/act/enabled", true));
  EXPECT_TRUE(Counts("/actions/act/config/ready_within", false)) << "it is mistyped";
  EXPECT_TRUE(Counts("/sources/c/config/namespaces/0", true));
  EXPECT_TRUE(Counts("/agent/plugin_dirs/0", true));
  EXPECT_TRUE(Counts("", false)) << "no YAML, an include that isn't there";
}

TEST_F(RbacTest, PatchedResourceIsReadFromItsConfig) {
  Action("a", {{"operation", "patch"}, {"resource", "apps/v1/deployments/scale"}});
  EXPECT_THAT(Text(), HasSubstr("apiGroups: [apps]\n    resources: [deployments/scale]\n"
                                "    verbs: [get, patch]"));
  spec_.nodes.clear();
  Action("b", {{"operation", "patch"}, {"resource", "v1/configmaps"}});
  EXPECT_THAT(Text(), HasSubstr("apiGroups: [\"\"]\n    resources: [configmaps]\n"));
  spec_.nodes.clear();
  Action("c", {{"operation", "patch"}, {"resource", "${target.kind}"}});
  EXPECT_THAT(Text(), HasSubstr("error: action c: what it may need can't be told from resource: "
                                "'${target.kind}': write it out"));
}

TEST_F(RbacTest, NodesWithOtherCredentialsAndDisabledOnesAreLeftOut) {
  Action("far", {{"operation", "drain"}, {"kubeconfig", "/etc/heald/far"}});
  Action("off", {{"operation", "restart"}}).enabled = false;
  EXPECT_THAT(Text(), AllOf(HasSubstr("# Left out, as it has credentials of its own: action far "
                                      "(kubeconfig)\n"),
                            HasSubstr("# No other node"), Not(HasSubstr("Role"))));
}

TEST_F(RbacTest, RulesAlsoComeAsValuesOfTheChart) {
  options_.format = "helm";
  EXPECT_THAT(Text(), HasSubstr("rbac:\n  clusterRules: []\n  namespaceRules: {}\n"));
  Action("drain", {{"operation", "drain"}});
  Action("restart_pod", {{"operation", "restart"}, {"namespace", "shop"}});
  EXPECT_THAT(Text(), AllOf(HasSubstr("rbac:\n"
                                      "  clusterRules:\n"
                                      "    # for drain\n"
                                      "    - apiGroups: [\"\"]\n"
                                      "      resources: [pods]\n"
                                      "      verbs: [get, list]\n"),
                            HasSubstr("  namespaceRules:\n"
                                      "    shop:\n"
                                      "      # for restart_pod\n"),
                            Not(HasSubstr("kind:"))));
}

TEST_F(RbacTest, PluginThatDeclaresNonsenseIsNamed) {
  Add(Kind::kAction, "a", "broken", {{"operation", "x"}});
  EXPECT_THAT(Text(), HasSubstr("error: the x-rbac of plugin broken can't be read"));
}

}  // namespace
}  // namespace heald::cli
