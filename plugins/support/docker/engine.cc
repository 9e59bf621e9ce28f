#include "plugins/support/docker/engine.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <numeric>
#include <system_error>

#include "heald/error.h"
#include "plugins/support/clock.h"

namespace heald::docker {
namespace {

using sdk::Failure;

constexpr std::string_view kNewest = "1.41";
constexpr std::string_view kOldest = "1.24";
constexpr std::string_view kUnixScheme = "unix://";
constexpr std::string_view kTcpScheme = "tcp://";
using support::kSecond;
// Beyond what the Engine is asked to wait for: it kills, starts and answers after that.
constexpr int64_t kAnswerMarginNs = 20 * kSecond;
constexpr size_t kMaxEventBytes = size_t{1} << 20;

support::HttpConfig Normal(support::HttpConfig config) {
  // tcp:// is what DOCKER_HOST holds; whether it means TLS is said by the certificates.
  if (config.url.starts_with(kTcpScheme)) {
    const bool tls = !config.tls.ca_file.empty() || !config.tls.cert_file.empty() ||
                     config.tls.insecure_skip_verify;
    config.url = (tls ? "https://" : "http://") + config.url.substr(kTcpScheme.size());
  }
  return config;
}

// "Sat, 21 Nov 2026 21:02:30 GMT"; 0 when it is something else.
int64_t ParseHttpDate(std::string_view text) {
  std::tm parts{};
  const char* end = strptime(std::string(text).c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return end == nullptr ? 0 : static_cast<int64_t>(timegm(&parts));
}

std::string MessageOf(const std::string& body) {
  const Json json = Json::parse(body, nullptr, false);
  if (json.is_object() && json.contains("message") && json["message"].is_string())
    return json["message"].get<std::string>();
  return body.substr(0, 300);
}

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

int ParseApiVersion(std::string_view text) {
  int major = 0;
  int minor = 0;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, major);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '.') return 0;
  const auto second = std::from_chars(first.ptr + 1, end, minor);
  if (second.ec != std::errc() || second.ptr != end) return 0;
  return major * 1000 + minor;
}

std::string ChooseApiVersion(std::string_view server, std::string_view minimum) {
  const int has = ParseApiVersion(server);
  if (has < ParseApiVersion(kOldest))
    throw Failure(HEALD_UNSUPPORTED, "this Docker Engine speaks API '" + std::string(server) +
                                         "', at least " + std::string(kOldest) +
                                         " is needed: update it");
  if (ParseApiVersion(minimum) > ParseApiVersion(kNewest)) return std::string(minimum);
  return std::string(has < ParseApiVersion(kNewest) ? server : kNewest);
}

std::string DiagnoseSocket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return "the socket's path is too long: " + path;
  path.copy(address.sun_path, path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool connected =
      fd >= 0 && connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const int error = connected ? 0 : errno;
  if (fd >= 0) close(fd);
  switch (error) {
    case 0:
      return "";
    case EACCES:
      return "no permission for " + path +
             ": add heald's user to the group 'docker' and start heald anew, or point url at a "
             "socket it may use";
    case ENOENT:
      return "there is no socket " + path +
             ": start the Docker Engine, or correct url if it listens elsewhere";
    case ECONNREFUSED:
      return "nobody listens on " + path + ": the Docker Engine isn't running, start it";
    default:
      return path + ": " + std::generic_category().message(error);
  }
}

std::vector<std::string> NearMatches(const std::string& wanted,
                                     const std::vector<std::string>& names) {
  std::vector<std::pair<size_t, std::string>> ranked;
  for (const std::string& name : names) {
    const bool inside = name.find(wanted) != std::string::npos;
    const size_t distance = inside ? 0 : EditDistance(wanted, name);
    if (distance <= std::max<size_t>(2, wanted.size() / 4)) ranked.emplace_back(distance, name);
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<std::string> near;
  for (size_t i = 0; i < ranked.size() && i < 3; ++i) near.push_back(ranked[i].second);
  return near;
}

std::vector<support::HttpConfigProblem> CheckEngineConfig(support::HttpConfig config) {
  if (config.url.starts_with(kTcpScheme)) config.url.replace(0, kTcpScheme.size() - 3, "http");
  return support::CheckHttpConfig(config);
}

Engine::Engine(support::HttpConfig config, std::function<bool()> cancelled)
    : client_(Normal(std::move(config)), std::move(cancelled)) {}

void Engine::Fail(const support::HttpError& error) {
  using support::HttpFault;
  // Whatever was learnt of this Engine may not hold when it is back.
  version_.clear();
  const std::string& url = client_.config().url;
  std::string message = "docker: " + error.Sentence();
  int32_t code = HEALD_UNAVAILABLE;
  if (error.fault == HttpFault::kConnect && url.starts_with(kUnixScheme)) {
    const std::string path = url.substr(kUnixScheme.size());
    if (const std::string why = DiagnoseSocket(path); !why.empty()) message = "docker: " + why;
    if (message.find("no permission") != std::string::npos) code = HEALD_DENIED;
  } else if (error.fault == HttpFault::kTimeout) {
    code = HEALD_DEADLINE;
  } else if (error.fault == HttpFault::kCancelled) {
    code = HEALD_CANCELLED;
  } else if (error.fault == HttpFault::kRequest) {
    code = HEALD_INVALID;
  }
  Failure failure(code, message);
  if (code == HEALD_UNAVAILABLE || code == HEALD_DEADLINE) failure.Retryable(error.retry_after_ns);
  throw failure;
}

support::HttpResult Engine::Send(support::HttpRequest request) {
  if (request.timeout_ns == 0) request.timeout_ns = timeout_ns_;
  support::HttpResult result = client_.Perform(request);
  if (!result.ok() && result.error.fault != support::HttpFault::kStatus) Fail(result.error);
  if (const int64_t date = ParseHttpDate(result.response.Header("date")); date != 0) now_s_ = date;
  return result;
}

void Engine::Negotiate() {
  if (!version_.empty()) return;
  const support::HttpResult ping = Send({.url = "/_ping"});
  const support::HttpResult about = Send({.url = "/version"});
  if (about.response.status == 401 || about.response.status == 403)
    throw Failure(HEALD_DENIED, "docker: " + about.error.Sentence());
  const Json json = Json::parse(about.response.body, nullptr, false);
  std::string server(ping.response.Header("api-version"));
  std::string minimum;
  if (json.is_object()) {
    if (server.empty()) server = json.value("ApiVersion", "");
    minimum = json.value("MinAPIVersion", "");
  }
  if (server.empty()) {
    const support::HttpResult& refused = ping.ok() ? about : ping;
    const int status = refused.response.status;
    if (status == 429 || status >= 500)
      throw Failure(HEALD_UNAVAILABLE, "docker: " + refused.error.Sentence())
          .Retryable(refused.error.retry_after_ns);
    throw Failure(HEALD_UNAVAILABLE,
                  "docker: " + support::ShownUrl(client_.config().url) +
                      " doesn't answer like a Docker Engine" +
                      (refused.ok() ? "" : " (status " + std::to_string(status) + ")") +
                      ": check url");
  }
  version_ = ChooseApiVersion(server, minimum);
}

Engine::Answer Engine::Call(const std::string& method, const std::string& path, const Json* body,
                            int64_t extra_ns) {
  Negotiate();
  support::HttpRequest request{.method = method, .url = "/v" + version_ + path, .show_query = true};
  if (extra_ns != 0) request.timeout_ns = extra_ns + kAnswerMarginNs;
  if (body != nullptr) {
    request.body = body->dump();
    request.headers.emplace_back("Content-Type", "application/json");
  }
  support::HttpResult result = Send(std::move(request));
  const int status = result.response.status;
  // 304: already started, stopped… — which is what was wanted.
  if (result.ok() || status == 304) return {status, std::move(result.response.body)};
  int32_t code = HEALD_UNAVAILABLE;
  if (status == 400) code = HEALD_INVALID;
  if (status == 401 || status == 403) code = HEALD_DENIED;
  if (status == 404) code = HEALD_NOT_FOUND;
  const std::string message = MessageOf(result.response.body);
  // Swarm has no status of its own for an update of a version that isn't the latest any more.
  if (status == 409 || message.ends_with("update out of sequence")) code = HEALD_CONFLICT;
  Failure failure(code, "docker: " + message + " (HTTP " + std::to_string(status) + ")");
  if (status == 429 || status == 503) failure.Retryable(result.error.retry_after_ns);
  throw failure;
}

Json Engine::CallJson(const std::string& path) {
  const Answer answer = Call("GET", path);
  Json json = Json::parse(answer.body, nullptr, false);
  if (json.is_discarded())
    throw Failure(HEALD_UNAVAILABLE, "docker: the answer to " + path + " is not JSON");
  return json;
}

Json Engine::List(const std::vector<std::string>& labels) {
  std::string path = "/containers/json?all=true";
  if (!labels.empty()) path += "&filters=" + support::UrlEncode(Json{{"label", labels}}.dump());
  return CallJson(path);
}

std::vector<Engine::Got> Engine::GetAll(const std::vector<std::string>& paths,
                                        size_t max_concurrent, int64_t timeout_ns) {
  Negotiate();
  std::vector<support::HttpRequest> requests;
  requests.reserve(paths.size());
  for (const std::string& path : paths)
    requests.push_back(
        {.url = "/v" + version_ + path, .timeout_ns = timeout_ns, .show_query = true});
  std::vector<Got> answers(paths.size());
  size_t unreachable = 0;
  support::HttpError why;
  client_.PerformAll(
      requests, max_concurrent, [&](size_t index, const support::HttpResult& result) {
        Got& got = answers[index];
        if (result.ok()) {
          got.json = Json::parse(result.response.body, nullptr, false);
          if (got.json.is_object()) return;
          got = {nullptr,
                 "docker: the answer to " + paths[index] + " is not what an Engine writes"};
        } else if (result.error.fault != support::HttpFault::kStatus) {
          got.error = "docker: " + result.error.Brief();
          if (unreachable++ == 0) why = result.error;
        } else if (result.response.status != 404) {
          got.error = "docker: " + MessageOf(result.response.body) + " (HTTP " +
                      std::to_string(result.response.status) + ")";
        }
      });
  if (unreachable != 0 &&
      (unreachable == paths.size() || why.fault == support::HttpFault::kCancelled))
    Fail(why);
  return answers;
}

void Engine::Events(int64_t since_ns, const std::vector<std::string>& labels, int64_t timeout_ns,
                    const std::function<void(const Json& event)>& on_event) {
  Negotiate();
  // Each health check makes three more events, of which nobody here wants to know.
  Json filters{
      {"type", {"container"}},
      {"event", {"die", "start", "kill", "stop", "oom", "health_status", "pause", "unpause"}}};
  if (!labels.empty()) filters["label"] = labels;
  std::string path = "/events?filters=" + support::UrlEncode(filters.dump());
  if (since_ns > 0) {
    std::string nanos = std::to_string(since_ns % kSecond);
    nanos.insert(0, 9 - nanos.size(), '0');
    path += "&since=" + std::to_string(since_ns / kSecond) + "." + nanos;
  }
  std::string line;
  std::string garbage;
  support::HttpRequest request{
      .url = "/v" + version_ + path, .timeout_ns = timeout_ns, .show_query = true};
  request.on_data = [&](std::string_view data) {
    for (const char c : data) {
      if (c != '\n') {
        line += c;
        if (line.size() < kMaxEventBytes) continue;
      }
      const Json event = Json::parse(line, nullptr, false);
      if (!event.is_object() && line.find_first_not_of(" \r\n") != std::string::npos) {
        garbage = line.substr(0, 100);
        return false;
      }
      line.clear();
      if (event.is_object()) on_event(event);
    }
    return true;
  };
  const support::HttpResult result = client_.Perform(request);
  if (!garbage.empty())
    throw Failure(HEALD_UNAVAILABLE, "docker: '" + garbage + "' is no event of an Engine");
  if (result.error.fault == support::HttpFault::kStatus)
    throw Failure(HEALD_UNAVAILABLE, "docker: " + MessageOf(result.response.body) + " (HTTP " +
                                         std::to_string(result.response.status) + ")")
        .Retryable(result.error.retry_after_ns);
  if (!result.ok() && result.error.fault != support::HttpFault::kTimeout) Fail(result.error);
}

Json Engine::Inspect(const std::string& id) {
  Json found = InspectIfExists(id);
  if (!found.empty()) return found;
  std::vector<std::string> names;
  for (const Json& container : List({}))
    for (const Json& name : container.value("Names", Json::array()))
      names.push_back(name.get<std::string>().substr(1));
  std::string message = "docker: no container '" + id + "'";
  const std::vector<std::string> near = NearMatches(id, names);
  for (size_t i = 0; i < near.size(); ++i)
    message += (i == 0 ? ": did you mean '" : ", '") + near[i] + "'";
  if (near.empty())
    message += names.empty() ? ": this Engine has none" : ": `docker ps -a` lists what there is";
  throw Failure(HEALD_NOT_FOUND, message);
}

Json Engine::InspectIfExists(const std::string& id) {
  try {
    return CallJson("/containers/" + support::UrlEncode(id) + "/json");
  } catch (const Failure& failure) {
    if (failure.code() != HEALD_NOT_FOUND) throw;
    return Json::object();
  }
}

void Engine::Restart(const std::string& id, int64_t t) {
  Call("POST", "/containers/" + support::UrlEncode(id) + "/restart?t=" + std::to_string(t), nullptr,
       t * kSecond);
}

void Engine::Stop(const std::string& id, int64_t t) {
  Call("POST", "/containers/" + support::UrlEncode(id) + "/stop?t=" + std::to_string(t), nullptr,
       t * kSecond);
}

void Engine::Start(const std::string& id) {
  Call("POST", "/containers/" + support::UrlEncode(id) + "/start");
}

void Engine::Pause(const std::string& id) {
  Call("POST", "/containers/" + support::UrlEncode(id) + "/pause");
}

void Engine::Unpause(const std::string& id) {
  Call("POST", "/containers/" + support::UrlEncode(id) + "/unpause");
}

std::string Engine::Create(const std::string& name, const Json& body) {
  const Answer answer = Call("POST", "/containers/create?name=" + support::UrlEncode(name), &body);
  return Json::parse(answer.body).at("Id").get<std::string>();
}

void Engine::Remove(const std::string& id) {
  // v: its anonymous volumes go with it, as `docker compose` does it.
  Call("DELETE", "/containers/" + support::UrlEncode(id) + "?v=true&force=true");
}

void Engine::Rename(const std::string& id, const std::string& name) {
  Call("POST",
       "/containers/" + support::UrlEncode(id) + "/rename?name=" + support::UrlEncode(name));
}

void Engine::Connect(const std::string& network, const std::string& id, const Json& endpoint) {
  const Json body{{"Container", id}, {"EndpointConfig", endpoint}};
  Call("POST", "/networks/" + support::UrlEncode(network) + "/connect", &body);
}

std::string Engine::ImageId(const std::string& name) {
  try {
    return CallJson("/images/" + support::UrlEncode(name) + "/json").value("Id", "");
  } catch (const Failure& failure) {
    if (failure.code() != HEALD_NOT_FOUND) throw;
    return "";
  }
}

Json Engine::Service(const std::string& name) {
  return CallJson("/services/" + support::UrlEncode(name));
}

Json Engine::Tasks(const std::string& service_id) {
  const Json filters{{"service", {service_id}}, {"desired-state", {"running"}}};
  return CallJson("/tasks?filters=" + support::UrlEncode(filters.dump()));
}

void Engine::UpdateService(const std::string& id, const Json& spec, const ServiceUpdate& update) {
  std::string path =
      "/services/" + support::UrlEncode(id) + "/update?version=" + std::to_string(update.version);
  if (update.rollback) path += "&rollback=previous";
  Call("POST", path, &spec);
}

}  // namespace heald::docker
