#include "plugins/actions/process/process_action.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "plugins/actions/process/probe.h"
#include "plugins/support/http_config.h"
#include "plugins/support/log_file.h"

namespace heald::process {
namespace {

using sdk::Effect;
using sdk::EffectState;
using sdk::Failure;
using support::CheckCommand;
using support::LogTail;

constexpr std::string_view kRecordSuffix = ".service.json";

std::chrono::milliseconds Milliseconds(sdk::Duration duration) {
  return std::chrono::milliseconds(duration.ns / 1'000'000);
}

ServiceSpec ToSpec(const std::string& name, const ServiceConfig& config,
                   const std::string& state_dir) {
  ServiceSpec spec;
  spec.name = name;
  spec.command = {config.command, config.cwd, config.env, config.log_file};
  if (spec.command.log_file.empty()) spec.command.log_file = state_dir + "/" + name + ".log";
  spec.ready = {config.ready.http, config.ready.port, Milliseconds(config.ready_timeout)};
  spec.stop_timeout = Milliseconds(config.stop_timeout);
  spec.autostart = config.autostart;
  spec.restart_on_exit = config.restart_on_exit == OnExit::kBackoff;
  spec.log_max_bytes = config.log_max_size.count;
  spec.log_keep = config.log_keep;
  return spec;
}

bool FitsFileName(const std::string& name) {
  return !name.empty() && name.front() != '.' &&
         name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
             std::string::npos;
}

// The supervisor's own thread does it; this is what it was told to do.
std::string Told(const Service& service, bool stop, bool start) {
  std::string told;
  if (const Status status = service.status(); stop && status.running)
    told =
        "SIGTERM to process group " + std::to_string(status.pid) + " (" + service.spec().name + ")";
  if (start)
    told += (told.empty() ? "start " : ", then start ") +
            support::ShownCommand(service.spec().command.argv);
  return told.empty() ? "nothing: " + service.spec().name + " is stopped" : told;
}

struct Before {
  std::string instance;
  bool running = false;
};

Before ReadBefore(const sdk::Plan& plan) {
  const auto json = nlohmann::json::parse(plan.before, nullptr, false);
  try {
    return {json.at("instance").get<std::string>(), json.at("running").get<bool>()};
  } catch (const nlohmann::json::exception&) {
    throw Failure(HEALD_CORRUPT, "the plan's state before isn't from the process action");
  }
}

// A service that should be up: is it, and is it the one we wait for?
Effect UpEffect(const Service& service, const Status& status) {
  const std::string& name = service.spec().name;
  if (status.running && status.phase == Phase::kReady)
    return {EffectState::kDone, status.ready_after_s < 0
                                    ? name + " is ready"
                                    : "ready after " + SecondsText(status.ready_after_s)};
  if (status.running && status.late)
    return {EffectState::kFailed,
            name + " is not ready within " +
                SecondsText(static_cast<double>(service.spec().ready.timeout.count()) / 1000) +
                ": " + status.problem};
  if (status.running || status.phase == Phase::kWaiting || status.problem.empty())
    return {EffectState::kPending, status.problem.empty() ? "starting" : status.problem};
  std::string detail = name + ": " + status.problem;
  if (const std::string tail = LogTail(service.spec().command.log_file, 400); !tail.empty())
    detail += "; last lines: " + tail;
  return {EffectState::kFailed, detail};
}

}  // namespace

void ProcessAction::Validate(const Config& config, sdk::Problems& problems) {
  if (config.services.empty()) problems.Add("/services", "no service: add at least one");
  for (const auto& [name, service] : config.services) {
    const std::string at = "/services/" + name;
    if (!FitsFileName(name))
      problems.Add(at, "a service's name may have letters, digits, '_', '.' and '-' only");
    if (!service.ready.http.empty() && service.ready.port != 0)
      problems.Add(at + "/ready", "give either http or port, not both");
    if (!service.ready.http.empty())
      if (const std::string problem = support::CheckUrl(service.ready.http); !problem.empty())
        problems.Add(at + "/ready/http", problem);
  }
  const bool fixed = config.service.find("${") == std::string::npos;
  if (fixed && !config.services.contains(config.service))
    problems.Add("/service", "'" + config.service + "' is not under services");
}

ProcessAction::ProcessAction(sdk::Host host, const Config& config) : host_(host), config_(config) {
  const std::string state_dir(host.StateDir());
  for (const auto& [name, service] : config.services)
    services_[name] = Make(ToSpec(name, service, state_dir));
}

std::unique_ptr<Service> ProcessAction::Make(ServiceSpec spec) {
  const sdk::Host host = host_;
  const auto prober = std::make_shared<Prober>([host] { return host.Cancelled(); });
  return std::make_unique<Service>(
      std::move(spec), std::string(host_.StateDir()),
      [prober](const Readiness& ready) { return prober->Check(ready); },
      [host](bool warning, const std::string& message) {
        host.Log(warning ? sdk::Level::kWarning : sdk::Level::kInfo, message);
      });
}

void ProcessAction::Start() {
  // A wrong command is a mistake in the file: say so now and start nothing.
  for (const auto& [name, service] : services_) {
    if (!service->spec().autostart) continue;
    if (const std::string problem = CheckCommand(service->spec().command); !problem.empty())
      throw Failure(HEALD_INVALID, name + ": " + problem).At("/services/" + name + "/command");
  }
  // Records of services that are no longer configured: end what still runs of them.
  const std::string state_dir(host_.StateDir());
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(state_dir, ignored)) {
    const std::string file = entry.path().filename().string();
    if (!file.ends_with(kRecordSuffix)) continue;
    const std::string name = file.substr(0, file.size() - kRecordSuffix.size());
    if (services_.contains(name)) continue;
    ServiceSpec spec;
    spec.name = name;
    spec.retired = true;
    services_[name] = Make(std::move(spec));
  }
  for (const auto& [name, service] : services_) service->Start();
}

