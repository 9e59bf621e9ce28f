// `heald health`: what /healthz and /readyz say, for probes that have no HTTP client.
// Thread rule: the main thread.
#pragma once

#include <string>

#include "core/cli/remote.h"

namespace heald::cli {

struct HealthOptions {
  std::string url;     // empty: agent.listen of the pipeline file
  bool ready = false;  // /readyz in place of /healthz
  std::string format = "text";
};
// kNo where the agent says that it isn't well.
int Health(const HealthOptions& options, const PipelineOptions& pipeline);

}  // namespace heald::cli
