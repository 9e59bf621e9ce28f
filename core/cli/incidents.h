// `heald incidents`: a table of incidents, newest first. Thread rule: the main thread.
#pragma once

#include <cstddef>
#include <string>

#include "core/cli/verbs.h"

namespace heald::cli {

struct IncidentsOptions {
  std::string store;  // in place of the pipeline file's agent.store
  std::string state;  // only this one; empty: all
  size_t limit = 20;
  std::string format = "text";
};
int Incidents(const IncidentsOptions& options, const PipelineOptions& pipeline);

}  // namespace heald::cli
