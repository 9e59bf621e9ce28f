#include "tests/fakes/kubernetes/server.h"

#include <algorithm>
#include <stdexcept>
#include <thread>
#include <utility>

#include "tests/fakes/kubernetes/api.h"
#include "tests/fakes/kubernetes/controllers.h"
#include "tests/fakes/kubernetes/selectors.h"

namespace heald::fakes {

using kubernetes::Object;
using kubernetes::Resource;
using kubernetes::ResourceOfKind;

struct KubernetesServer::State {
  explicit State(KubernetesOptions options_in)
      : options(std::move(options_in)),
        cluster(options.manual, options.speed),
        access(cluster),
        api(cluster, access, options.version) {}

  // Under the cluster's lock, as all but Run.
  bool Quiet() const { return !dirty && cluster.store.version() == quiet_version; }
  bool IsDue() const { return controllers.due() && cluster.NowMs() >= *controllers.due(); }
  bool Sweep() {
    dirty = false;
    const bool moved = controllers.Sweep(cluster);
    quiet_version = moved ? -1 : cluster.store.version();
    cluster.changed.notify_all();
    return moved;
  }
  void Rest() {
    while (Sweep()) {
    }
  }
  // The controllers of a cluster that lives by itself.
  void Run() {
    std::unique_lock lock(cluster.mutex);
    while (!ending) {
      if (!Quiet() || IsDue()) {
        Sweep();
        wake.wait_for(lock, options.controller_delay, [this] { return ending; });
        continue;
      }
      auto wait = std::chrono::milliseconds(200);
      if (controllers.due())
        wait = std::min(
            wait,
            std::chrono::milliseconds(static_cast<int64_t>(
                static_cast<double>(*controllers.due() - cluster.NowMs()) / options.speed + 1)));
      cluster.changed.wait_for(lock, wait);
    }
  }
  // A change that no version counts.
  template <typename Change>
  void Set(Change change) {
    {
      const std::lock_guard lock(cluster.mutex);
      change();
      dirty = true;
    }
    cluster.changed.notify_all();
  }

