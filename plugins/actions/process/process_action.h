// The action `process`: runs local commands as services and restarts, starts or stops one of them.
// Thread rule: as every heald::sdk::Action.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "heald/plugin.h"
#include "plugins/actions/process/service.h"

namespace heald::process {

struct ReadyConfig {
  std::string http;
  int64_t port = 0;
  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(
        Field("http", &ReadyConfig::http, "Ready when this URL answers with a 2xx status"),
        Field("port", &ReadyConfig::port, "Ready when 127.0.0.1:port accepts a connection",
              {.min = 0, .max = 65535}));
  }
};

enum class OnExit { kNone, kBackoff };
inline constexpr std::string_view kOnExitWords[] = {"none", "backoff"};

struct ServiceConfig {
  std::vector<std::string> command;
  std::string cwd;
  std::map<std::string, std::string> env;
  ReadyConfig ready;
  sdk::Duration ready_timeout = sdk::Seconds(10);
  sdk::Duration stop_timeout = sdk::Seconds(10);
  bool autostart = true;
  OnExit restart_on_exit = OnExit::kNone;
  std::string log_file;
  sdk::Bytes log_max_size{int64_t{10} << 20};
  int64_t log_keep = 3;
  static constexpr auto Fields() {
    using sdk::Field;
    using C = ServiceConfig;
    return std::tuple(
        Field("command", &C::command, "Program and arguments, one item each; no shell",
              {.required = true, .min_items = 1}),
        Field("cwd", &C::cwd, "Folder to run in; the agent's by default"),
        Field("env", &C::env, "Variables added to the agent's environment", {.secret = true}),
        Field("ready", &C::ready, "How to see that it works; by default, that it lives for 1 s"),
        Field("ready_timeout", &C::ready_timeout, "Longest time from start to ready",
              {.min = 0, .exclusive_min = true}),
        Field("stop_timeout", &C::stop_timeout, "From SIGTERM to SIGKILL", {.min = 0}),
        Field("autostart", &C::autostart, "Start it with the agent"),
        Field("restart_on_exit", &C::restart_on_exit,
              "What to do when it ends by itself: backoff starts it again after 0.5 s, 1 s, 2 s … "
              "30 s",
              {.one_of = kOnExitWords}),
        Field("log_file", &C::log_file,
              "Its stdout and stderr; <name>.log in the node's state folder by default"),
        Field("log_max_size", &C::log_max_size, "The log is rotated beyond this size", {.min = 1}),
        Field("log_keep", &C::log_keep, "Rotated logs to keep", {.min = 0, .max = 100}));
  }
};

enum class Operation { kRestart, kStart, kStop };
inline constexpr std::string_view kOperationWords[] = {"restart", "start", "stop"};
enum class OnAgentExit { kStop, kLeave };
inline constexpr std::string_view kOnAgentExitWords[] = {"stop", "leave"};

struct Config {
  std::map<std::string, ServiceConfig> services;
  Operation operation = Operation::kRestart;
  std::string service = "${target.service}";
  OnAgentExit on_agent_exit = OnAgentExit::kStop;
  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(
        Field("services", &Config::services, "The commands to look after, by name",
              {.required = true}),
        Field("operation", &Config::operation, "What to do with the service",
              {.one_of = kOperationWords}),
        Field("service", &Config::service, "Which service", {.runtime = true}),
        Field("on_agent_exit", &Config::on_agent_exit,
              "Whether the services end with the agent or go on until the next one adopts them",
              {.one_of = kOnAgentExitWords}));
  }
};

class ProcessAction : public sdk::Action<ProcessAction> {
 public:
  using Config = process::Config;
  static constexpr sdk::Info kInfo{
      .name = "process",
      .doc = "Runs local commands as services; restarts, starts and stops them",
      .flags = HEALD_BLOCKING};
  static void Validate(const Config& config, sdk::Problems& problems);
  static sdk::Abilities AbilitiesOf(const Config& config) {
    return {.undo = config.operation != Operation::kRestart};
  }

  ProcessAction(sdk::Host host, const Config& config);

  void Start();
  void Stop(bool leaving);
  sdk::Plan MakePlan(const sdk::Request& request, const Config& params);
  sdk::Effect DryRun(const sdk::Request& request, const sdk::Plan& plan, const Config& params);
  sdk::Effect Execute(const sdk::Request& request, const sdk::Plan& plan, const Config& params);
  sdk::Effect Observe(const sdk::Request& request, const sdk::Plan& plan, const Config& params);
  sdk::Effect Undo(const sdk::Request& request, const sdk::Plan& plan, const Config& params);

 private:
  Service& Find(const std::string& name);
  std::unique_ptr<Service> Make(ServiceSpec spec);

  sdk::Host host_;
  Config config_;
  std::map<std::string, std::unique_ptr<Service>> services_;
};

}  // namespace heald::process
