#include "tests/integration/docker_engine.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>
#include <thread>

namespace heald::testing {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kBusyboxLinks[] = {"sh",  "sleep", "true", "false",
                                         "cat", "touch", "test", "httpd"};

bool WaitFor(const std::function<bool()>& condition, milliseconds within) {
  const auto until = std::chrono::steady_clock::now() + within;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(milliseconds(20));
  }
  return true;
}

std::string FindProgram(const std::string& name) {
  for (const char* folder : {"/usr/sbin", "/usr/bin", "/usr/local/bin", "/usr/local/sbin", "/bin"})
    if (std::string file = std::string(folder) + "/" + name; access(file.c_str(), X_OK) == 0)
      return file;
  return "";
}

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  static_cast<void>(bind(fd, reinterpret_cast<sockaddr*>(&address), size));
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

// Network namespaces and overlays that a killed Engine leaves mounted below `folder`.
void UnmountBelow(const fs::path& folder) {
  std::ifstream mounts("/proc/self/mountinfo");
  std::vector<std::string> points;
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields(line);
    std::string skipped;
    std::string point;
    fields >> skipped >> skipped >> skipped >> skipped >> point;
    if (point.starts_with(folder.string() + "/")) points.push_back(point);
  }
  std::sort(points.rbegin(), points.rend());
  for (const std::string& point : points) umount2(point.c_str(), MNT_DETACH);
}

// Ends what the process ids in these files still name, if it is of the program.
void KillLeft(const fs::path& pid_file, const std::string& program) {
  pid_t pid = 0;
  std::ifstream(pid_file) >> pid;
  std::string name;
  std::ifstream("/proc/" + std::to_string(pid) + "/comm") >> name;
  if (pid > 0 && name == program) kill(pid, SIGKILL);
}

}  // namespace

DockerEngine::DockerEngine(const Tls* tls) {
  const std::string dockerd = FindProgram("dockerd");
  if (dockerd.empty()) {
    why_ = "no Docker Engine here: dockerd is not installed (Debian package docker.io)";
  } else if (geteuid() != 0) {
    why_ = "no Docker Engine here: starting dockerd needs root";
  } else if (FindProgram("busybox").empty()) {
    why_ =
        "no image for the Docker Engine: busybox is not installed (Debian package busybox-static)";
  } else {
    why_ = Start(tls);
    if (why_.empty()) why_ = ImportBusybox();
  }
}

