#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "core/agent/agent.h"
#include "core/agent/crash.h"
#include "core/agent/version.h"
#include "core/base/units.h"
#include "core/cli/supervisor.h"
#include "core/cli/verbs.h"
#include "core/telemetry/log.h"

namespace heald::cli {
namespace {

std::string Counted(size_t n, const std::string& what) {
  const std::string plural =
      what.back() == 'y' ? what.substr(0, what.size() - 1) + "ies" : what + "s";
  return std::to_string(n) + " " + (n == 1 ? what : plural);
}

std::string Summary(const PipelineSpec& spec) {
  const auto count = [&](Kind kind) {
    return static_cast<size_t>(
        std::count_if(spec.nodes.begin(), spec.nodes.end(),
                      [kind](const NodeSpec& node) { return node.kind == kind && node.enabled; }));
  };
  return Counted(count(Kind::kSource), "source") + ", " +
         Counted(count(Kind::kDetector), "detector") + ", " +
         Counted(spec.policies.size(), "policy") + ", " + Counted(count(Kind::kAction), "action") +
         ", " + Counted(count(Kind::kNotifier), "notifier");
}

// 0: none came within that time; without one it waits for as long as it takes.
int NextSignal(const sigset_t& signals, int64_t within_ns) {
  int signal = 0;
  if (within_ns == 0) {
    sigwait(&signals, &signal);
    return signal;
  }
  const timespec within{within_ns / kSecond, within_ns % kSecond};
  signal = sigtimedwait(&signals, nullptr, &within);
  return std::max(signal, 0);
}

bool IsWell(agent::Agent* agent) {
  const std::vector<api::Check> checks = agent->Health();
  return std::all_of(checks.begin(), checks.end(),
                     [](const api::Check& check) { return check.ok; });
}

}  // namespace

int Run(const RunOptions& options) {
  agent::InstallCrashHandler();
  const Supervisor supervisor;
  // Signals are waited for here and nowhere else.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);

  agent::Options agent_options;
  agent_options.file = options.pipeline.file;
  agent_options.text = BuiltInPipeline();
  agent_options.plugin_dir = options.pipeline.plugin_dir;
  agent_options.probe = options.pipeline.program;
  agent_options.listen = options.listen;
  agent::Agent agent(std::move(agent_options));

  std::vector<Diagnostic> diagnostics;
  const std::optional<PipelineSpec> spec = agent.Load(&diagnostics);
  std::fputs(FormatText(diagnostics).c_str(), stderr);
  if (!spec) {
    const auto errors = static_cast<size_t>(
        std::count_if(diagnostics.begin(), diagnostics.end(),
                      [](const Diagnostic& d) { return d.level == Level::kError; }));
    std::fprintf(stderr, "%s. Nothing was started.\n", Counted(errors, "error").c_str());
    return kNo;
  }
  if (const Status log = InitLog({spec->agent.log_format, spec->agent.log_level, {}}); !log) {
    std::fprintf(stderr, "heald: %s\n", log.error().message.c_str());
    return kFailed;
  }
  if (const Status started = agent.Start(*spec); !started) {
    std::fprintf(stderr, "heald: %s. Nothing was started.\n", started.error().message.c_str());
    return kFailed;
  }
  Log(LogLevel::kInfo, "heald",
      std::string(agent::kVersion) + " runs " + spec->file + ": " + Summary(*spec) + "; " +
          agent.url());
  supervisor.Tell("READY=1\nSTATUS=" + Summary(*spec) + "; " + agent.url());
  for (;;) {
    const int signal = NextSignal(signals, supervisor.interval_ns());
    if (signal == 0) {
      if (IsWell(&agent)) supervisor.Tell("WATCHDOG=1");
      continue;
    }
    if (signal != SIGHUP) {
      Log(LogLevel::kInfo, "heald",
          std::string(signal == SIGTERM ? "SIGTERM" : "SIGINT") + ": stopping");
      supervisor.Tell("STOPPING=1");
      break;
    }
    static_cast<void>(agent.Reload("signal:SIGHUP"));
  }
  if (!agent.Stop()) {
    Log(LogLevel::kError, "heald", "a plugin call doesn't return; ending without it");
    _exit(kFailed);
  }
  Log(LogLevel::kInfo, "heald", "stopped");
  return kDone;
}

}  // namespace heald::cli
