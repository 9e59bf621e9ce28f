// The kubernetes source with 10,000 pods on its watch: how long the first list takes, its memory,
// and what the pods' changes cost of a core. The API server is a process of its own, so all that is
// measured is the source's. One table. bench_kubernetes_watch [pods] [changes per second] [seconds]
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "tests/fakes/http_server.h"
#include "tests/fakes/source_harness.h"

extern "C" const heald_plugin heald_plugin_v1;

namespace {

using Clock = std::chrono::steady_clock;
using heald::fakes::FakeReply;
using heald::fakes::FakeRequest;
using nlohmann::json;

constexpr size_t kPage = 500;

// As large as pods are that have two containers, some volumes and the usual managedFields.
json PodObject(size_t number, uint64_t version) {
  const std::string n = std::to_string(number);
  json container{{"name", "main"}, {"image", "registry.example.org/team/web:1.2.3"}};
  for (int i = 0; i < 12; ++i)
    container["env"].push_back(
        {{"name", "SETTING_" + std::to_string(i)}, {"value", "some value of setting " + n}});
  json sidecar = container;
  sidecar["name"] = "sidecar";
  json statuses = json::array();
  for (const char* name : {"main", "sidecar"})
    statuses.push_back({{"name", name},
                        {"ready", true},
                        {"restartCount", 0},
                        {"image", container["image"]},
                        {"containerID", "containerd://" + std::string(64, 'a')},
                        {"state", {{"running", {{"startedAt", "2026-11-22T08:00:00Z"}}}}},
                        {"lastState", json::object()}});
  json conditions = json::array();
  for (const char* type : {"Initialized", "Ready", "ContainersReady", "PodScheduled"})
    conditions.push_back({{"type", type},
                          {"status", "True"},
                          {"lastProbeTime", nullptr},
                          {"lastTransitionTime", "2026-11-22T08:00:00Z"}});
  json fields;
  for (int i = 0; i < 60; ++i) fields["f:field-" + std::to_string(i)] = {{".", json::object()}};
  return {{"metadata",
           {{"name", "web-6c8497dfd-" + n},
            {"generateName", "web-6c8497dfd-"},
            {"namespace", "team-" + std::to_string(number % 40)},
            {"uid", "f8209937-2cfb-411e-ab8c-" + std::to_string(100'000'000'000 + number)},
            {"resourceVersion", std::to_string(version)},
            {"labels", {{"app", "web"}, {"pod-template-hash", "6c8497dfd"}}},
            {"ownerReferences",
             {{{"kind", "ReplicaSet"}, {"name", "web-6c8497dfd"}, {"controller", true}}}},
            {"managedFields",
             {{{"manager", "kube-controller-manager"}, {"fieldsV1", fields}},
              {{"manager", "kubelet"}, {"fieldsV1", fields}}}}}},
          {"spec",
           {{"nodeName", "node-" + std::to_string(number % 100)},
            {"containers", {container, sidecar}}}},
          {"status",
           {{"phase", "Running"}, {"conditions", conditions}, {"containerStatuses", statuses}}}};
}

FakeReply ListPage(const FakeRequest& request, size_t pods) {
  const size_t at = request.query.find("continue=");
  const size_t from = at == std::string::npos ? 0 : std::stoul(request.query.substr(at + 9));
  const size_t to = std::min(from + kPage, pods);
  std::string body = R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1")";
  if (to < pods) body += ",\"continue\":\"" + std::to_string(to) + "\"";
  body += "},\"items\":[";
  for (size_t i = from; i < to; ++i) body += (i == from ? "" : ",") + PodObject(i, 1).dump();
  return {.body = body + "]}"};
}

// Changes of one pod after the other, at an even pace.
FakeReply Changes(size_t pods, double per_second) {
  FakeReply reply;
  reply.stream = [began = Clock::now(), sent = uint64_t{0}, pods,
                  per_second]() mutable -> std::optional<std::string> {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const double due = std::chrono::duration<double>(Clock::now() - began).count() * per_second;
    std::string events;
    for (; static_cast<double>(sent) < due; ++sent)
      events +=
          json{{"type", "MODIFIED"}, {"object", PodObject(sent * 7919 % pods, sent + 2)}}.dump() +
          "\n";
    return events;
  };
  return reply;
}

[[noreturn]] void Serve(int out, size_t pods, double per_second) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  heald::fakes::HttpServer server([&](const FakeRequest& request) -> FakeReply {
    if (request.query.find("watch=true") == std::string::npos) return ListPage(request, pods);
    return Changes(pods, per_second);
  });
  const int port = server.port();
  if (write(out, &port, sizeof port) != sizeof port) _exit(1);
  for (;;) pause();
}

double Cpu() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

double StatusMiB(const char* key) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.rfind(key, 0) == 0) return std::stod(line.substr(std::strlen(key))) / 1024;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const size_t pods = argc > 1 ? std::stoul(argv[1]) : 10'000;
  const double per_second = argc > 2 ? std::stod(argv[2]) : 100;
  const int seconds = argc > 3 ? std::stoi(argv[3]) : 20;
  int ends[2];
  if (pipe(ends) != 0) return 1;
  const pid_t server = fork();
  if (server == 0) Serve(ends[1], pods, per_second);
  int port = 0;
  if (read(ends[0], &port, sizeof port) != sizeof port) return 1;

  const double before_mib = StatusMiB("VmRSS:");
  const auto began = Clock::now();
  heald::fakes::SourceHarness source(
      heald_plugin_v1, "kubernetes",
      {{"api_server", "http://127.0.0.1:" + std::to_string(port)}, {"resources", {"pods"}}});
  while (source.host().MetricTotal("lists_total") < 1) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    source.Poll();
    if (Clock::now() - began > std::chrono::minutes(5)) return 1;
  }
  const double listed = std::chrono::duration<double>(Clock::now() - began).count();
  const double list_cpu = Cpu();
  const double events_before = source.host().MetricTotal("events_total");
  for (int i = 0; i < seconds; ++i) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    if (i % 10 == 9) source.Poll();
  }
  source.Poll();
  const double cpu = Cpu() - list_cpu;
  const double events = source.host().MetricTotal("events_total") - events_before;
  std::printf("pods                     %zu, %zu bytes each\n", pods,
              PodObject(1, 1).dump().size());
  std::printf("first list               %.2f s, of a core %.2f s\n", listed, list_cpu);
  std::printf("memory                   %.1f MiB, at most %.1f MiB (%.1f before)\n",
              StatusMiB("VmRSS:"), StatusMiB("VmHWM:"), before_mib);
  std::printf("changes                  %.1f a second\n", events / seconds);
  std::printf("of a core                %.2f %%\n", 100 * cpu / seconds);
  kill(server, SIGKILL);
  waitpid(server, nullptr, 0);
}
