#include "core/cli/rbac.h"

#include <cstdio>
#include <filesystem>

#include "core/agent/environment.h"
#include "core/config/loader.h"
#include "core/plugin/loader.h"

namespace heald::cli {

int Rbac(const RbacOptions& options) {
  const plugin::Loader loader(options.pipeline.plugin_dir, {}, options.pipeline.program);
  const agent::AgentEnvironment environment;
  const LoadResult loaded = LoadPipeline(options.pipeline.file, loader, environment);
  std::fputs(FormatText(loaded.diagnostics).c_str(), stderr);
  if (!loaded.spec) return kNo;
  const Result<std::string> manifests = RbacManifests(*loaded.spec, loader, options);
  if (!manifests) {
    std::fprintf(stderr, "%s\n", manifests.error().message.c_str());
    return kNo;
  }
  std::fputs(manifests->c_str(), stdout);
  return kDone;
}

}  // namespace heald::cli