void ProcessAction::Stop(bool leaving) {
  const bool stop = leaving && config_.on_agent_exit == OnAgentExit::kStop;
  // All at once: each may take its stop_timeout.
  for (const auto& [name, service] : services_) service->BeginClose(stop);
  for (const auto& [name, service] : services_) service->Close(stop);
}

Service& ProcessAction::Find(const std::string& name) {
  const auto at = services_.find(name);
  if (at != services_.end() && !at->second->spec().retired) return *at->second;
  std::string known;
  for (const auto& [other, service] : config_.services)
    known.append(known.empty() ? "" : ", ").append(other);
  throw Failure(HEALD_NOT_FOUND, "no service '" + name + "' under services; there is: " + known);
}

sdk::Plan ProcessAction::MakePlan(const sdk::Request&, const Config& params) {
  const Service& service = Find(params.service);
  const Status status = service.status();
  const std::string verb(kOperationWords[static_cast<size_t>(params.operation)]);
  sdk::Plan plan;
  plan.summary = verb + " " + params.service;
  if (params.operation == Operation::kStart && status.running)
    plan.summary += " (already running)";
  else if (params.operation != Operation::kStart && !status.running)
    plan.summary += " (not running)";
  else if (status.running)
    plan.summary += " (pid " + std::to_string(status.pid) + ")";
  plan.reversible = params.operation != Operation::kRestart;
  plan.target_uid = status.instance;
  plan.before = nlohmann::json{{"instance", status.instance}, {"running", status.running}}.dump();
  const int64_t slack_ns = 5'000'000'000;
  const ServiceConfig& config = params.services.at(params.service);
  plan.effect_within = {config.stop_timeout.ns + slack_ns};
  if (params.operation != Operation::kStop) plan.effect_within.ns += config.ready_timeout.ns;
  return plan;
}

Effect ProcessAction::DryRun(const sdk::Request&, const sdk::Plan& plan, const Config& params) {
  const Service& service = Find(params.service);
  if (params.operation != Operation::kStop)
    if (const std::string problem = CheckCommand(service.spec().command); !problem.empty())
      return {EffectState::kFailed, problem};
  return {EffectState::kDone, "would " + plan.summary};
}

Effect ProcessAction::Execute(const sdk::Request&, const sdk::Plan& plan, const Config& params) {
  Service& service = Find(params.service);
  const Before before = ReadBefore(plan);
  std::string problem;
  const sdk::CallTimer timer;
  const std::string told =
      Told(service, params.operation != Operation::kStart, params.operation != Operation::kStop);
  if (params.operation == Operation::kRestart) {
    if (!service.Restart(before.instance, &problem))
      throw Failure(HEALD_CONFLICT, params.service + " was started anew since the plan was made");
  } else {
    service.SetWanted(params.operation == Operation::kStart, &problem);
  }
  if (!problem.empty())
    throw Failure(HEALD_UNAVAILABLE, "cannot note the restart, so it is not done: " + problem);
  timer.Done(told, "begun");
  return {EffectState::kPending, plan.summary};
}

Effect ProcessAction::Observe(const sdk::Request&, const sdk::Plan& plan, const Config& params) {
  const Service& service = Find(params.service);
  const Status status = service.status();
  const Before before = ReadBefore(plan);
  if (params.operation == Operation::kStop) {
    if (status.want_up) return {EffectState::kAbsent, params.service + " was not told to stop"};
    if (status.running) return {EffectState::kPending, "stopping"};
    return {EffectState::kDone, "stopped" + (status.problem.empty() ? "" : ": " + status.problem)};
  }
  if (!status.want_up) return {EffectState::kAbsent, params.service + " was not told to start"};
  if (params.operation == Operation::kStart) return UpEffect(service, status);
  if (status.replacing) return {EffectState::kPending, "stopping the former process"};
  if (status.instance == before.instance && before.running && status.running)
    return {EffectState::kAbsent, params.service + " was not restarted"};
  return UpEffect(service, status);
}

Effect ProcessAction::Undo(const sdk::Request&, const sdk::Plan& plan, const Config& params) {
  const bool was_running = ReadBefore(plan).running;
  std::string problem;
  Find(params.service).SetWanted(was_running, &problem);
  if (!problem.empty()) throw Failure(HEALD_UNAVAILABLE, problem);
  return {EffectState::kDone, params.service + (was_running ? " starts again" : " stops again")};
}

}  // namespace heald::process
