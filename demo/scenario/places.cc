#include "demo/scenario/places.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "core/api/port_owner.h"
#include "demo/services/disk.h"
#include "demo/services/profile.h"

namespace heald::demo {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMarker = ".heald-demo";  // this folder is the demo's, to be emptied

std::string Variable(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : value;
}

Result<uint16_t> ParsePort(const std::string& variable, const std::string& text) {
  uint16_t port = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (code == std::errc() && end == text.data() + text.size() && port != 0) return port;
  return MakeError(Code::kInvalid, variable + "='" + text + "' is not a port from 1 to 65535");
}

std::string HostOf(const std::string& listen) {
  return listen.substr(0, listen.rfind(':'));
}
std::string PortOf(const std::string& listen) {
  return listen.substr(listen.rfind(':') + 1);
}

// Of two that were given the same port neither would say why it isn't there.
Status EachItsOwn(const Places& places) {
  std::map<std::string, std::string> takers = {{PortOf(places.listen), "HEALD_LISTEN"}};
  for (const auto& [service, port] : places.ports) {
    const auto [at, first] = takers.emplace(std::to_string(port), PortVariable(service));
    if (!first)
      return MakeError(Code::kInvalid, at->second + " and " + PortVariable(service) + " are both " +
                                           at->first + ": give each a port of its own");
  }
  return {};
}

// As the services and heald will bind it.
bool IsFree(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool free = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
                    errno != EADDRINUSE;
  close(fd);
  return free;
}

// Below the range that outgoing connections take theirs from.
Result<uint16_t> FreePort() {
  static std::mt19937 random{std::random_device()()};
  for (int attempt = 0; attempt < 200; ++attempt) {
    const auto port = std::uniform_int_distribution<uint16_t>(20'000, 32'000)(random);
    if (IsFree(port)) return port;
  }
  return MakeError(Code::kUnavailable, "no free port from 20000 to 32000");
}

std::string BinDir() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path().string();
}

}  // namespace

std::string PortVariable(const std::string& service) {
  std::string name = "HEALD_DEMO_";
  for (const char c : service)
    name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name + "_PORT";
}

std::string Places::dashboard() const {
  const std::string host = HostOf(listen);
  return "http://" + (host == "0.0.0.0" || host.empty() ? "127.0.0.1" : host) + ":" +
         PortOf(listen);
}

std::vector<Target> Places::targets() const {
  std::vector<Target> out;
  for (const ServiceProfile& profile : kProfiles) {
    const std::string name(profile.name);
    out.push_back({name, "http://127.0.0.1:" + std::to_string(ports.at(name))});
  }
  return out;
}

std::map<std::string, std::string> Places::environment() const {
  std::map<std::string, std::string> out = {
      {"HEALD_LISTEN", listen}, {"HEALD_DEMO_STATE", state_dir}, {"HEALD_DEMO_BIN", bin_dir}};
  for (const auto& [service, port] : ports) out[PortVariable(service)] = std::to_string(port);
  if (clean_start) out["CHAOS_ENABLED"] = "false";
  return out;
}

Result<Places> InteractivePlaces(const std::string& pipeline) {
  Places places;
  places.pipeline = pipeline;
  places.bin_dir = BinDir();
  for (const ServiceProfile& profile : kProfiles) {
    const std::string name(profile.name);
    const std::string variable = PortVariable(name);
    const auto port = ParsePort(variable, Variable(variable.c_str(), std::to_string(profile.port)));
    if (!port) return port.error();
    places.ports[name] = *port;
  }
  places.listen = Variable("HEALD_LISTEN", "127.0.0.1:8080");
  if (const auto port = ParsePort("HEALD_LISTEN", PortOf(places.listen)); !port)
    return MakeError(Code::kInvalid, "HEALD_LISTEN='" + places.listen +
                                         "' must be host:port, such as 127.0.0.1:8080");
  if (Status own = EachItsOwn(places); !own) return own.error();
  // Beside the build trees, so that it is the same one after a build with another preset.
  const fs::path build = fs::path(places.bin_dir).parent_path().parent_path();
  std::error_code error;
  places.state_dir =
      fs::absolute(Variable("HEALD_DEMO_STATE", (build / "demo-state").string()), error)
          .lexically_normal()
          .string();
  return places;
}

Result<Places> PrivatePlaces(const std::string& pipeline) {
  Places places;
  places.clean_start = true;
  places.pipeline = pipeline;
  places.bin_dir = BinDir();
  for (const ServiceProfile& profile : kProfiles) {
    const auto port = FreePort();
    if (!port) return port.error();
    places.ports[std::string(profile.name)] = *port;
  }
  const auto port = FreePort();
  if (!port) return port.error();
  places.listen = "127.0.0.1:" + std::to_string(*port);
  std::error_code error;
  std::string folder = (fs::temp_directory_path(error) / "heald-demo-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr)
    return MakeError(Code::kUnavailable, "can't make " + folder + ": " + std::strerror(errno));
  places.state_dir = folder;
  places.own_disk = folder + "/data/payments/" + kDiskFolder;
  return places;
}

std::string BusyPorts(const Places& places, const std::vector<std::string>& excused) {
  std::string out;
  const auto check = [&](uint16_t port, const std::string& whose, const std::string& remedy) {
    if (IsFree(port)) return;
    const std::string owner = api::FindPortOwner(port);
    out += "port " + std::to_string(port) + " (" + whose + ") is taken by " +
           (owner.empty() ? "a process of another user" : owner) + ": stop it, or set " + remedy +
           "\n";
  };
  for (const ServiceProfile& profile : kProfiles) {
    const std::string name(profile.name);
    if (std::find(excused.begin(), excused.end(), name) == excused.end())
      check(places.ports.at(name), name, PortVariable(name) + " to another port");
  }
  if (const auto port = ParsePort("", PortOf(places.listen)); port)
    check(*port, "dashboard", "HEALD_LISTEN, for instance to 127.0.0.1:9080");
  return out;
}

Status PrepareState(const Places& places, bool keep) {
  const fs::path folder = places.state_dir;
  std::error_code error;
  if (!keep && fs::exists(folder, error) && !fs::is_empty(folder, error)) {
    if (!fs::exists(folder / kMarker, error))
      return MakeError(Code::kConflict, places.state_dir +
                                            " is not empty and not the demo's: set "
                                            "HEALD_DEMO_STATE to another folder");
    fs::remove_all(folder, error);
  }
  if (!error) fs::create_directories(folder, error);
  if (error)
    return MakeError(Code::kUnavailable, "can't prepare " + places.state_dir + ": " +
                                             error.message() +
                                             "; set HEALD_DEMO_STATE to a folder of yours");
  if (!std::ofstream(folder / kMarker).good())
    return MakeError(Code::kUnavailable, "can't write into " + places.state_dir);
  return {};
}

}  // namespace heald::demo
