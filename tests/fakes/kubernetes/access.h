// Who may do what in the test cluster: tokens name users, users have what the cluster's own RBAC
// objects give them, or everything, less what a test refuses.
// Thread rule: the cluster's lock is held.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/fakes/kubernetes/cluster.h"

namespace heald::fakes::kubernetes {

struct Attempt {
  std::string verb;
  std::string group;
  std::string resource;  // "pods/eviction"
  std::string space;     // empty: cluster-wide
  std::string name;
};

class Access {
 public:
  // "admin" may do anything; "agent" what `rbac` says; "nobody" nothing.
  explicit Access(const Cluster& cluster) : cluster_(cluster) {}

  void AddToken(const std::string& token, const std::string& user) { users_[token] = user; }
  void RemoveToken(const std::string& token) { users_.erase(token); }
  // From now on users have what ClusterRoles and Roles give them, and nothing else.
  void UseRbac(bool use) { rbac_ = use; }
  // "*" stands for every verb, resource or namespace.
  void Refuse(const std::string& verb, const std::string& resource, const std::string& space);
  void AllowAgain() { refused_.clear(); }
  // The user of connections that show a client certificate and no token.
  void SetCertificateUser(const std::string& user) { certificate_user_ = user; }

  // The user of the Authorization header; nothing: a token that is not known (401).
  std::optional<std::string> UserOf(std::string_view authorization) const;
  // Why it is allowed, or nothing.
  std::optional<std::string> Allowed(const std::string& user, const Attempt& attempt) const;
  Json RulesOf(const std::string& user, const std::string& space) const;

 private:
  struct Granted {
    Json rule;
    std::string why;
  };
  std::vector<Granted> Grants(const std::string& user, const std::string& space) const;

  const Cluster& cluster_;
  bool rbac_ = false;
  std::string certificate_user_ = "system:anonymous";
  std::map<std::string, std::string> users_ = {
      {"admin", "admin"}, {"agent", "agent"}, {"nobody", "nobody"}};
  std::vector<Attempt> refused_;
};

// The 403 of a refused attempt.
Json ForbiddenBody(const std::string& user, const Attempt& attempt);

}  // namespace heald::fakes::kubernetes
