#include "core/cli/rbac.h"

#include <cstdio>

#include "core/agent/environment.h"
#include "core/config/loader.h"
#include "core/plugin/loader.h"

namespace heald::cli {

int Rbac(const RbacOptions& options) {
  if (const std::string why = WhyNoRbacOptions(options); !why.empty()) {
    std::fprintf(stderr, "%s\n", why.c_str());
    return kUsage;
  }
  const plugin::Loader loader(options.pipeline.plugin_dir, {}, options.pipeline.program);
  const agent::AgentEnvironment environment;
  const LoadResult loaded = LoadPipeline(options.pipeline.file, loader, environment);
  const std::optional<PipelineSpec>& spec = loaded.spec ? loaded.spec : loaded.draft;
  const std::vector<Diagnostic> errors =
      spec ? RbacErrors(loaded.diagnostics, *spec, loader) : loaded.diagnostics;
  if (!errors.empty()) {
    std::fputs(FormatText(errors).c_str(), stderr);
    return kNo;
  }
  const Result<std::string> manifests = RbacManifests(*spec, loader, options);
  if (!manifests) {
    std::fprintf(stderr, "%s\n", manifests.error().message.c_str());
    return kNo;
  }
  std::fputs(manifests->c_str(), stdout);
  return kDone;
}

}  // namespace heald::cli
