// `heald rbac`: what a pipeline has to be allowed in Kubernetes, and nothing more, as manifests.
// Plugins declare it in their config schema as "x-rbac" (decision 30). It is made wherever the file
// is written: what only the agent's own machine has (variables, secrets, kubeconfigs) is not asked
// for where no right depends on it.
//
// Thread rule: pure functions.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/cli/verbs.h"
#include "core/config/diagnostic.h"
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

// Empty, or which of the options' names Kubernetes wouldn't take.
std::string WhyNoRbacOptions(const RbacOptions& options);
// The errors of loading that keep the rights from being told.
std::vector<Diagnostic> RbacErrors(const std::vector<Diagnostic>& found, const PipelineSpec& draft,
                                   const Catalog& catalog);
// What it prints, as YAML. An error where a node's rules can't be told.
Result<std::string> RbacManifests(const PipelineSpec& spec, const Catalog& catalog,
                                  const RbacOptions& options);

}  // namespace heald::cli
