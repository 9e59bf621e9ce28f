// Runs one unit test of a pipeline and tells what was expected and did not happen, with what did.
// Used by `heald test`. Thread rule: one thread.
#pragma once

#include <string>
#include <vector>

#include "core/pipeline/instance.h"
#include "core/pipeline/spec.h"
#include "core/plugin/loader.h"

namespace heald::backtest {

struct TestFailure {
  int line = 0;  // of the expectation, in the test's file; 0: of the test
  std::string message;
};

struct TestReport {
  std::vector<TestFailure> failures;
  std::vector<std::string> story;  // one line for each thing that happened
};

// An error where the test could not be run at all. `scratch_dir`: an empty folder for its journal.
Result<TestReport> RunTest(const PipelineSpec& spec, const PipelineTest& test,
                           const plugin::Loader& plugins, const std::string& scratch_dir);

}  // namespace heald::backtest
