#include "core/cli/explain.h"

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/agent/chain_record.h"
#include "core/agent/environment.h"
#include "core/api/json.h"
#include "core/cli/explain_text.h"
#include "core/config/loader.h"
#include "core/plugin/loader.h"
#include "core/store/open.h"

namespace heald::cli {

Result<std::unique_ptr<StoreReader>> OpenJournal(const std::string& store,
                                                 const PipelineOptions& pipeline) {
  if (!store.empty())
    return OpenStoreReader({store, std::filesystem::current_path().string(), false});
  const plugin::Loader loader(pipeline.plugin_dir, {}, pipeline.program);
  const agent::AgentEnvironment environment;
  const LoadResult result =
      pipeline.file.empty()
          ? LoadPipelineText(BuiltInPipeline(), "<built-in>",
                             std::filesystem::current_path().string(), loader, environment)
          : LoadPipeline(pipeline.file, loader, environment);
  if (!result.spec)
    return MakeError(Code::kInvalid,
                     FormatText(result.diagnostics) +
                         "the pipeline file has errors; name the journal with --store sqlite:PATH");
  return OpenStoreReader({result.spec->agent.store, result.spec->agent.state_dir, false});
}

int Explain(const ExplainOptions& options, const PipelineOptions& pipeline) {
  const Result<std::unique_ptr<StoreReader>> reader = OpenJournal(options.store, pipeline);
  if (!reader) {
    std::fprintf(stderr, "heald: %s\n", reader.error().message.c_str());
    return kFailed;
  }
  Result<std::optional<Chain>> chain = (*reader)->ChainOf(options.incident);
  if (!chain) {
    std::fprintf(stderr, "heald: %s\n", chain.error().message.c_str());
    return kFailed;
  }
  if (!*chain) {
    std::fprintf(stderr, "heald: there is no incident %llu; `heald incidents` lists them\n",
                 static_cast<unsigned long long>(options.incident));
    return kNo;
  }
  if (options.format == "json") {
    const api::Json json = api::ToJson(agent::ChainRecord(std::move(**chain)));
    std::puts(json.dump(2, ' ', false, api::Json::error_handler_t::replace).c_str());
  } else {
    std::fputs(ExplainText(**chain).c_str(), stdout);
  }
  return kDone;
}

}  // namespace heald::cli
