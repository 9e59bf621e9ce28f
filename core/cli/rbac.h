// `heald rbac`: what a pipeline has to be allowed in Kubernetes, and nothing more, as manifests.
// Plugins declare it in their config schema as "x-rbac" (decision 30). Besides what that says, a
// plugin may name with "namespace_key" the config key that holds its namespace, or a list of them;
// `namespace` by default.
//
// Thread rule: pure functions.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/cli/verbs.h"
#include "core/pipeline/spec.h"

namespace heald::cli {

struct RbacOptions {
  PipelineOptions pipeline;
  std::string name = "heald";                // of all that is made
  std::string agent_namespace = "heald";     // where the agent runs
  std::string format = "manifests";          // manifests | helm: values for the chart
  std::vector<std::string> namespaces = {};  // what it may touch; empty: wherever targets are
};
// Prints them on stdout.
int Rbac(const RbacOptions& options);

// What it prints, as YAML. An error where a node's rules can't be told.
Result<std::string> RbacManifests(const PipelineSpec& spec, const Catalog& catalog,
                                  const RbacOptions& options);

}  // namespace heald::cli
