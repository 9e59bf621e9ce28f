#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "core/agent/environment.h"
#include "core/agent/version.h"
#include "core/cli/verbs.h"
#include "core/config/loader.h"
#include "core/plugin/loader.h"

namespace heald::cli {

int Check(const CheckOptions& options) {
  const plugin::Loader loader(options.pipeline.plugin_dir, {}, options.pipeline.program);
  const agent::AgentEnvironment environment;
  const LoadResult result =
      options.pipeline.file.empty()
          ? LoadPipelineText(BuiltInPipeline(), "<built-in>",
                             std::filesystem::current_path().string(), loader, environment)
          : LoadPipeline(options.pipeline.file, loader, environment);
  if (options.format == "json") {
    std::puts(FormatJson(result.diagnostics).c_str());
  } else if (options.format == "sarif") {
    std::puts(FormatSarif(result.diagnostics, agent::kVersion).c_str());
  } else {
    std::fputs(FormatText(result.diagnostics).c_str(), stderr);
    const auto errors = std::count_if(result.diagnostics.begin(), result.diagnostics.end(),
                                      [](const Diagnostic& d) { return d.level == Level::kError; });
    if (!result.spec)
      std::fprintf(stderr, "%ld error%s.\n", static_cast<long>(errors), errors == 1 ? "" : "s");
    else if (!options.print)
      std::printf("%s: ok\n",
                  options.pipeline.file.empty() ? "<built-in>" : options.pipeline.file.c_str());
  }
  if (options.print && result.spec) std::fputs(FormatYaml(EffectiveConfig(result)).c_str(), stdout);
  return result.spec ? kDone : kNo;
}

}  // namespace heald::cli
