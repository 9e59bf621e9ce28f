// From a pipeline file to a PipelineSpec, or to every mistake in it at once. Used by the CLI, by
// start and by reload. Loading has no side effects. Thread rule: pure, apart from reading files.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/diagnostic.h"
#include "core/config/environment.h"
#include "core/model/component.h"
#include "core/pipeline/spec.h"

namespace heald {

struct LoadResult {
  std::optional<PipelineSpec> spec;   // none when there is an error
  std::optional<PipelineSpec> draft;  // then: what could be read, for who needs a part of it
  std::vector<Diagnostic> diagnostics;
  std::map<std::string, Span> marks;  // path -> place, for mistakes found later
  std::vector<std::string> included;  // the files that it includes, absolute
  std::string state_dir;              // also beside errors, as far as it could be read
  // The whole file as typed, defaults filled in; and how to print what mustn't be printed as it is.
  Value document;
  std::map<std::string, std::string> shown;
};

LoadResult LoadPipeline(const std::string& path, const Catalog& catalog,
                        const Environment& environment);

// `name` is shown in messages; relative paths begin at `folder` (absolute).
LoadResult LoadPipelineText(std::string_view text, const std::string& name,
                            const std::string& folder, const Catalog& catalog,
                            const Environment& environment);

struct TestsResult {
  std::vector<PipelineTest> tests;
  std::vector<Diagnostic> diagnostics;
};
// Tests in a file of their own, for that pipeline.
TestsResult LoadTests(const std::string& path, const PipelineSpec& spec, const Catalog& catalog,
                      const Environment& environment);

// The document for people: secrets as ********, what came from the environment or a file as the
// file writes it (${env:NAME}), durations, sizes and the like with their units.
Value EffectiveConfig(const LoadResult& loaded);
// A tree as YAML text.
std::string FormatYaml(const Value& value);

// One JSON Schema for the whole file, with the config of every plugin in the catalog, for editors,
// forms and `heald schema`.
std::string PipelineJsonSchema(const Catalog& catalog);

}  // namespace heald
