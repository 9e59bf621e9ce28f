// What each operation of the kubernetes action needs to be allowed, and nothing more: the one table
// from which the config schema's x-rbac, and so `heald rbac`, and the README are made.
// Thread rule: constants.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace heald::kubernetes {

struct Permission {
  std::string_view operations;       // words of `operation` with spaces between
  std::string_view group;            // "": the core group
  std::string_view resource;         // "pods/eviction"; empty: the one that `resource` names
  std::string_view verbs;            // with spaces between
  bool cluster = false;              // the resource has no namespace, or all of them are asked for
  std::string_view name_space = {};  // this one always
};

std::span<const Permission> Permissions();

// {"key": "operation", "resource_key": "resource", "rules": {"restart_pod": [{"apiGroups": [""],
// "resources": ["pods"], "verbs": ["get", "list"], "scope": "namespace"}, …], …}} and which
// resources are known to be in a namespace or not; more in decision 30.
std::string RbacJson();

}  // namespace heald::kubernetes
