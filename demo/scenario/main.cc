// heald-demo-scenario, started as demo/run: the interactive demo, and faults with nobody watching.
// Exit codes: 0 healed (or silent, or ended by Ctrl-C), 1 not, 2 bad usage.
#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/units.h"
#include "demo/scenario/interactive.h"
#include "demo/scenario/scenarios.h"
#include "demo/scenario/signals.h"

namespace heald::demo {
namespace {

constexpr int kUsage = 2;

// configs/demo.yaml of the source tree that this program was built in, whatever the folder.
std::string FindPipeline() {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (; folder != folder.root_path(); folder = folder.parent_path())
    if (fs::exists(folder / "configs/demo.yaml", error))
      return (folder / "configs/demo.yaml").string();
  return "configs/demo.yaml";
}

void List() {
  for (const Scenario& scenario : Scenarios())
    std::printf("%-11s  %s\n             expected: %s\n", scenario.name.c_str(),
                scenario.fault.c_str(), scenario.expected.c_str());
  std::printf("all          each of them, one after the other\n");
}

std::string Reached(const ScenarioResult& result, const char* step) {
  const auto at = result.reached_ns.find(step);
  return at == result.reached_ns.end() ? "-" : FormatElapsed(at->second);
}

nlohmann::json ToJson(const Scenario& scenario, const ScenarioResult& result) {
  nlohmann::json seconds = nlohmann::json::object();
  for (const auto& [step, ns] : result.reached_ns)
    seconds[step] = std::round(static_cast<double>(ns) / 1e6) / 1e3;
  return {{"scenario", scenario.name},
          {"service", scenario.service},
          {"healed", result.missing.empty()},
          {"seconds", seconds},
          {"missing", result.missing}};
}

void PrintEnd(const ScenarioResult& result) {
  if (result.missing.empty())
    std::printf("healed %s after the fault\n", Reached(result, "verified").c_str());
  else
    std::printf("not healed: %s\n", result.missing.c_str());
  std::fflush(stdout);
}

// As demo/README.md has it.
void PrintTable(const std::vector<Scenario>& scenarios,
                const std::vector<ScenarioResult>& results) {
  std::printf("\n| name | fault | detected | acted | verified |\n|---|---|---|---|---|\n");
  int healed = 0;
  int64_t repair_ns = 0;
  for (size_t i = 0; i < scenarios.size(); ++i) {
    const ScenarioResult& result = results[i];
    const bool good = result.missing.empty();
    std::printf("| %s | %s | %s | %s | %s |\n", scenarios[i].name.c_str(),
                scenarios[i].fault.c_str(), Reached(result, "finding").c_str(),
                Reached(result, "issued").c_str(),
                good ? Reached(result, "verified").c_str() : "not healed");
    if (!good) continue;
    ++healed;
    repair_ns += result.reached_ns.at("verified");
  }
  std::printf("\n%d of %zu healed", healed, scenarios.size());
  if (healed > 0)
    std::printf(", on average %s after the fault (MTTR)",
                FormatElapsed(repair_ns / healed).c_str());
  std::printf("\n");
}

int Run(const std::vector<Scenario>& scenarios, const ScenarioOptions& options) {
  const bool json = options.quiet;
  bool all_healed = true;
  std::vector<ScenarioResult> results;
  for (const Scenario& scenario : scenarios) {
    if (scenarios.size() > 1 && !json) std::printf("== %s\n", scenario.name.c_str());
    results.push_back(RunScenario(scenario, options));
    const ScenarioResult& result = results.back();
    all_healed = all_healed && result.missing.empty();
    if (json)
      std::printf("%s\n", ToJson(scenario, result).dump().c_str());
    else
      PrintEnd(result);
    if (result.stopped) return 1;
  }
  if (scenarios.size() > 1 && !json) PrintTable(scenarios, results);
  return all_healed ? 0 : 1;
}

int RunNamed(const std::string& name, const ScenarioOptions& options) {
  if (name == "list") {
    List();
    return 0;
  }
  if (name == "all") return Run(Scenarios(), options);
  if (const Scenario* scenario = FindScenario(name)) return Run({*scenario}, options);
  std::fprintf(stderr, "demo/run: there is no scenario '%s'; there are:\n", name.c_str());
  List();
  return kUsage;
}

int RunQuiet(const std::string& duration, const std::string& pipeline) {
  const std::string problem = RunSilence(*ParseDuration(duration), pipeline);
  if (problem.empty()) return 0;
  std::fprintf(stderr, "demo/run: %s\n", problem.c_str());
  return 1;
}

}  // namespace
}  // namespace heald::demo

int main(int argc, char** argv) {
  namespace demo = heald::demo;
  CLI::App app("heald with three services to break. Without options: until Ctrl-C.", "demo/run");
  std::string scenario;
  std::string silence;
  std::string limit = "60s";
  demo::ScenarioOptions options;
  options.pipeline = demo::FindPipeline();
  auto* one =
      app.add_option("--scenario", scenario,
                     "One fault, unattended; exits 0 only if it was healed. A name, all, list");
  const auto is_duration = [](const std::string& text) {
    const auto parsed = heald::ParseDuration(text);
    return parsed ? std::string() : parsed.error().message;
  };
  app.add_option("--silence", silence,
                 "Steady load for this time; exits 0 only if heald did nothing")
      ->excludes(one)
      ->check(is_duration);
  app.add_flag("--json", options.quiet, "One JSON object per scenario in place of the timeline")
      ->needs(one);
  app.add_option("--limit", limit, "Time for a scenario to heal")
      ->check(is_duration)
      ->needs(one)
      ->capture_default_str();
  app.add_option("--pipeline", options.pipeline, "The pipeline file")->check(CLI::ExistingFile);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : demo::kUsage;
  }
  options.limit_ns = *heald::ParseDuration(limit);
  demo::BlockSignals();
  if (!silence.empty()) return demo::RunQuiet(silence, options.pipeline);
  if (!scenario.empty()) return demo::RunNamed(scenario, options);
  return demo::RunInteractive(options.pipeline);
}
