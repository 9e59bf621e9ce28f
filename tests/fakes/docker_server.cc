#include "tests/fakes/docker_server.h"

#include <chrono>
#include <cstdlib>

namespace heald::fakes {

using nlohmann::json;

namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr const char* kTime = "2026-11-21T21:02:30.763447680Z";

int64_t WallNs() {
  return std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

std::string TimeText(int64_t ns) {
  const time_t seconds = ns / kSecond;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64];
  const size_t size = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  snprintf(text + size, sizeof text - size, ".%09lldZ", static_cast<long long>(ns % kSecond));
  return text;
}

// "since=1795290124.000000001" in ns; 0 where it isn't given.
int64_t SinceNs(const std::string& query) {
  const size_t at = query.find("since=");
  if (at == std::string::npos) return 0;
  char* end = nullptr;
  const int64_t seconds = std::strtoll(query.c_str() + at + 6, &end, 10);
  const int64_t nanos = *end == '.' ? std::strtoll(end + 1, nullptr, 10) : 0;
  return seconds * kSecond + nanos;
}

FakeReply Missing(const std::string& id) {
  return {.status = 404, .body = json{{"message", "No such container: " + id}}.dump()};
}

}  // namespace

DockerServer::DockerServer()
    : server_([this](const FakeRequest& request) { return Answer(request); }) {}

std::string DockerServer::IdOf(const std::string& name) {
  std::string id;
  for (const char c : name)
    for (const int half : {c >> 4, c & 15}) id += "0123456789abcdef"[half];
  return id + std::string(64 - std::min<size_t>(id.size(), 64), '0');
}

void DockerServer::CutStreams() {
  Stop();
  Start();
}

void DockerServer::Put(const std::string& name, const json& labels, const json& inspect) {
  json container = {{"Id", IdOf(name)},
                    {"Name", "/" + name},
                    {"RestartCount", 0},
                    {"State",
                     {{"Status", "running"},
                      {"OOMKilled", false},
                      {"ExitCode", 0},
                      {"Error", ""},
                      {"StartedAt", kTime},
                      {"FinishedAt", "0001-01-01T00:00:00Z"}}},
                    {"HostConfig", {{"RestartPolicy", {{"Name", "no"}}}, {"NanoCpus", 0}}},
                    {"Config", {{"Labels", labels}}}};
  container.merge_patch(inspect);
  const std::lock_guard lock(mutex_);
  inspects_[name] = container;
}

void DockerServer::Remove(const std::string& name) {
  const std::lock_guard lock(mutex_);
  inspects_.erase(name);
}

void DockerServer::SetStats(const std::string& name, const json& stats) {
  const std::lock_guard lock(mutex_);
  stats_[name] = stats;
}

void DockerServer::Tell(const std::string& name, const std::string& action, json attributes) {
  const std::lock_guard lock(mutex_);
  const int64_t now_ns = WallNs();
  attributes["name"] = name;
  attributes["image"] = "shop/" + name;
  if (inspects_.contains(name)) attributes.update(inspects_[name]["Config"]["Labels"]);
  events_.push_back({{"status", action},
                     {"id", IdOf(name)},
                     {"Type", "container"},
                     {"Action", action},
                     {"Actor", {{"ID", IdOf(name)}, {"Attributes", std::move(attributes)}}},
                     {"scope", "local"},
                     {"time", now_ns / kSecond},
                     {"timeNano", now_ns}});
}

void DockerServer::SetFault(std::function<std::optional<FakeReply>(const FakeRequest&)> fault) {
  const std::lock_guard lock(mutex_);
  fault_ = std::move(fault);
}

FakeReply DockerServer::Events(const FakeRequest& request) {
  const int64_t since_ns = SinceNs(request.query);
  FakeReply reply{.keep_open = true};
  for (const json& event : events_)
    if (since_ns != 0 && event["timeNano"] >= since_ns) reply.body += event.dump() + "\n";
  return reply;
}

FakeReply DockerServer::Answer(const FakeRequest& request) {
  const std::lock_guard lock(mutex_);
  if (fault_)
    if (std::optional<FakeReply> reply = fault_(request)) return *reply;
  if (request.path == "/_ping") return {.headers = {{"Api-Version", "1.41"}}, .body = "OK"};
  if (request.path == "/version")
    return {.body = R"({"ApiVersion":"1.41","MinAPIVersion":"1.12"})"};
  if (request.path == "/v1.41/events") return Events(request);
  if (request.path == "/v1.41/containers/json") {
    json list = json::array();
    for (const auto& [name, inspect] : inspects_)
      list.push_back({{"Id", inspect["Id"]},
                      {"Names", {"/" + name}},
                      {"State", inspect["State"]["Status"]},
                      {"Labels", inspect["Config"]["Labels"]}});
    return {.body = list.dump()};
  }
  for (const auto& [name, inspect] : inspects_) {
    const std::string path = "/v1.41/containers/" + IdOf(name);
    if (request.path == path + "/json") return {.body = inspect.dump()};
    if (request.path != path + "/stats") continue;
    json stats = stats_.contains(name) ? stats_[name] : json{{"pids_stats", {{"current", 3}}}};
    if (!stats.contains("read")) stats["read"] = TimeText(WallNs());
    return {.body = stats.dump()};
  }
  return Missing(request.path);
}

}  // namespace heald::fakes
