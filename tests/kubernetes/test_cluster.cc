#include "tests/kubernetes/test_cluster.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>
#include <utility>

namespace heald::kubernetes_test {
namespace {

using kubernetes::Client;

const char* RealKubeconfig() {
  return std::getenv("HEALD_TEST_KUBECONFIG");  // NOLINT(concurrency-mt-unsafe)
}

kubernetes::Cluster Resolve(const std::string& kubeconfig) {
  kubernetes::ClusterConfig config;
  config.kubeconfig = kubeconfig;
  return kubernetes::ResolveCluster(config);
}

void WriteFile(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

}  // namespace

fakes::KubernetesOptions TestCluster::Lively() {
  fakes::KubernetesOptions options;
  options.speed = 20;
  options.ready_delay = std::chrono::milliseconds(500);
  options.termination_delay = std::chrono::milliseconds(300);
  options.controller_delay = std::chrono::milliseconds(2);
  return options;
}

TestCluster::TestCluster(fakes::KubernetesOptions options, With with) {
  static std::atomic<int> count = 0;
  // A number of a run before may still be a namespace that is being deleted.
  space_ = "heald-test-" + std::to_string(std::random_device{}()) + "-" + std::to_string(++count);
  if (const char* const real = RealKubeconfig()) {
    kubeconfig_ = real;
    const auto lock = std::filesystem::temp_directory_path() / "heald-contract.lock";
    turn_ = open(lock.c_str(), O_CREAT | O_RDONLY | O_CLOEXEC, 0644);
    // Another user's: O_CREAT is refused for it in a folder like /tmp.
    if (turn_ < 0) turn_ = open(lock.c_str(), O_RDONLY | O_CLOEXEC);
    if (turn_ < 0 || flock(turn_, with == With::kNobody ? LOCK_EX : LOCK_SH) != 0)
      throw std::runtime_error("can't lock " + lock.string());
  } else {
    server_ = std::make_unique<fakes::KubernetesServer>(std::move(options));
    folder_ = std::filesystem::temp_directory_path() / space_;
    std::filesystem::create_directories(folder_);
    kubeconfig_ = folder_ + "/kubeconfig";
    WriteFile(kubeconfig_, server_->Kubeconfig("agent", space_));
  }
  client_ = std::make_unique<Client>(Resolve(kubeconfig_));
  client_->Create({kubernetes::kNamespaces},
                  {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", space_}}}});
}

TestCluster::~TestCluster() {
  if (real()) {
    try {
      client_->Delete({kubernetes::kNamespaces, "", space_});
    } catch (const std::exception& e) {
      std::fprintf(stderr, "namespace %s is left behind: %s\n", space_.c_str(), e.what());
    }
    close(turn_);
    return;
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

kubernetes::Cluster TestCluster::As(const std::string& user) const {
  if (real()) return Resolve(kubeconfig_);
  const std::string file = folder_ + "/" + user;
  WriteFile(file, server_->Kubeconfig(user, space_));
  return Resolve(file);
}

kubernetes::Ref TestCluster::Ref(const kubernetes::Resource& resource, const std::string& name,
                                 const std::string& sub) const {
  return {resource, resource.namespaced ? space_ : "", name, sub};
}

Json TestCluster::Apply(const kubernetes::Resource& resource, const std::string& name, int replicas,
                        const std::string& image, const Json& spec) {
  const Json labels = {{"app", name}};
  Json object = {{"apiVersion", resource.ApiVersion()},
                 {"kind", resource.kind},
                 {"metadata", {{"name", name}, {"namespace", space_}, {"labels", labels}}},
                 {"spec",
                  {{"selector", {{"matchLabels", labels}}},
                   {"template",
                    {{"metadata", {{"labels", labels}}},
                     {"spec",
                      {{"terminationGracePeriodSeconds", 1},
                       {"containers", Json::array({{{"name", "main"}, {"image", image}}})}}}}}}}};
  if (resource != kubernetes::kDaemonSets) object["spec"]["replicas"] = replicas;
  if (resource == kubernetes::kStatefulSets) object["spec"]["serviceName"] = name;
  object["spec"].merge_patch(spec);
  return client_->Create(Ref(resource), object);
}

std::vector<Json> TestCluster::Pods(const std::string& app) {
  return client_->List(Ref(kubernetes::kPods), {.label_selector = "app=" + app});
}

Json TestCluster::Broken() {
  return {{"serviceAccountName", "absent"}, {"nodeSelector", {{"heald.io/no-node", "has-this"}}}};
}

void TestCluster::RollOut(const kubernetes::Resource& resource, const std::string& name,
                          const Json& spec) {
  client_->Patch(Ref(resource, name), kubernetes::PatchType::kStrategic,
                 {{"spec", {{"template", {{"spec", spec}}}}}});
}

std::vector<std::string> TestCluster::FreeNodes() {
  std::vector<std::string> names;
  // A node that was just given back keeps its taint until the controller has seen it.
  Wait([&] {
    names.clear();
    const std::vector<Json> nodes = client_->List({kubernetes::kNodes});
    for (const Json& node : nodes) {
      const Json ready = ConditionOf(node, "Ready");
      const bool tainted = node["spec"].contains("taints") && !node["spec"]["taints"].empty();
      if (ready.is_object() && ready["status"] == "True" && !tainted)
        names.push_back(TextAt(node, "/metadata/name"));
    }
    return std::none_of(nodes.begin(), nodes.end(), [](const Json& node) {
      return HasCordonTaint(node) && !node["spec"].value("unschedulable", false);
    });
  });
  return names;
}

bool TestCluster::Wait(const std::function<bool()>& condition) const {
  const auto deadline = std::chrono::steady_clock::now() +
                        (real() ? std::chrono::seconds(180) : std::chrono::seconds(20));
  const auto holds = [&] {
    try {
      return condition();
    } catch (const kubernetes::ApiError& error) {
      // A real server may be too busy for once.
      if (!real() || !error.Unreachable()) throw;
      return false;
    }
  };
  while (!holds()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(real() ? 500 : 10));
  }
  return true;
}

bool TestCluster::WaitRolledOut(const kubernetes::Resource& resource, const std::string& name) {
  return Wait([&] {
    const Json object = client_->Get(Ref(resource, name));
    if (NumberAt(object, "/status/observedGeneration") < NumberAt(object, "/metadata/generation"))
      return false;
    if (resource == kubernetes::kDaemonSets) {
      const int64_t wanted = NumberAt(object, "/status/desiredNumberScheduled");
      return wanted > 0 && NumberAt(object, "/status/updatedNumberScheduled") == wanted &&
             NumberAt(object, "/status/numberAvailable") == wanted;
    }
    const int64_t wanted = NumberAt(object, "/spec/replicas");
    return NumberAt(object, "/status/updatedReplicas") == wanted &&
           NumberAt(object, "/status/replicas") == wanted &&
           NumberAt(object, "/status/availableReplicas") == wanted;
  });
}

int64_t NumberAt(const Json& object, const std::string& pointer) {
  const Json::json_pointer at(pointer);
  return object.contains(at) && object.at(at).is_number() ? object.at(at).get<int64_t>() : 0;
}

std::string TextAt(const Json& object, const std::string& pointer) {
  const Json::json_pointer at(pointer);
  return object.contains(at) && object.at(at).is_string() ? object.at(at).get<std::string>() : "";
}

Json ConditionOf(const Json& object, const std::string& type) {
  const auto at = "/status/conditions"_json_pointer;
  if (object.contains(at))
    for (const Json& condition : object.at(at))
      if (condition.value("type", "") == type) return condition;
  return nullptr;
}

bool HasCordonTaint(const Json& node) {
  const Json taints = node["spec"].value("taints", Json::array());
  return std::any_of(taints.begin(), taints.end(), [](const Json& taint) {
    return taint["key"] == "node.kubernetes.io/unschedulable";
  });
}

bool IsReady(const Json& pod) {
  const Json ready = ConditionOf(pod, "Ready");
  return ready.is_object() && ready.value("status", "") == "True" &&
         !pod["metadata"].contains("deletionTimestamp");
}

}  // namespace heald::kubernetes_test