  const KubernetesOptions options;
  kubernetes::Cluster cluster;
  kubernetes::Access access;
  kubernetes::Api api;
  kubernetes::Controllers controllers;
  kubernetes::Faults faults;
  std::condition_variable wake;
  bool ending = false;
  bool dirty = true;
  int64_t quiet_version = -1;
  std::unique_ptr<HttpServer> http;
  std::thread thread;
};

namespace {

nlohmann::json MakeNode(const std::string& name, const std::string& version,
                        const std::string& now) {
  using Json = nlohmann::json;
  const auto condition = [&](const char* type, bool yes, const char* reason, const char* message) {
    return Json{{"type", type},
                {"status", yes ? "True" : "False"},
                {"lastHeartbeatTime", now},
                {"lastTransitionTime", now},
                {"reason", reason},
                {"message", message}};
  };
  const Json room = {{"cpu", "8"}, {"memory", "32Gi"}, {"pods", "110"}};
  return {{"kind", "Node"},
          {"apiVersion", "v1"},
          {"metadata",
           {{"name", name},
            {"labels",
             {{"beta.kubernetes.io/os", "linux"},
              {"kubernetes.io/hostname", name},
              {"kubernetes.io/os", "linux"}}},
            {"annotations", {{"node.alpha.kubernetes.io/ttl", "0"}}}}},
          {"spec", Json::object()},
          {"status",
           {{"capacity", room},
            {"allocatable", room},
            {"conditions",
             {condition("MemoryPressure", false, "KubeletHasSufficientMemory",
                        "kubelet has sufficient memory available"),
              condition("DiskPressure", false, "KubeletHasNoDiskPressure",
                        "kubelet has no disk pressure"),
              condition("PIDPressure", false, "KubeletHasSufficientPID",
                        "kubelet has sufficient PID available"),
              condition("Ready", true, "KubeletReady", "kubelet is posting ready status")}},
            {"daemonEndpoints", {{"kubeletEndpoint", {{"Port", 0}}}}},
            {"nodeInfo",
             {{"machineID", name},
              {"systemUUID", name},
              {"bootID", name},
              {"kernelVersion", "6"},
              {"osImage", "fake"},
              {"containerRuntimeVersion", "fake://1"},
              {"kubeletVersion", version},
              {"kubeProxyVersion", version},
              {"operatingSystem", "linux"},
              {"architecture", "amd64"}}}}}};
}

}  // namespace

KubernetesServer::KubernetesServer(KubernetesOptions options)
    : state_(std::make_unique<State>(std::move(options))) {
  State& state = *state_;
  state.cluster.bookmark_every = state.options.bookmark_every;
  state.cluster.kubelets.ready_delay = state.options.ready_delay;
  state.cluster.kubelets.termination_delay = state.options.termination_delay;
  state.http = std::make_unique<HttpServer>(
      [this](const FakeRequest& request) { return Answer(request); }, state.options.tls);
  for (const char* space : {"default", "kube-system"})
    Create({{"kind", "Namespace"}, {"apiVersion", "v1"}, {"metadata", {{"name", space}}}});
  for (int i = 1; i <= state.options.nodes; ++i)
    Create(MakeNode("node-" + std::to_string(i), state.options.version, state.cluster.Now()));
  if (!state.options.manual) state.thread = std::thread([&state] { state.Run(); });
}

KubernetesServer::~KubernetesServer() {
  {
    const std::lock_guard lock(state_->cluster.mutex);
    state_->ending = true;
    ++state_->cluster.cut_watches;
  }
  state_->wake.notify_all();
  state_->cluster.changed.notify_all();
  if (state_->thread.joinable()) state_->thread.join();
  state_->http->Stop();
}

std::string KubernetesServer::url() const {
  return state_->http->url();
}
int KubernetesServer::port() const {
  return state_->http->port();
}
void KubernetesServer::Stop() {
  CutWatches();
  state_->http->Stop();
}
void KubernetesServer::Start() {
  state_->http->Start();
}
std::vector<FakeRequest> KubernetesServer::requests() const {
  return state_->http->requests();
}

size_t KubernetesServer::CountRequests(const std::string& match) const {
  const auto all = requests();
  return static_cast<size_t>(std::count_if(all.begin(), all.end(), [&](const auto& request) {
    return kubernetes::LineOf(request).find(match) != std::string::npos;
  }));
}

FakeReply KubernetesServer::Answer(const FakeRequest& request) {
  const auto fault = state_->faults.Take(request);
  if (!fault) return state_->api.Answer(request);
  if (auto instead = kubernetes::Instead(*fault)) return *instead;
  FakeReply reply = state_->api.Answer(request);
  kubernetes::Spoil(*fault, reply);
  return reply;
}

std::string KubernetesServer::Kubeconfig(const std::string& user, const std::string& space,
                                         const std::string& ca_file) const {
  return "apiVersion: v1\nkind: Config\ncurrent-context: test\nclusters:\n- name: test\n"
         "  cluster:\n    server: " +
         url() + "\n" + (ca_file.empty() ? "" : "    certificate-authority: " + ca_file + "\n") +
         "contexts:\n- name: test\n  context:\n    cluster: test\n    user: " + user +
         "\n    namespace: " + space + "\nusers:\n- name: " + user +
         "\n  user:\n    token: " + user + "\n";
}

std::string KubernetesServer::PathOf(const std::string& kind, const std::string& space,
                                     const std::string& name) {
  const Resource* resource = ResourceOfKind(kind);
  if (resource == nullptr) throw std::runtime_error("the test cluster has no kind " + kind);
  return (resource->group.empty() ? "/api/" : "/apis/") + resource->ApiVersion() +
         (resource->namespaced ? "/namespaces/" + space : "") + "/" + resource->plural +
         (name.empty() ? "" : "/" + name);
}

KubernetesServer::Json KubernetesServer::AsAdmin(const std::string& method, const std::string& path,
                                                 const Json& body, const std::string& content_type,
                                                 const std::string& manager) {
  FakeRequest request;
  request.method = method;
  request.path = path;
  request.headers = {{"authorization", "Bearer admin"}, {"content-type", content_type}};
  if (!manager.empty()) request.headers.emplace_back("user-agent", manager);
  if (!body.is_null()) request.body = body.dump();
  const FakeReply reply = state_->api.Answer(request);
  if (reply.status >= 400)
    throw std::runtime_error(method + " " + path + ": " + std::to_string(reply.status) + " " +
                             reply.body);
  return Json::parse(reply.body);
}

KubernetesServer::Json KubernetesServer::Create(const Json& object) {
  const std::string kind = object.value("kind", "");
  const Resource* resource = ResourceOfKind(kind);
  std::string space;
  if (resource != nullptr && resource->namespaced) {
    space = kubernetes::NamespaceOf(object);
    if (space.empty()) space = "default";
    if (!Get("Namespace", "", space))
      AsAdmin("POST", "/api/v1/namespaces",
              {{"kind", "Namespace"}, {"apiVersion", "v1"}, {"metadata", {{"name", space}}}});
  }
  Json made = AsAdmin("POST", PathOf(kind, space, ""), object);
  if (!object.contains("status")) return made;
  return AsAdmin("PATCH", PathOf(kind, space, kubernetes::NameOf(made)) + "/status",
                 {{"status", object["status"]}}, "application/merge-patch+json");
}

KubernetesServer::Json KubernetesServer::Patch(const std::string& kind, const std::string& space,
                                               const std::string& name, const Json& merge_patch,
                                               const std::string& manager) {
  const std::string path = PathOf(kind, space, name);
  Json made = AsAdmin("PATCH", path, merge_patch, "application/merge-patch+json", manager);
  if (!merge_patch.contains("status")) return made;
  return AsAdmin("PATCH", path + "/status", {{"status", merge_patch["status"]}},
                 "application/merge-patch+json");
}

void KubernetesServer::Delete(const std::string& kind, const std::string& space,
                              const std::string& name) {
  AsAdmin("DELETE", PathOf(kind, space, name), nullptr);
}

std::optional<KubernetesServer::Json> KubernetesServer::Get(const std::string& kind,
                                                            const std::string& space,
                                                            const std::string& name) const {
  const Resource* resource = ResourceOfKind(kind);
  const std::lock_guard lock(state_->cluster.mutex);
  if (resource == nullptr) return std::nullopt;
  const Object found =
      state_->cluster.store.Find(*resource, resource->namespaced ? space : "", name);
  if (found == nullptr) return std::nullopt;
  return *found;
}

std::vector<KubernetesServer::Json> KubernetesServer::List(
    const std::string& kind, const std::string& space, const std::string& label_selector) const {
  const auto selector = kubernetes::LabelSelector::Parse(label_selector);
  const std::lock_guard lock(state_->cluster.mutex);
  std::vector<Json> found;
  for (const Object& object : state_->cluster.List(kind, space))
    if (selector.Matches(*object)) found.push_back(*object);
  return found;
}

KubernetesServer::Json KubernetesServer::Deploy(const std::string& space, const std::string& name,
                                                int replicas, const std::string& image,
                                                const Json& spec) {
  const Json labels = {{"app", name}};
  Json object = {{"apiVersion", "apps/v1"},
                 {"kind", "Deployment"},
                 {"metadata", {{"name", name}, {"namespace", space}, {"labels", labels}}},
                 {"spec",
                  {{"replicas", replicas},
                   {"selector", {{"matchLabels", labels}}},
                   {"template",
                    {{"metadata", {{"labels", labels}}},
                     {"spec",
                      {{"terminationGracePeriodSeconds", 1},
                       {"containers", Json::array({{{"name", "main"}, {"image", image}}})}}}}}}}};
  object["spec"].merge_patch(spec);
  return Create(object);
}

void KubernetesServer::Advance(std::chrono::milliseconds by) {
  const std::lock_guard lock(state_->cluster.mutex);
  const int64_t until_ms = state_->cluster.NowMs() + by.count();
  state_->Rest();
  // What falls due on the way happens at its own time.
  while (state_->controllers.due() && *state_->controllers.due() <= until_ms) {
    const int64_t now_ms = state_->cluster.NowMs();
    state_->cluster.Advance(
        std::chrono::milliseconds(std::max<int64_t>(1, *state_->controllers.due() - now_ms)));
    state_->Rest();
  }
  state_->cluster.Advance(std::chrono::milliseconds(until_ms - state_->cluster.NowMs()));
  state_->Rest();
}

void KubernetesServer::Step() {
  const std::lock_guard lock(state_->cluster.mutex);
  state_->Sweep();
}

bool KubernetesServer::Settle(std::chrono::milliseconds within) {
  std::unique_lock lock(state_->cluster.mutex);
  if (state_->options.manual) {
    state_->Rest();
    return true;
  }
  return state_->cluster.changed.wait_for(lock, within,
                                          [this] { return state_->Quiet() && !state_->IsDue(); });
}

bool KubernetesServer::WaitUntil(const std::function<bool()>& condition,
                                 std::chrono::milliseconds within) const {
  const auto deadline = std::chrono::steady_clock::now() + within;
  while (!condition()) {
    std::unique_lock lock(state_->cluster.mutex);
    if (std::chrono::steady_clock::now() >= deadline) return false;
    state_->cluster.changed.wait_for(lock, std::chrono::milliseconds(10));
  }
  return true;
}

void KubernetesServer::SetReadyDelay(std::chrono::milliseconds delay) {
  state_->Set([&] { state_->cluster.kubelets.ready_delay = delay; });
}
void KubernetesServer::SetTerminationDelay(std::chrono::milliseconds delay) {
  state_->Set([&] { state_->cluster.kubelets.termination_delay = delay; });
}
void KubernetesServer::SetFateOfImage(const std::string& image, kubernetes::PodFate fate) {
  state_->Set([&] { state_->cluster.kubelets.fate_of_image[image] = fate; });
}
void KubernetesServer::SetFateOfPod(const std::string& name, kubernetes::PodFate fate) {
  state_->Set([&] { state_->cluster.kubelets.fate_of_pod[name] = fate; });
}
void KubernetesServer::StopKubelets(bool stopped) {
  state_->Set([&] { state_->cluster.kubelets.stopped = stopped; });
}

void KubernetesServer::SetNodeCondition(const std::string& node, const std::string& type,
                                        bool status, const std::string& reason) {
  state_->Set([&] {
    const Object found = state_->cluster.store.Find(*ResourceOfKind("Node"), "", node);
    if (found == nullptr) throw std::runtime_error("the test cluster has no node " + node);
    Json updated = *found;
    kubernetes::SetCondition(updated,
                             {{"type", type},
                              {"status", status ? "True" : "False"},
                              {"lastHeartbeatTime", state_->cluster.Now()},
                              {"reason", reason},
                              {"message", reason}},
                             state_->cluster.Now());
    state_->cluster.Put("Node", std::move(updated));
  });
}

void KubernetesServer::AddToken(const std::string& token, const std::string& user) {
  state_->Set([&] { state_->access.AddToken(token, user); });
}
void KubernetesServer::RemoveToken(const std::string& token) {
  state_->Set([&] { state_->access.RemoveToken(token); });
}
void KubernetesServer::SetCertificateUser(const std::string& user) {
  state_->Set([&] { state_->access.SetCertificateUser(user); });
}
void KubernetesServer::UseRbac(bool use) {
  state_->Set([&] { state_->access.UseRbac(use); });
}
void KubernetesServer::Refuse(const std::string& verb, const std::string& resource,
                              const std::string& space) {
  state_->Set([&] { state_->access.Refuse(verb, resource, space); });
}
void KubernetesServer::AllowAgain() {
  state_->Set([&] { state_->access.AllowAgain(); });
}

void KubernetesServer::Fail(KubernetesFault fault) {
  state_->faults.Add(std::move(fault));
}
void KubernetesServer::ClearFaults() {
  state_->faults.Clear();
}
void KubernetesServer::ExpireContinues() {
  state_->Set([&] { state_->api.ExpireContinues(); });
}
void KubernetesServer::ExpireWatches() {
  state_->Set([&] {
    ++state_->cluster.expire_watches;
    state_->cluster.store.Compact();
  });
}
void KubernetesServer::Compact() {
  state_->Set([&] { state_->cluster.store.Compact(); });
}
void KubernetesServer::CutWatches() {
  state_->Set([&] { ++state_->cluster.cut_watches; });
}
void KubernetesServer::RaceReads(const std::string& kind, const std::string& space,
                                 const std::string& name, int times) {
  state_->Set([&] { state_->api.RaceReads(kind, space, name, times); });
}

}  // namespace heald::fakes
