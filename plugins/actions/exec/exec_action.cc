#include "plugins/actions/exec/exec_action.h"

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "plugins/support/log_file.h"
#include "plugins/support/proc.h"

namespace heald::exec {
namespace {

using sdk::Effect;
using sdk::EffectState;
using sdk::Failure;
using std::chrono::milliseconds;
using support::Child;
using support::Command;

constexpr const char* kRunVariable = "HEALD_EXEC_RUN";
constexpr milliseconds kStopPatience{2000};
constexpr int kCheckEveryMs = 100;

bool HasPlaceholder(const std::string& text) {
  return text.find("${") != std::string::npos;
}

bool IsOnePlaceholder(const std::string& text) {
  return text.starts_with("${") && text.find('}') == text.size() - 1;
}

std::string Joined(const std::vector<std::string>& argv) {
  std::string text;
  for (const std::string& argument : argv) text += (text.empty() ? "" : " ") + argument;
  return text;
}

void CheckTemplate(const std::string& at, const std::vector<std::string>& argv,
                   sdk::Problems& problems) {
  for (size_t i = 0; i < argv.size(); ++i) {
    if (!HasPlaceholder(argv[i])) continue;
    const std::string pointer = at + "/" + std::to_string(i);
    if (i == 0)
      problems.Add(pointer, "the program must be written out: a label must not choose it");
    else if (!IsOnePlaceholder(argv[i]))
      problems.Add(pointer, "'" + argv[i] +
                                "' mixes text and a placeholder; a placeholder must be an "
                                "argument of its own, for instance [--service, "
                                "\"${target.service}\"]");
  }
}

}  // namespace

void ExecAction::Validate(const Config& config, sdk::Problems& problems) {
  CheckTemplate("/command", config.command, problems);
  CheckTemplate("/observe_command", config.observe_command, problems);
}

ExecAction::ExecAction(sdk::Host host, const Config& config)
    : host_(host), config_(config), journal_(std::string(host.StateDir())) {}

// A label's value becomes data for the program, never an option of it.
void ExecAction::CheckArguments(const std::vector<std::string>& argv,
                                const std::vector<std::string>& written) const {
  for (size_t i = 0; i < std::min(argv.size(), written.size()); ++i) {
    if (!HasPlaceholder(written[i])) continue;
    if (argv[i].empty() || argv[i].front() == '-' || argv[i].find('\0') != std::string::npos)
      throw Failure(HEALD_INVALID, "not run: " + written[i] + " is '" + argv[i] +
                                       "', which is empty or looks like an option");
  }
}

Command ExecAction::CommandOf(const std::vector<std::string>& argv, const Config& params,
                              std::string output) const {
  return {argv, params.cwd, params.env, std::move(output)};
}

sdk::Plan ExecAction::MakePlan(const sdk::Request&, const Config& params) {
  CheckArguments(params.command, config_.command);
  CheckArguments(params.observe_command, config_.observe_command);
  sdk::Plan plan;
  plan.summary = "run " + Joined(params.command);
  plan.before = "{}";
  plan.effect_within = {params.timeout.ns + sdk::Seconds(5).ns};
  return plan;
}

Effect ExecAction::DryRun(const sdk::Request&, const sdk::Plan& plan, const Config& params) {
  const std::string problem = support::CheckCommand(CommandOf(params.command, params, ""));
  if (!problem.empty()) return {EffectState::kFailed, problem};
  return {EffectState::kDone, "would " + plan.summary};
}

ExecAction::Run ExecAction::RunToEnd(const Command& command, int64_t timeout_ns, size_t tail_bytes,
                                     const std::function<void(const Child&)>& begun) {
  Run run;
  const int64_t until_ns = host_.MonotonicNs() + timeout_ns;
  const sdk::CallTimer timer;
  Child child = Child::Start(command, {{kRunVariable, command.log_file}}, &run.problem);
  if (!child) {
    timer.Done(support::ShownCommand(command.argv), run.problem);
    return run;
  }
  begun(child);
  bool ended = false;
  while (!ended && run.problem.empty()) {
    ended = child.WaitExit(milliseconds(kCheckEveryMs), -1);
    if (ended) break;
    if (host_.Cancelled())
      run.problem = "stopped, because the agent stops or the call ran out of time";
    else if (host_.MonotonicNs() >= until_ns)
      run.problem = "killed after " + std::to_string(timeout_ns / 1'000'000) + " ms (timeout)";
  }
  if (!ended) child.Stop(kStopPatience, kRunVariable, command.log_file);
  run.exit_text = child.exit_text();
  timer.Done(support::ShownCommand(command.argv),
             run.problem.empty() ? run.exit_text : run.problem);
  run.output = support::LogTail(command.log_file, tail_bytes);
  return run;
}

Effect ExecAction::Execute(const sdk::Request& request, const sdk::Plan&, const Config& params) {
  if (const auto entry = journal_.Find(request.decision)) {
    if (entry->effect) return *entry->effect;
    throw Failure(HEALD_CONFLICT, "this decision was begun before; it is not run a second time");
  }
  CheckArguments(params.command, config_.command);
  journal_.Prune();
  // Noted before it runs: a kill in between may cost the run, never cause a second one.
  support::RunJournal::Entry entry;
  journal_.Write(request.decision, entry);
  const Command command = CommandOf(params.command, params, journal_.OutputPath(request.decision));
  const Run run = RunToEnd(command, params.timeout.ns,
                           static_cast<size_t>(params.output_tail.count), [&](const Child& child) {
                             entry.pid = child.pid();
                             entry.start_ticks = child.start_ticks();
                             journal_.Write(request.decision, entry);
                           });
  std::vector<int64_t> expected = params.expected_exit_codes;
  if (expected.empty()) expected = {0};
  const bool good =
      run.problem.empty() && std::any_of(expected.begin(), expected.end(), [&](int64_t code) {
        return run.exit_text == "exit code " + std::to_string(code);
      });
  std::string detail =
      params.command.front() + ": " + (run.problem.empty() ? run.exit_text : run.problem);
  if (!run.output.empty()) detail += "; output: " + run.output;
  entry.effect = Effect{good ? EffectState::kDone : EffectState::kFailed, detail};
  journal_.Write(request.decision, entry);
  std::error_code ignored;
  std::filesystem::remove(command.log_file, ignored);
  return *entry.effect;
}

Effect ExecAction::Observe(const sdk::Request& request, const sdk::Plan&, const Config& params) {
  const auto entry = journal_.Find(request.decision);
  if (!entry) return {EffectState::kAbsent, params.command.front() + " was not run"};
  if (entry->effect) return *entry->effect;
  if (support::IsAlive(entry->pid, entry->start_ticks))
    return {EffectState::kPending, params.command.front() + " still runs"};
  if (params.observe_command.empty())
    return {EffectState::kFailed, params.command.front() +
                                      " was running when the agent ended, so its result isn't "
                                      "known; it is not run again (observe_command could tell)"};
  CheckArguments(params.observe_command, config_.observe_command);
  const std::string output = journal_.OutputPath(std::string(request.decision) + "-observe");
  const Run run = RunToEnd(CommandOf(params.observe_command, params, output), params.timeout.ns,
                           static_cast<size_t>(params.output_tail.count), [](const Child&) {});
  std::error_code ignored;
  std::filesystem::remove(output, ignored);
  const bool there = run.problem.empty() && run.exit_text == "exit code 0";
  const std::string how = run.problem.empty() ? run.exit_text : run.problem;
  return {there ? EffectState::kDone : EffectState::kFailed,
          "the agent ended during the run; observe_command says: " + how +
              (run.output.empty() ? "" : "; output: " + run.output)};
}

}  // namespace heald::exec
