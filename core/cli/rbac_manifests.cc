#include <re2/re2.h>

#include <algorithm>
#include <iterator>
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
// Config keys that bring other credentials than those of the agent's pod.
constexpr const char* kCredentialKeys[] = {"kubeconfig", "context", "api_server"};
constexpr size_t kMostLabel = 63;
constexpr size_t kMostName = 253;

// What may be done to one resource, and which nodes want that.
using Grant = std::map<std::string, std::set<std::string>>;
using Resource = std::pair<std::string, std::string>;  // API group, "pods/eviction"
using Grants = std::map<Resource, Grant>;

struct Wanted {
  std::map<std::string, Grants> by_namespace;  // kCluster: a ClusterRole
  std::vector<std::string> left_out;           // nodes with credentials of their own
  std::set<std::string> unbounded;             // nodes that ask for more than --namespace says
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

// One text, or a list of them.
std::vector<std::string> TextsOf(const NodeSpec& node, const std::string& key) {
  std::vector<std::string> found;
  const Value* value = node.config.Find(key);
  if (value != nullptr && value->AsString() != nullptr) found = {*value->AsString()};
  if (value != nullptr && value->AsList() != nullptr)
    for (const Value& item : *value->AsList())
      if (item.AsString() != nullptr) found.push_back(*item.AsString());
  std::erase(found, "");
  return found;
}

std::string Shown(const NodeSpec& node) {
  return std::string(ToString(node.kind)) + " " + node.name;
}

std::string NamespaceKeyOf(const json& declared) {
  const std::string key = TextOf(declared, "namespace_key");
  return key.empty() ? "namespace" : key;
}

// Why Kubernetes wouldn't take it as a label of DNS, or as several with dots between.
std::string WhyNoName(const std::string& name, bool dots) {
  static const RE2 kLabel("[a-z0-9]([-a-z0-9]*[a-z0-9])?");
  static const RE2 kLabels("[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*");
  if (name.size() <= (dots ? kMostName : kMostLabel) &&
      RE2::FullMatch(name, dots ? kLabels : kLabel))
    return "";
  return "'" + name + "' is no name in Kubernetes: lower-case letters, digits and '-'" +
         (dots ? " and '.'" : "") + ", at most " + std::to_string(dots ? kMostName : kMostLabel);
}

// Fixed ones only: a placeholder may become any. Without any of its own a node works in what its
// targets name, or, where it declares "everywhere", in all of them.
Result<std::vector<std::string>> NamespacesOf(const NodeSpec& node, const json& declared,
                                              const RbacOptions& options) {
  const std::string key = NamespaceKeyOf(declared);
  std::vector<std::string> found = TextsOf(node, key);
  const bool fixed =
      !found.empty() && std::none_of(found.begin(), found.end(), [](const std::string& name) {
        return name.find("${") != std::string::npos;
      });
  for (const std::string& name : fixed ? found : std::vector<std::string>())
    if (const std::string why = WhyNoName(name, false); !why.empty())
      return MakeError(Code::kInvalid, Shown(node) + ": " + key + ": " + why);
  if (fixed) return found;
  if (options.namespaces.empty() || declared.value("everywhere", false))
    return std::vector<std::string>{kCluster};
  return options.namespaces;
}

// "apps/v1/deployments" is {"apps", "deployments"}, "v1/configmaps" of the core group.
Result<Resource> ResourceOf(const NodeSpec& node, const std::string& key) {
  const std::string text = TextOf(node, key);
  const size_t first = text.find('/');
  const size_t second = first == std::string::npos ? first : text.find('/', first + 1);
  if (text.empty() || first == std::string::npos || text.find("${") != std::string::npos)
    return MakeError(Code::kInvalid, Shown(node) + ": what it may need can't be told from " + key +
                                         ": '" + text +
                                         "': write it out, as in apps/v1/deployments");
  // A subresource has a slash of its own: apps/v1/deployments/scale.
  const bool has_group = second != std::string::npos && text.compare(0, first, "v1") != 0;
  return has_group ? Resource{text.substr(0, first), text.substr(second + 1)}
                   : Resource{"", text.substr(first + 1)};
}

// What `resource_key` names, where it has no namespace. Of a resource that the plugin doesn't know
// that is told by the namespace in the node's config.
bool IsClusterWide(const NodeSpec& node, const json& declared) {
  const Result<Resource> named = ResourceOf(node, TextOf(declared, "resource_key"));
  if (!named) return false;
  const std::string shown =
      named->first.empty() ? named->second : named->first + "/" + named->second;
  const auto lists = [&](const char* key) {
    const json known = declared.value(key, json::array());
    return std::find(known.begin(), known.end(), shown) != known.end();
  };
  if (lists("cluster_resources")) return true;
  return declared.contains("namespaced_resources") && !lists("namespaced_resources") &&
         TextsOf(node, NamespaceKeyOf(declared)).empty();
}

bool IsSwitchedOff(const NodeSpec& node, const json& rule) {
  const std::string key = TextOf(rule, "enabled_by");
  const Value* const value = key.empty() ? nullptr : node.config.Find(key);
  return value != nullptr && value->AsBool() != nullptr && !*value->AsBool();
}

Status AddRule(const NodeSpec& node, const json& declared, const json& rule,
               const RbacOptions& options, bool cluster_wide, Wanted* wanted) {
  if (IsSwitchedOff(node, rule)) return {};
  std::vector<Resource> resources;
  for (const json& group : rule.value("apiGroups", json::array()))
    for (const json& resource : rule.value("resources", json::array()))
      resources.emplace_back(group.get<std::string>(), resource.get<std::string>());
  const bool is_named = resources.empty();
  if (is_named) {
    Result<Resource> named = ResourceOf(node, TextOf(declared, "resource_key"));
    if (!named) return named.error();
    resources.push_back(std::move(*named));
  }
  std::vector<std::string> namespaces = {kCluster};
  if (const std::string fixed = TextOf(rule, "namespace"); !fixed.empty()) {
    namespaces = {fixed};
  } else if (const std::string beside = TextOf(rule, "without_namespace");
             cluster_wide && !beside.empty()) {
    namespaces = {beside};
  } else if (!(is_named && cluster_wide) && TextOf(rule, "scope") != "cluster") {
    Result<std::vector<std::string>> told = NamespacesOf(node, declared, options);
    if (!told) return told.error();
    namespaces = std::move(*told);
    if (namespaces[0] == kCluster && !options.namespaces.empty())
      wanted->unbounded.insert(Shown(node) + " (" + NamespaceKeyOf(declared) + ")");
  }
  for (const std::string& name : namespaces)
    for (const Resource& resource : resources)
      for (const json& verb : rule.at("verbs"))
        wanted->by_namespace[name][resource][verb.get<std::string>()].insert(node.name);
  return {};
}

// Null where its plugin declares none.
json DeclaredBy(const Component& component) {
  const json schema = json::parse(component.config_schema, nullptr, false);
  return schema.is_object() && schema.contains("x-rbac") ? schema["x-rbac"] : json();
}

// The key that gives it credentials of its own; empty: it is the agent's.
std::string OwnCredentials(const NodeSpec& node) {
  for (const char* key : kCredentialKeys)
    if (!TextOf(node, key).empty()) return key;
  return "";
}

Status AddNode(const NodeSpec& node, const Component& component, const RbacOptions& options,
               Wanted* wanted) {
  const json declared = DeclaredBy(component);
  if (declared.is_null()) return {};
  if (const std::string key = OwnCredentials(node); !key.empty()) {
    wanted->left_out.push_back(Shown(node) + " (" + key + ")");
    return {};
  }
  try {
    const std::string key = TextOf(declared, "key");
    for (const std::string& choice :
         key.empty() ? std::vector<std::string>{"*"} : TextsOf(node, key)) {
      const json& rules = declared.at("rules").at(choice);
      // Of an operation on what `resource_key` names.
      const bool names = std::any_of(rules.begin(), rules.end(),
                                     [](const json& rule) { return !rule.contains("resources"); });
      const bool cluster_wide = names && IsClusterWide(node, declared);
      for (const json& rule : rules)
        if (Status added = AddRule(node, declared, rule, options, cluster_wide, wanted); !added)
          return added;
    }
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
  // Resources with the same verbs, wanted by the same nodes, share a rule; a verb that fewer nodes
  // want has one of its own, so that what goes with a node can be seen.
  std::map<std::tuple<std::set<std::string>, std::string, std::set<std::string>>,
           std::set<std::string>>
      rules;
  for (const auto& [resource, grant] : grants) {
    std::map<std::set<std::string>, std::set<std::string>> verbs_of;
    for (const auto& [verb, nodes] : grant) verbs_of[nodes].insert(verb);
    for (const auto& [nodes, verbs] : verbs_of)
      rules[{nodes, resource.first, verbs}].insert(resource.second);
  }
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

bool IsBelow(const std::string& path, const std::string& root) {
  return path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
}

bool BearsOnRights(const Diagnostic& error, const PipelineSpec& draft, const Catalog& catalog) {
  // Where the agent listens, its token, its certificate.
  if (IsBelow(error.path, "/agent")) return IsBelow(error.path, "/agent/plugin_dirs");
  for (const NodeSpec& node : draft.nodes) {
    const Component* const component = catalog.Find(node.kind, node.plugin);
    if (component == nullptr || !IsBelow(error.path, node.path + "/config")) continue;
    const json declared = DeclaredBy(*component);
    if (declared.is_null() || !OwnCredentials(node).empty()) return false;
    if (!error.absent) return true;
    std::vector<std::string> deciding(std::begin(kCredentialKeys), std::end(kCredentialKeys));
    deciding.push_back(NamespaceKeyOf(declared));
    for (const char* key : {"key", "resource_key"}) deciding.push_back(TextOf(declared, key));
    return std::any_of(deciding.begin(), deciding.end(), [&](const std::string& key) {
      return IsBelow(error.path, node.path + "/config/" + key);
    });
  }
  // A node that can't be seen may be one with rights; policies, on the other hand, have none.
  return !error.absent || !IsBelow(error.path, "/policies");
}

}  // namespace

std::string WhyNoRbacOptions(const RbacOptions& options) {
  if (const std::string why = WhyNoName(options.name, true); !why.empty()) return "--name: " + why;
  if (const std::string why = WhyNoName(options.agent_namespace, false); !why.empty())
    return "--agent-namespace: " + why;
  for (const std::string& name : options.namespaces)
    if (const std::string why = WhyNoName(name, false); !why.empty()) return "--namespace: " + why;
  return "";
}

std::vector<Diagnostic> RbacErrors(const std::vector<Diagnostic>& found, const PipelineSpec& draft,
                                   const Catalog& catalog) {
  std::vector<Diagnostic> errors;
  for (const Diagnostic& each : found)
    if (each.level == Level::kError && BearsOnRights(each, draft, catalog)) errors.push_back(each);
  return errors;
}

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
  for (const std::string& node : wanted.unbounded)
    text += "# Works in all namespaces, unless that key names them: " + node + "\n";
  if (wanted.by_namespace.empty()) text += "# No other node of it talks to Kubernetes.\n";
  if (options.format == "helm") return text + ChartValues(wanted.by_namespace);
  text += Head("v1", "ServiceAccount", options.name, options.agent_namespace);
  for (const auto& [name_space, grants] : wanted.by_namespace)
    text += RoleAndBinding(name_space, grants, options);
  return text;
}

}  // namespace heald::cli
