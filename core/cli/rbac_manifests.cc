#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <utility>

#include "core/cli/rbac.h"

namespace heald::cli {
namespace {

using nlohmann::json;

// Everywhere: no namespace.
constexpr const char* kCluster = "";

// What may be done to one resource, and which nodes want it.
struct Grant {
  std::set<std::string> verbs;
  std::set<std::string> nodes;
};
using Resource = std::pair<std::string, std::string>;  // API group, "pods/eviction"
using Grants = std::map<Resource, Grant>;

struct Wanted {
  std::map<std::string, Grants> by_namespace;  // kCluster: a ClusterRole
  std::vector<std::string> left_out;           // nodes with credentials of their own
};

std::string TextOf(const NodeSpec& node, const std::string& key) {
  const Value* value = key.empty() ? nullptr : node.config.Find(key);
  const std::string* text = value == nullptr ? nullptr : value->AsString();
  return text == nullptr ? "" : *text;
}

std::string TextOf(const json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get<std::string>() : "";
}

// Fixed ones only: a placeholder may become any.
std::vector<std::string> NamespacesOf(const NodeSpec& node, const std::string& key,
                                      const RbacOptions& options) {
  std::vector<std::string> found;
  const Value* value = node.config.Find(key.empty() ? "namespace" : key);
  if (value != nullptr && value->AsString() != nullptr) found = {*value->AsString()};
  if (value != nullptr && value->AsList() != nullptr)
    for (const Value& item : *value->AsList())
      if (item.AsString() != nullptr) found.push_back(*item.AsString());
  std::erase(found, "");
  const bool fixed =
      !found.empty() && std::none_of(found.begin(), found.end(), [](const std::string& name) {
        return name.find("${") != std::string::npos;
      });
  if (fixed) return found;
  return options.namespaces.empty() ? std::vector<std::string>{kCluster} : options.namespaces;
}

// "apps/v1/deployments" is {"apps", "deployments"}, "v1/configmaps" of the core group.
Result<Resource> ResourceOf(const NodeSpec& node, const std::string& key) {
  const std::string text = TextOf(node, key);
  const size_t first = text.find('/');
  const size_t second = first == std::string::npos ? first : text.find('/', first + 1);
  if (text.empty() || first == std::string::npos || text.find("${") != std::string::npos)
    return MakeError(Code::kInvalid, std::string(ToString(node.kind)) + " " + node.name +
                                         ": what it may need can't be told from " + key + ": '" +
                                         text + "': write it out, as in apps/v1/deployments");
  // A subresource has a slash of its own: apps/v1/deployments/scale.
  const bool has_group = second != std::string::npos && text.compare(0, first, "v1") != 0;
  return has_group ? Resource{text.substr(0, first), text.substr(second + 1)}
                   : Resource{"", text.substr(first + 1)};
}

Status AddRule(const NodeSpec& node, const json& declared, const json& rule,
               const RbacOptions& options, Wanted* wanted) {
  std::vector<Resource> resources;
  for (const json& group : rule.value("apiGroups", json::array()))
    for (const json& resource : rule.value("resources", json::array()))
      resources.emplace_back(group.get<std::string>(), resource.get<std::string>());
  if (resources.empty()) {
    Result<Resource> named = ResourceOf(node, TextOf(declared, "resource_key"));
    if (!named) return named.error();
    resources.push_back(std::move(*named));
  }
  std::vector<std::string> namespaces = {kCluster};
  if (TextOf(rule, "scope") != "cluster")
    namespaces = NamespacesOf(node, TextOf(declared, "namespace_key"), options);
  for (const std::string& name : namespaces)
    for (const Resource& resource : resources) {
      Grant& grant = wanted->by_namespace[name][resource];
      for (const json& verb : rule.at("verbs")) grant.verbs.insert(verb.get<std::string>());
      grant.nodes.insert(node.name);
    }
  return {};
}

Status AddNode(const NodeSpec& node, const Component& component, const RbacOptions& options,
               Wanted* wanted) {
  const json schema = json::parse(component.config_schema, nullptr, false);
  if (!schema.is_object() || !schema.contains("x-rbac")) return {};
  for (const char* key : {"kubeconfig", "context", "api_server"})
    if (!TextOf(node, key).empty()) {
      wanted->left_out.push_back(std::string(ToString(node.kind)) + " " + node.name + " (" + key +
                                 ")");
      return {};
    }
  const json& declared = schema["x-rbac"];
  try {
    const std::string key = TextOf(declared, "key");
    const std::string choice = key.empty() ? "*" : TextOf(node, key);
    for (const json& rule : declared.at("rules").at(choice))
      if (Status added = AddRule(node, declared, rule, options, wanted); !added) return added;
  } catch (const json::exception& error) {
    return MakeError(Code::kInvalid, std::string("the x-rbac of plugin ") + component.name +
                                         " can't be read: " + error.what());
  }
  return {};
}

std::string ListText(const std::set<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ", ") + item;
  return text;
}

std::string RulesText(const Grants& grants, const std::string& indent) {
  // Resources with the same verbs, wanted by the same nodes, share a rule.
  std::map<std::tuple<std::set<std::string>, std::string, std::set<std::string>>,
           std::set<std::string>>
      rules;
  for (const auto& [resource, grant] : grants)
    rules[{grant.nodes, resource.first, grant.verbs}].insert(resource.second);
  std::string text;
  std::set<std::string> told;
  for (const auto& [about, resources] : rules) {
    const auto& [nodes, group, verbs] = about;
    if (nodes != told) text += indent + "# for " + ListText(nodes) + "\n";
    told = nodes;
    text += indent + "- apiGroups: [" + (group.empty() ? "\"\"" : group) + "]\n" + indent +
            "  resources: [" + ListText(resources) + "]\n" + indent + "  verbs: [" +
            ListText(verbs) + "]\n";
  }
  return text;
}

std::string Head(const char* api, const std::string& kind, const std::string& name,
                 const std::string& name_space) {
  return std::string("---\napiVersion: ") + api + "\nkind: " + kind +
         "\nmetadata:\n  name: " + name + "\n" +
         (name_space.empty() ? "" : "  namespace: " + name_space + "\n") +
         "  labels:\n    app.kubernetes.io/name: heald\n";
}

constexpr const char* kRbacApi = "rbac.authorization.k8s.io/v1";

std::string RoleAndBinding(const std::string& name_space, const Grants& grants,
                           const RbacOptions& options) {
  const std::string kind = name_space.empty() ? "ClusterRole" : "Role";
  return Head(kRbacApi, kind, options.name, name_space) + "rules:\n" + RulesText(grants, "  ") +
         Head(kRbacApi, kind + "Binding", options.name, name_space) +
         "roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: " + kind +
         "\n  name: " + options.name +
         "\nsubjects:\n  - kind: ServiceAccount\n    name: " + options.name +
         "\n    namespace: " + options.agent_namespace + "\n";
}

// What the chart in configs/deploy/helm makes the roles of.
std::string ChartValues(const std::map<std::string, Grants>& by_namespace) {
  const auto cluster = by_namespace.find(kCluster);
  std::string text = "rbac:\n  clusterRules:";
  text += cluster == by_namespace.end() ? " []\n" : "\n" + RulesText(cluster->second, "    ");
  text += "  namespaceRules:";
  const bool none = by_namespace.size() == (cluster == by_namespace.end() ? 0 : 1);
  text += none ? " {}\n" : "\n";
  for (const auto& [name_space, grants] : by_namespace)
    if (!name_space.empty()) text += "    " + name_space + ":\n" + RulesText(grants, "      ");
  return text;
}

}  // namespace

Result<std::string> RbacManifests(const PipelineSpec& spec, const Catalog& catalog,
                                  const RbacOptions& options) {
  Wanted wanted;
  for (const NodeSpec& node : spec.nodes) {
    const Component* component = catalog.Find(node.kind, node.plugin);
    if (!node.enabled || component == nullptr) continue;
    if (Status added = AddNode(node, *component, options, &wanted); !added) return added.error();
  }
  std::string text =
      "# What the pipeline needs to be allowed, and nothing more; by `heald rbac`.\n";
  for (const std::string& node : wanted.left_out)
    text += "# Left out, as it has credentials of its own: " + node + "\n";
  if (wanted.by_namespace.empty()) text += "# No other node of it talks to Kubernetes.\n";
  if (options.format == "helm") return text + ChartValues(wanted.by_namespace);
  text += Head("v1", "ServiceAccount", options.name, options.agent_namespace);
  for (const auto& [name_space, grants] : wanted.by_namespace)
    text += RoleAndBinding(name_space, grants, options);
  return text;
}

}  // namespace heald::cli
