// What an API server says of itself: version, health, groups, the resources of a version.
#include <map>
#include <set>

#include "tests/fakes/kubernetes/api.h"

namespace heald::fakes::kubernetes {
namespace {

FakeReply Text(int status, const std::string& body) {
  FakeReply reply;
  reply.status = status;
  reply.headers = {{"Content-Type", "text/plain; charset=utf-8"},
                   {"X-Content-Type-Options", "nosniff"}};
  reply.body = body;
  return reply;
}

FakeReply Found(const Json& body) {
  FakeReply reply;
  reply.headers = {{"Content-Type", "application/json"}};
  reply.body = body.dump() + "\n";
  return reply;
}

std::map<std::string, std::vector<std::string>> Groups() {
  std::map<std::string, std::vector<std::string>> groups = {{"authorization.k8s.io", {"v1"}},
                                                            {"events.k8s.io", {"v1"}}};
  for (const Resource& resource : Resources())
    if (!resource.group.empty()) groups[resource.group] = resource.versions;
  return groups;
}

Json GroupOf(const std::string& name, const std::vector<std::string>& versions) {
  Json list = Json::array();
  for (const std::string& version : versions)
    list.push_back({{"groupVersion", name + "/" + version}, {"version", version}});
  return {{"name", name}, {"versions", list}, {"preferredVersion", list[0]}};
}

Json ResourcesOf(const std::string& group, const std::string& version) {
  static const Json kVerbs = {"create", "delete", "deletecollection", "get",
                              "list",   "patch",  "update",           "watch"};
  Json list = Json::array();
  const auto add = [&](const Resource& resource, const std::string& sub, const std::string& kind,
                       const Json& verbs) {
    list.push_back({{"name", sub.empty() ? resource.plural : resource.plural + "/" + sub},
                    {"singularName", ""},
                    {"namespaced", resource.namespaced},
                    {"kind", kind},
                    {"verbs", verbs}});
  };
  for (const Resource& resource : Resources()) {
    const bool event = group == "events.k8s.io" && resource.kind == "Event";
    bool offered = event;
    for (const std::string& one : resource.versions)
      offered = offered || (resource.group == group && one == version);
    if (!offered) continue;
    Json verbs = kVerbs;
    if (resource.kind == "Namespace") verbs.erase(2);  // not all at once
    add(resource, "", resource.kind, verbs);
    // Two subresources are of another group's kind.
    const auto of = [&](const char* other, const char* kind_version) {
      list.back()["group"] = other;
      list.back()["version"] = kind_version;
    };
    if (resource.kind == "Pod") {
      add(resource, "eviction", "Eviction", Json::array({"create"}));
      of("policy", "v1");
    }
    if (resource.scale) {
      add(resource, "scale", "Scale", {"get", "patch", "update"});
      of("autoscaling", "v1");
    }
    if (resource.status) add(resource, "status", resource.kind, {"get", "patch", "update"});
  }
  return list;
}

}  // namespace

std::optional<FakeReply> Discover(const std::string& path, const std::string& git_version) {
  if (path == "/readyz" || path == "/livez" || path == "/healthz") return Text(200, "ok");
  if (path == "/version") {
    const size_t dot = git_version.find('.');
    return Found({{"major", git_version.substr(1, dot - 1)},
                  {"minor", git_version.substr(dot + 1, git_version.rfind('.') - dot - 1)},
                  {"gitVersion", git_version},
                  {"gitCommit", "fake"},
                  {"gitTreeState", ""},
                  {"buildDate", "1970-01-01T00:00:00Z"},
                  {"goVersion", "none"},
                  {"compiler", "gcc"},
                  {"platform", "linux/amd64"}});
  }
  if (path == "/api")
    return Found({{"kind", "APIVersions"},
                  {"versions", Json::array({"v1"})},
                  {"serverAddressByClientCIDRs",
                   Json::array({{{"clientCIDR", "0.0.0.0/0"}, {"serverAddress", "127.0.0.1"}}})}});
  const auto groups = Groups();
  if (path == "/apis") {
    Json list = Json::array();
    for (const auto& [name, versions] : groups) list.push_back(GroupOf(name, versions));
    return Found({{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", list}});
  }
  if (path == "/api/v1")
    return Found({{"kind", "APIResourceList"},
                  {"groupVersion", "v1"},
                  {"resources", ResourcesOf("", "v1")}});
  if (path.rfind("/apis/", 0) != 0) return std::nullopt;
  const std::string rest = path.substr(6);
  const size_t slash = rest.find('/');
  const auto group = groups.find(rest.substr(0, slash));
  if (group == groups.end()) return Text(404, "404 page not found\n");
  if (slash == std::string::npos) {
    Json body = GroupOf(group->first, group->second);
    body["kind"] = "APIGroup";
    body["apiVersion"] = "v1";
    return Found(body);
  }
  const Json resources = ResourcesOf(group->first, rest.substr(slash + 1));
  if (resources.empty()) return Text(404, "404 page not found\n");
  return Found({{"kind", "APIResourceList"},
                {"apiVersion", "v1"},
                {"groupVersion", rest},
                {"resources", resources}});
}

}  // namespace heald::fakes::kubernetes
