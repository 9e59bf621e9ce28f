#include "demo/tools/verbs.h"

#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstdio>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>

#include "core/base/units.h"
#include "demo/services/profile.h"
#include "demo/tools/load_engine.h"
#include "demo/tools/named_faults.h"
#include "demo/tools/progress.h"
#include "demo/tools/random_faults.h"

namespace heald::demo {
namespace {

using nlohmann::json;

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");

int Fail(const std::string& message) {
  std::fprintf(stderr, "demo/chaos: %s\n", message.c_str());
  return 1;
}

LoadPlan MakePlan(const VerbOptions& options) {
  LoadPlan plan;
  plan.targets = options.targets;
  plan.rate_per_s = options.rate;
  plan.connections = options.rate > 0 ? kOpenLoopConnections : options.connections;
  plan.max_requests = options.requests;
  plan.duration_ns = options.duration_ns;
  plan.seed = options.seed;
  return plan;
}

// "+1.5 s on 100 % of requests, 20 % errors", from the answer of GET /chaos.
std::string DescribeFaults(const json& chaos) {
  if (!chaos.is_object() || !chaos.value("active", false)) return "none";
  const json faults = chaos.value("faults", json::object());
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  const auto percent = [](double share) { return std::to_string(std::lround(share * 100)) + " %"; };
  if (const double ms = faults.value("latency_ms", 0.0); ms > 0)
    add("+" + FormatElapsed(static_cast<int64_t>(ms * 1e6)) + " on " +
        percent(faults.value("latency_rate", 1.0)) + " of requests");
  if (const double rate = faults.value("failure_rate", 0.0); rate > 0)
    add(percent(rate) + " errors");
  const auto number = [&](const char* key, const char* unit) {
    char part[64];
    const double value = faults.value(key, 0.0);
    std::snprintf(part, sizeof part, "%.3g %s", value, unit);
    if (value > 0) add(part);
  };
  number("leak_mib_s", "MiB a second leak");
  number("cpu_cores", "cores busy");
  number("disk_mib_s", "MiB a second onto its disk");
  if (const double rate = faults.value("pool_loss_rate", 0.0); rate > 0)
    add("a connection lost with " + percent(rate) + " of requests");
  for (const auto& [name, value] : faults.items())
    if (value.is_boolean() && value.get<bool>()) add(name);
  if (const json left = chaos.value("remaining_s", json()); left.is_number())
    text += ", " + FormatElapsed(static_cast<int64_t>(left.get<double>() * 1e9)) + " left";
  return text;
}

// One row of the health table.
Status ShowHealth(HttpClient* client, const Target& target) {
  std::printf("%-10s %-28s ", target.service.c_str(), target.url.c_str());
  const auto reply = client->Send("GET", target.url + "/health", "", kCallTimeout_ns);
  if (!reply) {
    std::printf("%-8s\n", "down");
    return MakeError(Code::kUnavailable, Unreachable(target, reply.error()));
  }
  const json health = json::parse(reply->body, nullptr, false);
  if (reply->status != 200 || !health.is_object()) {
    std::printf("%-8s\n", "sick");
    return MakeError(Code::kUnavailable, target.service + " answers " + target.url +
                                             "/health with status " +
                                             std::to_string(reply->status));
  }
  const auto chaos = client->Send("GET", target.url + "/chaos", "", kCallTimeout_ns);
  std::printf("%-8s %-9s %-9s %s\n", health.value("status", "?").c_str(),
              health.value("version", "?").c_str(),
              FormatElapsed(static_cast<int64_t>(health.value("uptime_s", 0.0) * 1e9)).c_str(),
              chaos ? DescribeFaults(json::parse(chaos->body, nullptr, false)).c_str() : "?");
  return {};
}

// PUT or DELETE /chaos; prints what is then in force, or `told`.
Status ChangeChaos(HttpClient* client, const Target& target, const char* method, const json& faults,
                   const std::string& told = "") {
  const auto reply =
      client->Send(method, target.url + "/chaos", faults.is_null() ? std::string() : faults.dump(),
                   kCallTimeout_ns);
  if (!reply) return MakeError(Code::kUnavailable, Unreachable(target, reply.error()));
  if (reply->status >= 300)
    return MakeError(Code::kInvalid, target.service + " refused: " + reply->body);
  const std::string now =
      told.empty() ? "faults: " + DescribeFaults(json::parse(reply->body, nullptr, false)) : told;
  std::printf("%s: %s\n", target.service.c_str(), now.c_str());
  return {};
}

// `at_end` runs, maybe more than once, when no more requests are started.
int RunPlan(const std::string& what, const VerbOptions& options,
            const std::function<void()>& at_end = {}) {
  Progress progress(what, stdout, isatty(STDOUT_FILENO) != 0);
  const auto report = RunLoad(MakePlan(options), interrupted, [&](const LoadReport& so_far) {
    progress.Show(so_far);
    if (at_end && (interrupted || so_far.elapsed_ns >= options.duration_ns)) at_end();
  });
  if (!report) return Fail(report.error().message);
  progress.Summary(*report);
  return 0;
}

}  // namespace

void Interrupt() {
  interrupted = true;
}

int RunHealth(const VerbOptions& options) {
  HttpClient client;
  std::printf("%-10s %-28s %-8s %-9s %-9s %s\n", "service", "url", "state", "version", "uptime",
              "faults");
  std::string problems;
  for (const Target& target : options.targets)
    if (const Status status = ShowHealth(&client, target); !status)
      problems += (problems.empty() ? "" : "\ndemo/chaos: ") + status.error().message;
  std::fflush(stdout);
  return problems.empty() ? 0 : Fail(problems);
}

int RunTraffic(const char* what, const VerbOptions& options) {
  HttpClient client;
  if (const Status status = CheckReachable(&client, options.targets); !status)
    return Fail(status.error().message);
  return RunPlan(what, options);
}

int RunSpike(const VerbOptions& options) {
  HttpClient client;
  json faults = {{"latency_ms", static_cast<double>(options.latency_ns) / 1e6},
                 {"latency_rate", options.rate}};
  if (options.duration_ns > 0)
    faults["duration_s"] = static_cast<double>(options.duration_ns) / 1e9;
  for (const Target& target : options.targets)
    if (const Status status = ChangeChaos(&client, target, "PUT", faults); !status)
      return Fail(status.error().message);
  std::printf(
      "It shows under traffic (demo/chaos steady). %s with a restart or demo/chaos clear.\n",
      options.duration_ns > 0 ? "It ends by itself, or" : "It ends");
  return 0;
}

int RunLeak(const VerbOptions& options) {
  HttpClient client;
  json faults = {{"leak_mib_s", options.leak_mib_s}};
  if (options.duration_ns > 0)
    faults["duration_s"] = static_cast<double>(options.duration_ns) / 1e9;
  for (const Target& target : options.targets)
    if (const Status status = ChangeChaos(&client, target, "PUT", faults); !status)
      return Fail(status.error().message);
  std::printf("It grows to %zu MiB at most; only a restart gives the memory back.\n", kLeakMostMiB);
  return 0;
}

int RunBreak(const VerbOptions& options) {
  HttpClient client;
  const NamedFault& fault = *FindFault(options.fault);
  json body = fault.body;
  if (options.duration_ns > 0) body["duration_s"] = static_cast<double>(options.duration_ns) / 1e9;
  for (const Target& target : options.targets)
    if (const Status status = ChangeChaos(&client, target, "PUT", body, fault.text); !status)
      return Fail(status.error().message);
  return 0;
}

int RunClear(const VerbOptions& options) {
  HttpClient client;
  std::string problems;
  for (const Target& target : options.targets)
    if (const Status status = ChangeChaos(&client, target, "DELETE", nullptr); !status)
      problems += (problems.empty() ? "" : "\ndemo/chaos: ") + status.error().message;
  return problems.empty() ? 0 : Fail(problems);
}

int RunChaos(const VerbOptions& options) {
  HttpClient client;
  if (const Status status = CheckReachable(&client, options.targets); !status)
    return Fail(status.error().message);
  std::printf("chaos for %s, seed %llu\n", FormatElapsed(options.duration_ns).c_str(),
              static_cast<unsigned long long>(options.seed));
  std::fflush(stdout);
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  RandomFaults faults(options.seed, options.faults, options.targets, [&](const std::string& line) {
    std::printf(terminal ? "\r\x1b[K  %s\n" : "  %s\n", line.c_str());
    std::fflush(stdout);
  });
  // Ended before the last requests are waited for: a hang would hold them.
  const int code = RunPlan("chaos", options, [&] { faults.Stop(); });
  std::printf("faults: %d, ended on all services\n", faults.Stop());
  return code;
}

}  // namespace heald::demo