DockerEngine::~DockerEngine() {
  Stop();
  if (folder_.empty()) return;
  UnmountBelow(folder_);
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::string DockerEngine::Start(const Tls* tls) {
  std::string pattern = (fs::temp_directory_path() / "heald-engine-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) return "no temporary folder " + pattern;
  folder_ = pattern;
  // A namespace of its own, in case the machine's containerd is used.
  const std::string space = folder_.filename();
  command_ = {FindProgram("dockerd"),
              "-H",
              url(),
              "--data-root",
              folder_ / "data",
              "--exec-root",
              folder_ / "exec",
              "--pidfile",
              folder_ / "docker.pid",
              "--config-file",
              folder_ / "none.json",
              "--containerd-namespace",
              space,
              "--containerd-plugins-namespace",
              space + "-plugins",
              "--bridge=none",
              "--iptables=false",
              "--ip6tables=false",
              "--userland-proxy=false",
              "--shutdown-timeout=2"};
  std::ofstream(folder_ / "none.json") << "{}";
  if (tls != nullptr) {
    tls_port_ = FreePort();
    command_.insert(command_.end(), {"-H", "tcp://127.0.0.1:" + std::to_string(tls_port_),
                                     "--tlsverify", "--tlscacert", tls->ca_file, "--tlscert",
                                     tls->cert_file, "--tlskey", tls->key_file});
  }
  support::HttpConfig config;
  config.url = url();
  config.timeout = sdk::Seconds(60);
  client_ = std::make_unique<support::HttpClient>(config);
  return Launch();
}

std::string DockerEngine::StartAgain() {
  Stop();
  return Launch();
}

std::string DockerEngine::Launch() {
  std::vector<char*> arguments;
  arguments.reserve(command_.size() + 1);
  for (std::string& text : command_) arguments.push_back(text.data());
  arguments.push_back(nullptr);
  const int log = open((folder_ / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  pid_ = fork();
  if (pid_ == 0) {
    // A test that is killed takes its Engine along.
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    dup2(log, 1);
    dup2(log, 2);
    execv(arguments.front(), arguments.data());
    _exit(127);
  }
  close(log);
  bool ended = false;
  WaitFor(
      [&] {
        ended = waitpid(pid_, nullptr, WNOHANG) == pid_;
        return ended || client_->Perform({.url = "/_ping"}).ok();
      },
      seconds(20));
  if (ended) {
    pid_ = 0;
    return "no Docker Engine can start here: " + LastLogLine();
  }
  if (!client_->Perform({.url = "/_ping"}).ok())
    return "the Docker Engine didn't answer within 20 s: " + LastLogLine();
  return "";
}

std::string DockerEngine::ImportBusybox() {
  const fs::path tree = folder_ / "tree";
  fs::create_directories(tree / "bin");
  fs::create_directories(tree / "tmp");
  fs::create_directories(tree / "etc");
  fs::copy_file(FindProgram("busybox"), tree / "bin/busybox");
  for (const char* link : kBusyboxLinks) fs::create_symlink("busybox", tree / "bin" / link);
  return ImportTree(tree, kImage);
}

std::string DockerEngine::ImportTree(const fs::path& tree, const std::string& image) {
  const std::string command = "tar -C '" + tree.string() + "' -cf - .";
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return "tar doesn't run";
  std::string archive;
  for (char buffer[65536];;) {
    const size_t got = fread(buffer, 1, sizeof buffer, pipe);
    if (got == 0) break;
    archive.append(buffer, got);
  }
  if (pclose(pipe) != 0) return "tar failed";
  support::HttpRequest request{.method = "POST",
                               .url = "/images/create?fromSrc=-&repo=" + support::UrlEncode(image),
                               .headers = {{"Content-Type", "application/x-tar"}},
                               .body = std::move(archive)};
  const support::HttpResult result = client_->Perform(request);
  if (!result.ok()) return "importing " + image + ": " + result.error.Sentence();
  int status = 0;
  Api("GET", "/images/" + image + "/json", nullptr, &status);
  return status == 200 ? "" : "importing " + image + ": " + result.response.body;
}

nlohmann::json DockerEngine::Api(const std::string& method, const std::string& path,
                                 const nlohmann::json& body, int* status) {
  support::HttpRequest request{.method = method, .url = path};
  if (!body.is_null()) {
    request.body = body.dump();
    request.headers.emplace_back("Content-Type", "application/json");
  }
  const support::HttpResult result = client_->Perform(request);
  if (status != nullptr) *status = result.response.status;
  nlohmann::json answer = nlohmann::json::parse(result.response.body, nullptr, false);
  return answer.is_discarded() ? nlohmann::json::object() : answer;
}

std::string DockerEngine::RunContainer(const std::string& name, nlohmann::json body) {
  if (!body.contains("Image")) body["Image"] = kImage;
  if (!body["HostConfig"].contains("NetworkMode")) body["HostConfig"]["NetworkMode"] = "host";
  const nlohmann::json created = Api("POST", "/containers/create?name=" + name, body);
  std::string id = created.value("Id", "");
  int status = 0;
  const nlohmann::json started = Api("POST", "/containers/" + id + "/start", nullptr, &status);
  if (!id.empty() && status == 204) return id;
  std::fprintf(stderr, "container %s: %s %s\n", name.c_str(), created.dump().c_str(),
               started.dump().c_str());
  return "";
}

std::string DockerEngine::LastLogLine() const {
  std::ifstream log(folder_ / "log");
  std::string last;
  for (std::string line; std::getline(log, line);)
    if (!line.empty()) last = line;
  return last;
}

void DockerEngine::Stop(bool killed) {
  if (pid_ <= 0) return;
  kill(pid_, killed ? SIGKILL : SIGTERM);
  if (!WaitFor([this] { return waitpid(pid_, nullptr, WNOHANG) == pid_; }, seconds(20))) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  pid_ = 0;
  KillLeft(folder_ / "exec/containerd/containerd.pid", "containerd");
}

}  // namespace heald::testing
