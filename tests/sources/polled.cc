#include "tests/sources/polled.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <stdexcept>

#include "tests/fakes/docker_server.h"

namespace heald::testing {
namespace {

using fakes::FakeReply;
using fakes::FakeRequest;
using nlohmann::json;

class ScriptedServer : public PolledServer {
 public:
  explicit ScriptedServer(fakes::HttpServer::Script well)
      : well_(std::move(well)),
        server_([this](const FakeRequest& request) { return Answer(request); }) {}
  std::string url() const override { return server_.url(); }
  void Stop() override { server_.Stop(); }
  void Start() override { server_.Start(); }
  void SetFault(Fault fault) override {
    const std::lock_guard lock(mutex_);
    fault_ = std::move(fault);
  }

 private:
  FakeReply Answer(const FakeRequest& request) {
    const std::lock_guard lock(mutex_);
    if (fault_)
      if (std::optional<FakeReply> reply = fault_(request)) return *reply;
    return well_(request);
  }

  std::mutex mutex_;
  Fault fault_;  // guarded by mutex_
  const fakes::HttpServer::Script well_;
  fakes::HttpServer server_;
};

class FakeEngine : public PolledServer {
 public:
  FakeEngine() { server_.Put("shop-web-1"); }
  std::string url() const override { return server_.url(); }
  void Stop() override { server_.Stop(); }
  void Start() override { server_.Start(); }
  void SetFault(Fault fault) override { server_.SetFault(std::move(fault)); }

 private:
  fakes::DockerServer server_;
};

// "…&start=170…&…": the number behind the name, or 0.
int64_t NumberIn(const std::string& query, const std::string& name) {
  const size_t at = query.find(name + "=");
  return at == std::string::npos ? 0 : std::atoll(query.c_str() + at + name.size() + 1);
}

FakeReply Vector(const FakeRequest&) {
  static std::atomic<int64_t> second = 1'700'000'000;
  json result = {{"metric", {{"service", "web"}}}, {"value", {++second, "5"}}};
  return {.body = json{{"status", "success"},
                       {"data", {{"resultType", "vector"}, {"result", {std::move(result)}}}}}
                      .dump()};
}

FakeReply Matrix(const FakeRequest& request) {
  json values = json::array();
  for (int64_t ns = NumberIn(request.query, "start"); ns <= NumberIn(request.query, "end");
       ns += kSecond)
    values.push_back({ns / kSecond, "5"});
  json result = {{"metric", {{"service", "web"}}}, {"values", std::move(values)}};
  return {.body = json{{"status", "success"},
                       {"data", {{"resultType", "matrix"}, {"result", {std::move(result)}}}}}
                      .dump()};
}

FakeReply Page(const FakeRequest&) {
  return {.headers = {{"Content-Type", "text/plain; version=0.0.4"}},
          .body = "# TYPE queue_length gauge\nqueue_length 5\n"};
}

template <fakes::HttpServer::Script::result_type (*kWell)(const FakeRequest&)>
std::unique_ptr<PolledServer> Serve() {
  return std::make_unique<ScriptedServer>(kWell);
}

}  // namespace

const std::vector<PolledSource>& Polled() {
  static const std::vector<PolledSource> sources = {
      {"prometheus", &Serve<&Vector>,
       [](const std::string& url) {
         return json{{"url", url}, {"queries", {{"queue", "queue_length"}}}};
       }},
      {"scrape", &Serve<&Page>,
       [](const std::string& url) {
         return json{{"targets", {url + "/metrics"}},
                     {"metrics", {{"queue", {{"gauge", "queue_length"}}}}}};
       },
       "up"},
      {"loki", &Serve<&Matrix>,
       [](const std::string& url) {
         return json{
             {"url", url}, {"lag", 0}, {"metrics", {{"queue", "sum(rate({a=\"b\"}[1m]))"}}}};
       },
       "", true},
      {"docker", [] { return std::unique_ptr<PolledServer>(std::make_unique<FakeEngine>()); },
       [](const std::string& url) {
         return json{{"url", url}};
       }},
  };
  return sources;
}

const heald_plugin& LoadSource(const std::string& name) {
  const std::string path = std::string(HEALD_TEST_PLUGIN_DIR) + "/heald_source_" + name + ".so";
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw std::runtime_error(dlerror());
  const void* const plugin = dlsym(library, HEALD_PLUGIN_SYMBOL);
  if (plugin == nullptr) throw std::runtime_error(path + " is no plugin");
  return *static_cast<const heald_plugin*>(plugin);
}

std::chrono::seconds OutageTime() {
  const char* const text =
      std::getenv("HEALD_TEST_OUTAGE_SECONDS");  // NOLINT(concurrency-mt-unsafe)
  return std::chrono::seconds(text != nullptr ? std::atoi(text) : 0);
}

PolledRun::PolledRun(const PolledSource& source, const std::string& url)
    : source_(source), harness_(LoadSource(source.name), source.name, [&] {
        json config = source.config(url);
        config["interval"] = kSecond;
        config["timeout"] = kSecond / 2;
        return config;
      }()) {}

std::string PolledRun::Poll(std::chrono::milliseconds within) {
  return harness_.Poll(within);
}

size_t PolledRun::TakeRows() {
  size_t rows = 0;
  for (const auto& row : harness_.TakeRows()) {
    if (row.name == source_.up && row.value == 0) continue;
    ++rows;
    std::string series = row.name;
    for (const auto& [name, value] : row.labels.items()) series += " " + name + "=" + value;
    const auto [at, first] = latest_ns_.try_emplace(series, row.ts_ns);
    if (first) continue;
    if (row.ts_ns <= at->second)
      disorder_ = series + " " + std::to_string(row.ts_ns) + " after " + std::to_string(at->second);
    longest_gap_ns_ = std::max(longest_gap_ns_, row.ts_ns - at->second);
    at->second = row.ts_ns;
  }
  return rows;
}

}  // namespace heald::testing
