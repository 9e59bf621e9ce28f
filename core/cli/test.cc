#include <chrono>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/agent/environment.h"
#include "core/backtest/scratch.h"
#include "core/backtest/test_run.h"
#include "core/cli/verbs.h"
#include "core/config/loader.h"
#include "core/plugin/loader.h"

namespace heald::cli {
namespace {

namespace fs = std::filesystem;

// pipeline.yaml -> pipeline_test.yaml
std::string FileBeside(const std::string& file) {
  const fs::path path(file);
  return (path.parent_path() / (path.stem().string() + "_test" + path.extension().string()))
      .string();
}

struct Outcome {
  const PipelineTest* test;
  backtest::TestReport report;
  double seconds = 0;
};

std::string At(const PipelineTest& test, int line) {
  return test.file + ":" + std::to_string(line == 0 ? test.line : line);
}

void PrintText(const std::vector<Outcome>& outcomes, bool verbose) {
  size_t failed = 0;
  for (const Outcome& outcome : outcomes) {
    const bool ok = outcome.report.failures.empty();
    failed += !ok;
    std::printf("%s  %s  (%.0f ms)\n", ok ? "ok    " : "FAILED", outcome.test->name.c_str(),
                outcome.seconds * 1e3);
    for (const backtest::TestFailure& failure : outcome.report.failures)
      std::printf("  %s: %s\n", At(*outcome.test, failure.line).c_str(), failure.message.c_str());
    if (ok && !verbose) continue;
    std::printf("  what happened:%s\n", outcome.report.story.empty() ? " nothing" : "");
    for (const std::string& line : outcome.report.story) std::printf("    %s\n", line.c_str());
  }
  std::printf("%zu of %zu passed\n", outcomes.size() - failed, outcomes.size());
}

void PrintJson(const std::vector<Outcome>& outcomes) {
  nlohmann::ordered_json tests = nlohmann::ordered_json::array();
  for (const Outcome& outcome : outcomes) {
    nlohmann::ordered_json failures = nlohmann::ordered_json::array();
    for (const backtest::TestFailure& failure : outcome.report.failures)
      failures.push_back({{"file", outcome.test->file},
                          {"line", failure.line == 0 ? outcome.test->line : failure.line},
                          {"message", failure.message}});
    tests.push_back({{"name", outcome.test->name},
                     {"passed", outcome.report.failures.empty()},
                     {"seconds", outcome.seconds},
                     {"failures", failures},
                     {"story", outcome.report.story}});
  }
  std::puts(nlohmann::ordered_json{{"tests", tests}}.dump(2).c_str());
}

}  // namespace

int Test(const TestOptions& options) {
  const plugin::Loader plugins(options.pipeline.plugin_dir, {}, options.pipeline.program);
  const agent::AgentEnvironment environment;
  LoadResult loaded = options.pipeline.file.empty()
                          ? LoadPipelineText(BuiltInPipeline(), "<built-in>",
                                             fs::current_path().string(), plugins, environment)
                          : LoadPipeline(options.pipeline.file, plugins, environment);
  std::fputs(FormatText(loaded.diagnostics).c_str(), stderr);
  if (!loaded.spec) return kNo;
  std::vector<PipelineTest> tests = loaded.spec->tests;
  const std::string beside =
      options.tests.empty() ? FileBeside(options.pipeline.file) : options.tests;
  if (!options.tests.empty() || (!options.pipeline.file.empty() && fs::exists(beside))) {
    TestsResult more = LoadTests(beside, *loaded.spec, plugins, environment);
    std::fputs(FormatText(more.diagnostics).c_str(), stderr);
    if (HasErrors(more.diagnostics)) return kNo;
    tests.insert(tests.end(), more.tests.begin(), more.tests.end());
  }
  std::erase_if(tests, [&](const PipelineTest& test) {
    return test.name.find(options.filter) == std::string::npos;
  });
  if (tests.empty()) {
    std::fprintf(stderr, "there are no tests%s: write them under 'tests:' or into %s\n",
                 options.filter.empty() ? "" : " of that name", beside.c_str());
    return kNo;
  }
  std::vector<Outcome> outcomes;
  bool passed = true;
  for (const PipelineTest& test : tests) {
    const backtest::Scratch scratch;
    const auto start = std::chrono::steady_clock::now();
    Result<backtest::TestReport> report =
        backtest::RunTest(*loaded.spec, test, plugins, scratch.path());
    if (!report) {
      std::fprintf(stderr, "%s: %s\n", At(test, 0).c_str(), report.error().message.c_str());
      return kFailed;
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    passed &= report->failures.empty();
    outcomes.push_back({&test, std::move(*report), took.count()});
  }
  if (options.format == "json")
    PrintJson(outcomes);
  else
    PrintText(outcomes, options.verbose);
  return passed ? kDone : kNo;
}

}  // namespace heald::cli
