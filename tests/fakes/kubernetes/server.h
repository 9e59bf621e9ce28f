// A Kubernetes API server with its controllers for tests: keeps objects, rolls deployments out,
// counts disruption budgets, watches with bookmarks and 410; can misbehave on demand. Written after
// an API server's own answers (tests/kubernetes/replay holds it against recorded exchanges).
// Images say what becomes of their pods: ":broken" can't be pulled, ":crash" loops, ":oom" is
// killed for memory, ":unready" never gets Ready, ":done" and ":fails" end; others become Ready.
// Thread rule: all methods are callable from any thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/fakes/http_server.h"
#include "tests/fakes/kubernetes/cluster.h"
#include "tests/fakes/kubernetes/faults.h"

namespace heald::fakes {

struct KubernetesOptions {
  // The cluster's clock stands, and its controllers rest, until Advance or Settle.
  bool manual = false;
  // Otherwise, how many seconds of the cluster pass in one of the real clock. The time-outs of
  // watches are divided by it too.
  double speed = 1;
  std::chrono::milliseconds ready_delay{0};        // from bound to Ready
  std::chrono::milliseconds termination_delay{0};  // from deleted to gone; at most the grace
  std::chrono::milliseconds controller_delay{5};   // of the real clock, between two steps
  std::chrono::milliseconds bookmark_every{1000};  // of the real clock
  int nodes = 3;                                   // node-1, node-2…
  std::string version = "v1.26.5";
  FakeTls tls = {};
};

class KubernetesServer {
 public:
  using Json = nlohmann::json;

  explicit KubernetesServer(KubernetesOptions options = {});
  ~KubernetesServer();
  KubernetesServer(const KubernetesServer&) = delete;
  KubernetesServer& operator=(const KubernetesServer&) = delete;

  std::string url() const;
  int port() const;
  // Closes the port and every connection; Start listens on the same port, the state kept. The
  // controllers run on meanwhile, as those of a cluster do.
  void Stop();
  void Start();
  std::vector<FakeRequest> requests() const;
  // How many requests contain `match` in "VERB /path?query".
  size_t CountRequests(const std::string& match) const;

  // What a request would get, without the way over the network; faults count.
  FakeReply Ask(const FakeRequest& request) { return Answer(request); }

  // A kubeconfig for the user's token ("admin", "agent", "nobody"), one context "test".
  std::string Kubeconfig(const std::string& user = "agent", const std::string& space = "default",
                         const std::string& ca_file = {}) const;

  // As the administrator, past faults and RBAC. Throws std::runtime_error with the Status where
  // the API refuses.
  Json Create(const Json& object);  // namespace from its metadata, made where it's new
  Json Patch(const std::string& kind, const std::string& space, const std::string& name,
             const Json& merge_patch,  // with "status" in it, of the status as well
             const std::string& manager = "");
  void Delete(const std::string& kind, const std::string& space, const std::string& name);
  std::optional<Json> Get(const std::string& kind, const std::string& space,
                          const std::string& name) const;
  std::vector<Json> List(const std::string& kind, const std::string& space = {},
                         const std::string& label_selector = {}) const;
  // A Deployment with label app=name, and the spec's fields merged over it.
  Json Deploy(const std::string& space, const std::string& name, int replicas,
              const std::string& image = "nginx:1.25", const Json& spec = Json::object());

  // manual: moves the clock and lets the controllers act until they rest.
  void Advance(std::chrono::milliseconds by);
  // manual: one step of the controllers.
  void Step();
  // Until the controllers have nothing to do now; false: not within that time.
  bool Settle(std::chrono::milliseconds within = std::chrono::seconds(10));
  bool WaitUntil(const std::function<bool()>& condition,
                 std::chrono::milliseconds within = std::chrono::seconds(10)) const;

  void SetReadyDelay(std::chrono::milliseconds delay);
  void SetTerminationDelay(std::chrono::milliseconds delay);
  void SetFateOfImage(const std::string& image, kubernetes::PodFate fate);
  void SetFateOfPod(const std::string& name, kubernetes::PodFate fate);
  void StopKubelets(bool stopped);
  void SetNodeCondition(const std::string& node, const std::string& type, bool status,
                        const std::string& reason);

  void AddToken(const std::string& token, const std::string& user);
  void RemoveToken(const std::string& token);
  void SetCertificateUser(const std::string& user);
  // Users have what the cluster's RBAC objects give them, and nothing else.
  void UseRbac(bool use = true);
  // 403 from now on; "*" stands for any. A resource is "pods", "pods/eviction"…
  void Refuse(const std::string& verb, const std::string& resource, const std::string& space = "*");
  void AllowAgain();

  void Fail(KubernetesFault fault);
  void ClearFaults();
  void ExpireContinues();
  // Every watch that runs ends with a 410, and its version can't be resumed from.
  void ExpireWatches();
  // What has changed so far is forgotten: resuming from before it gives a 410.
  void Compact();
  void CutWatches();
  // The next `times` reads of the object are each followed by another writer's change.
  void RaceReads(const std::string& kind, const std::string& space, const std::string& name,
                 int times = 1);

 private:
  struct State;
  FakeReply Answer(const FakeRequest& request);
  Json AsAdmin(const std::string& method, const std::string& path, const Json& body,
               const std::string& content_type = "application/json",
               const std::string& manager = "");
  static std::string PathOf(const std::string& kind, const std::string& space,
                            const std::string& name);

  const std::unique_ptr<State> state_;
};

}  // namespace heald::fakes
