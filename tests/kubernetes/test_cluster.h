// The cluster that the Kubernetes suites run on: the test server, one for each test, or a real one
// named by $HEALD_TEST_KUBECONFIG, with a namespace of its own that is removed at the end. A real
// cluster needs something that makes pods Ready (a kubelet or a stand-in for it), and the
// kubeconfig's user may do what the tests do. Tests may run side by side there, but for those that
// touch nodes: these wait until they are alone on this machine.
// Thread rule: the test's thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "plugins/support/kubernetes/client.h"
#include "tests/fakes/kubernetes/server.h"

namespace heald::kubernetes_test {

using Json = nlohmann::json;

class TestCluster {
 public:
  // With options, of the test server: nullptr for server() says that they don't count.
  enum class With { kOthers, kNobody };
  explicit TestCluster(fakes::KubernetesOptions options = Lively(), With with = With::kOthers);
  ~TestCluster();
  TestCluster(const TestCluster&) = delete;
  TestCluster& operator=(const TestCluster&) = delete;

  // Pods take a moment to get Ready and to go, hours of back-off pass in seconds.
  static fakes::KubernetesOptions Lively();

  bool real() const { return server_ == nullptr; }
  fakes::KubernetesServer* server() { return server_.get(); }
  const std::string& kubeconfig() const { return kubeconfig_; }
  const std::string& space() const { return space_; }
  kubernetes::Client& client() { return *client_; }
  // As a user of the test server: "agent", "nobody"; on a real cluster the kubeconfig's.
  kubernetes::Cluster As(const std::string& user) const;

  kubernetes::Ref Ref(const kubernetes::Resource& resource, const std::string& name = {},
                      const std::string& sub = {}) const;
  // A workload with label app=name and one container "main"; `spec` is merged over it.
  Json Apply(const kubernetes::Resource& resource, const std::string& name, int replicas,
             const std::string& image = "nginx:1.25", const Json& spec = Json::object());
  std::vector<Json> Pods(const std::string& app);
  // Template fields with which no pod comes to be: admission refuses them, and no node takes them.
  // Nothing depends on what a kubelet would make of an image.
  static Json Broken();
  // Changes the template of a workload, as a person would.
  void RollOut(const kubernetes::Resource& resource, const std::string& name, const Json& spec);
  // Nodes that are ready and that nobody has cordoned; those given back a moment ago as well.
  std::vector<std::string> FreeNodes();
  // True as soon as the condition is; false after what is generous here.
  bool Wait(const std::function<bool()>& condition) const;
  // The rollout is over: observed, updated, available.
  bool WaitRolledOut(const kubernetes::Resource& resource, const std::string& name);

 private:
  std::unique_ptr<fakes::KubernetesServer> server_;
  int turn_ = -1;  // a real cluster's: the lock that says with whom it is shared
  std::string folder_;
  std::string kubeconfig_;
  std::string space_;
  std::unique_ptr<kubernetes::Client> client_;
};

// The value at the pointer, or 0 and "".
int64_t NumberAt(const Json& object, const std::string& pointer);
std::string TextAt(const Json& object, const std::string& pointer);
// status.conditions of that type, or null.
Json ConditionOf(const Json& object, const std::string& type);
// What the controller puts on a cordoned node, and takes off some time after the cordon.
bool HasCordonTaint(const Json& node);
bool IsReady(const Json& pod);

}  // namespace heald::kubernetes_test
