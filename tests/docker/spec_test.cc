// Every call that the client makes exists in the Engine's own description, with these parameters
// and these statuses; and what is read of the answers is described there.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace heald::docker {
namespace {

// YAML enough for this: the block that belongs to a key at a given indentation.
class Block {
 public:
  explicit Block(std::vector<std::string> lines) : lines_(std::move(lines)) {}

  bool empty() const { return lines_.empty(); }
  Block Under(const std::string& key) const {
    std::vector<std::string> found;
    size_t indent = std::string::npos;
    for (const std::string& line : lines_) {
      const size_t begin = line.find_first_not_of(' ');
      if (begin == std::string::npos) continue;
      if (indent != std::string::npos) {
        if (begin <= indent) break;
        found.push_back(line);
      } else if (line.substr(begin) == key + ":") {
        indent = begin;
      }
    }
    return Block(std::move(found));
  }
  bool Says(const std::string& text) const {
    for (const std::string& line : lines_)
      if (line.find(text) != std::string::npos) return true;
    return false;
  }

 private:
  std::vector<std::string> lines_;
};

std::string SpecPath() {
  const char* shared = std::getenv("HEALD_SHARED");  // NOLINT(concurrency-mt-unsafe)
  const std::filesystem::path folder =
      shared != nullptr ? std::filesystem::path(shared)
                        : std::filesystem::path(HEALD_SOURCE_DIR) / ".." / "shared";
  return folder / "specs/moby-v1.41.yaml";
}

class DockerSpecTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file(SpecPath());
    if (!file)
      GTEST_SKIP() << "no Engine API description at " << SpecPath() << ": set HEALD_SHARED";
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    spec_ = Block(std::move(lines));
  }
  Block spec_{{}};
};

struct Call {
  const char* path;
  const char* method;
  std::vector<const char*> parameters;
  std::vector<const char*> statuses;
};

TEST_F(DockerSpecTest, EveryCallIsDescribed) {
  const std::vector<Call> calls = {
      {"/_ping", "get", {}, {"200"}},
      {"/version", "get", {}, {"200"}},
      {"/containers/json", "get", {"all", "filters"}, {"200"}},
      {"/containers/{id}/json", "get", {}, {"200", "404"}},
      {"/containers/{id}/restart", "post", {"t"}, {"204", "404", "500"}},
      {"/containers/{id}/stop", "post", {"t"}, {"204", "304", "404"}},
      {"/containers/{id}/start", "post", {}, {"204", "304", "404"}},
      {"/containers/{id}/pause", "post", {}, {"204", "404"}},
      {"/containers/{id}/unpause", "post", {}, {"204", "404"}},
      {"/containers/{id}/stats", "get", {"stream", "one-shot"}, {"200", "404"}},
      {"/events", "get", {"since", "filters"}, {"200", "400"}},
      {"/containers/create", "post", {"name", "body"}, {"201", "409"}},
      {"/containers/{id}", "delete", {"v", "force"}, {"204", "404"}},
      {"/networks/{id}/connect", "post", {"container"}, {"200", "404"}},
      {"/images/{name}/json", "get", {}, {"200", "404"}},
      {"/services/{id}", "get", {}, {"200", "404"}},
      {"/services/{id}/update", "post", {"version", "rollback"}, {"200", "404"}},
      {"/tasks", "get", {"filters"}, {"200"}}};
  for (const Call& call : calls) {
    const Block method = spec_.Under(call.path).Under(call.method);
    ASSERT_FALSE(method.empty()) << call.method << ' ' << call.path;
    for (const char* parameter : call.parameters)
      EXPECT_TRUE(method.Under("parameters").Says(std::string("name: \"") + parameter + "\""))
          << call.path << " has no parameter " << parameter;
    for (const char* status : call.statuses)
      EXPECT_FALSE(method.Under("responses").Under(status).empty())
          << call.path << " never answers " << status;
  }
}

TEST_F(DockerSpecTest, EveryFieldThatIsReadOrWrittenIsDescribed) {
  const Block definitions = spec_.Under("definitions");
  const std::vector<std::pair<const char*, std::vector<const char*>>> fields = {
      {"ContainerState",
       {"Status", "StartedAt", "FinishedAt", "ExitCode", "OOMKilled", "Error", "Health"}},
      {"ContainerSummary", {"Id", "Names", "Labels", "State"}},
      {"EventMessage", {"Type", "Action", "Actor", "timeNano"}},
      {"EventActor", {"ID", "Attributes"}},
      {"Resources", {"NanoCpus", "CpuQuota", "CpuPeriod", "CpusetCpus"}},
      {"RestartPolicy", {"Name"}},
      {"Health", {"Status", "Log"}},
      {"HealthConfig", {"Interval", "Timeout", "Retries", "StartPeriod"}},
      {"ContainerConfig", {"Hostname", "Image", "Labels", "Healthcheck", "MacAddress"}},
      {"HostConfig", {"NetworkMode", "PortBindings", "AutoRemove"}},
      {"EndpointSettings", {"IPAMConfig", "Links", "Aliases", "DriverOpts"}},
      {"PortBinding", {"HostPort"}},
      {"Service", {"ID", "Version", "Spec"}},
      {"ServiceSpec", {"Name", "Mode"}},
      {"ErrorResponse", {"message"}}};
  for (const auto& [definition, names] : fields) {
    const Block block = definitions.Under(definition);
    ASSERT_FALSE(block.empty()) << definition;
    for (const char* name : names)
      EXPECT_TRUE(block.Says(std::string(name) + ":")) << definition << '.' << name;
  }
  for (const char* state :
       {"created", "running", "paused", "restarting", "removing", "exited", "dead"})
    EXPECT_TRUE(definitions.Under("ContainerState").Says(state)) << state;
  for (const char* policy : {"always", "unless-stopped"})
    EXPECT_TRUE(definitions.Under("RestartPolicy").Says(policy)) << policy;
}

// The answer has no schema, only an example and the formulas.
TEST_F(DockerSpecTest, EveryFieldOfTheStatsIsDescribed) {
  const Block stats = spec_.Under("/containers/{id}/stats").Under("get");
  for (const char* field :
       {"read:", "online_cpus:", "total_usage:", "percpu_usage:", "total_inactive_file:",
        "memory_stats.stats.inactive_file", "io_service_bytes_recursive",
        "usage:", "limit:", "current:", "rx_bytes:", "tx_bytes:"})
    EXPECT_TRUE(stats.Says(field)) << field;
}

TEST_F(DockerSpecTest, EveryEventThatIsUsedIsDescribed) {
  const Block events = spec_.Under("/events").Under("get");
  for (const char* event :
       {"`die`", "`start`", "`kill`", "`stop`", "`oom`", "`health_status`", "`pause`", "`unpause`"})
    EXPECT_TRUE(events.Says(event)) << event;
}

}  // namespace
}  // namespace heald::docker
