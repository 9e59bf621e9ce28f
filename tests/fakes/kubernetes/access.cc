#include "tests/fakes/kubernetes/access.h"

#include <algorithm>

#include "tests/fakes/kubernetes/status.h"

namespace heald::fakes::kubernetes {
namespace {

bool Lists(const Json& rule, const char* field, const std::string& word) {
  for (const Json& item : rule.value(field, Json::array()))
    if (item == word || item == "*") return true;
  return false;
}

bool Covers(const Json& rule, const Attempt& attempt) {
  if (!Lists(rule, "verbs", attempt.verb) || !Lists(rule, "apiGroups", attempt.group) ||
      !Lists(rule, "resources", attempt.resource))
    return false;
  const Json names = rule.value("resourceNames", Json::array());
  return names.empty() || std::find(names.begin(), names.end(), attempt.name) != names.end();
}

bool Names(const std::string& pattern, const std::string& word) {
  return pattern == "*" || pattern == word;
}

}  // namespace

void Access::Refuse(const std::string& verb, const std::string& resource,
                    const std::string& space) {
  refused_.push_back({verb, "", resource, space, ""});
}

std::optional<std::string> Access::UserOf(std::string_view authorization) const {
  if (authorization.empty()) return certificate_user_;
  constexpr std::string_view kBearer = "Bearer ";
  if (authorization.substr(0, kBearer.size()) != kBearer) return std::nullopt;
  const auto found = users_.find(std::string(authorization.substr(kBearer.size())));
  if (found == users_.end()) return std::nullopt;
  return found->second;
}

std::vector<Access::Granted> Access::Grants(const std::string& user,
                                            const std::string& space) const {
  std::vector<Granted> grants;
  const auto bound = [&](const Json& binding, const std::string& role_space) {
    for (const Json& subject : binding.value("subjects", Json::array())) {
      // A service account's user is called after its namespace and name.
      const std::string name = subject.value("kind", "") == "ServiceAccount"
                                   ? "system:serviceaccount:" + subject.value("namespace", "") +
                                         ":" + subject.value("name", "")
                                   : subject.value("name", "");
      if (name != user) continue;
      const Json& reference = binding["roleRef"];
      const std::string kind = reference.value("kind", "");
      const std::string role = reference.value("name", "");
      const Object found =
          cluster_.store.Find(*ResourceOfKind(kind), kind == "Role" ? role_space : "", role);
      if (found == nullptr) continue;
      for (const Json& rule : found->value("rules", Json::array()))
        grants.push_back({rule, "RBAC: allowed by " + binding.value("kind", "") + " \"" +
                                    NameOf(binding) + "\" of " + kind + " \"" + role + "\" to " +
                                    subject.value("kind", "") + " \"" + user + "\""});
    }
  };
  for (const Object& binding : cluster_.List("ClusterRoleBinding")) bound(*binding, "");
  if (!space.empty())
    for (const Object& binding : cluster_.List("RoleBinding", space)) bound(*binding, space);
  return grants;
}

std::optional<std::string> Access::Allowed(const std::string& user, const Attempt& attempt) const {
  if (user == "admin") return "";
  for (const Attempt& refused : refused_)
    if (Names(refused.verb, attempt.verb) && Names(refused.resource, attempt.resource) &&
        Names(refused.space, attempt.space))
      return std::nullopt;
  if (!rbac_) {
    if (user == "nobody" || user == "system:anonymous") return std::nullopt;
    return "";
  }
  for (const Granted& grant : Grants(user, attempt.space))
    if (Covers(grant.rule, attempt)) return grant.why;
  return std::nullopt;
}

Json Access::RulesOf(const std::string& user, const std::string& space) const {
  Json rules = Json::array();
  if (user == "admin" || !rbac_) {
    rules.push_back({{"verbs", {"*"}}, {"apiGroups", {"*"}}, {"resources", {"*"}}});
    return rules;
  }
  for (const Granted& grant : Grants(user, space)) rules.push_back(grant.rule);
  return rules;
}

Json ForbiddenBody(const std::string& user, const Attempt& attempt) {
  const std::string plural = attempt.resource.substr(0, attempt.resource.find('/'));
  const std::string qualified = attempt.group.empty() ? plural : plural + "." + attempt.group;
  Json details = {{"kind", plural}};
  if (!attempt.group.empty()) details["group"] = attempt.group;
  if (!attempt.name.empty()) details["name"] = attempt.name;
  return StatusBody(403, "Forbidden",
                    qualified + (attempt.name.empty() ? "" : " \"" + attempt.name + "\"") +
                        " is forbidden: User \"" + user + "\" cannot " + attempt.verb +
                        " resource \"" + attempt.resource + "\" in API group \"" + attempt.group +
                        "\" " +
                        (attempt.space.empty() ? "at the cluster scope"
                                               : "in the namespace \"" + attempt.space + "\""),
                    std::move(details));
}

}  // namespace heald::fakes::kubernetes
