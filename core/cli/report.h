// `heald report`: weeks of incidents, policies and predictions in numbers, asked of the running
// agent. `heald label`: what an incident really was. Thread rule: the main thread.
#pragma once

#include <cstdint>
#include <string>

#include "core/cli/remote.h"
#include "core/cli/verbs.h"

namespace heald::cli {

struct ReportOptions {
  RemoteOptions remote;
  int weeks = 4;
  std::string format = "text";  // text | json
};
int Report(const ReportOptions& options, const PipelineOptions& pipeline);

struct LabelOptions {
  RemoteOptions remote;
  uint64_t incident = 0;
  std::string label;  // "false-positive" or "false_positive"; "none" takes it back
  std::string comment;
  std::string format = "text";
};
int Label(const LabelOptions& options, const PipelineOptions& pipeline);

}  // namespace heald::cli
