// The action `exec`: runs one program with a fixed argument vector, never through a shell, and at
// most once per decision. Thread rule: as every heald::sdk::Action.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "heald/plugin.h"
#include "plugins/support/child.h"
#include "plugins/support/run_journal.h"

namespace heald::exec {

struct Config {
  std::vector<std::string> command;
  std::vector<std::string> observe_command;
  std::string cwd;
  std::map<std::string, std::string> env;
  sdk::Duration timeout = sdk::Seconds(20);
  std::vector<int64_t> expected_exit_codes;
  sdk::Bytes output_tail{2048};
  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(
        Field("command", &Config::command,
              "Program and arguments, one item each; a placeholder only as a whole argument",
              {.required = true, .runtime = true, .min_items = 1}),
        Field("observe_command", &Config::observe_command,
              "Run to see whether the effect is there: exit code 0 says so", {.runtime = true}),
        Field("cwd", &Config::cwd, "Folder to run in; the agent's by default"),
        Field("env", &Config::env, "Variables added to the agent's environment", {.secret = true}),
        Field("timeout", &Config::timeout, "The program and what it started are killed after it",
              {.min = 0, .exclusive_min = true}),
        Field("expected_exit_codes", &Config::expected_exit_codes, "Success; 0 by default",
              {.min = 0, .max = 255}),
        Field("output_tail", &Config::output_tail, "How much of the output is kept in the outcome",
              {.min = 0, .max = 16384}));
  }
};

class ExecAction : public sdk::Action<ExecAction> {
 public:
  using Config = exec::Config;
  static constexpr sdk::Info kInfo{.name = "exec",
                                   .doc = "Runs a program with fixed arguments, without a shell",
                                   .flags = HEALD_BLOCKING | HEALD_REENTRANT};
  static void Validate(const Config& config, sdk::Problems& problems);

  ExecAction(sdk::Host host, const Config& config);

  sdk::Plan MakePlan(const sdk::Request& request, const Config& params);
  sdk::Effect DryRun(const sdk::Request& request, const sdk::Plan& plan, const Config& params);
  sdk::Effect Execute(const sdk::Request& request, const sdk::Plan& plan, const Config& params);
  sdk::Effect Observe(const sdk::Request& request, const sdk::Plan& plan, const Config& params);

 private:
  struct Run {
    std::string problem;    // it could not be started, was killed, …
    std::string exit_text;  // "exit code 3"
    std::string output;
  };
  // begun: told as soon as the program runs.
  Run RunToEnd(const support::Command& command, int64_t timeout_ns, size_t tail_bytes,
               const std::function<void(const support::Child&)>& begun);
  support::Command CommandOf(const std::vector<std::string>& argv, const Config& params,
                             std::string output) const;
  void CheckArguments(const std::vector<std::string>& argv,
                      const std::vector<std::string>& written) const;

  sdk::Host host_;
  Config config_;  // as written, placeholders in place
  support::RunJournal journal_;
};

}  // namespace heald::exec
