// `include:` and `vars:`: joins a pipeline file and the files that it includes into one tree,
// before anything is typed. Every value keeps the place where it was written, so a mistake is
// reported in the file that it is in. Used by the loader. Thread rule: pure, apart from reading
// files.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "core/config/environment.h"
#include "core/config/yaml.h"

namespace heald {

inline constexpr size_t kMaxPipelineBytes = 1 << 20;

struct IncludedFile {
  IncludedFile(std::string shown, std::string text, int index, std::string at)
      : source(std::move(shown), std::move(text), index), path(std::move(at)) {}
  Source source;
  std::string path;  // absolute
};

struct IncludeContext {
  const Environment& environment;
  Report* report;
  std::deque<IncludedFile>* files;  // in the order of their sources' indexes, from 1 on
  bool* left_out;                   // becomes true where something couldn't be included
};

// The root map `root` of `main` with every ${var.…} filled in and every include in its place;
// `include` and `vars` are gone. What can't be included is reported and left out.
YamlPtr ResolveIncludes(const YamlPtr& root, const Source& main, const std::string& main_path,
                        const std::string& folder, const IncludeContext& context);

// For the schema of whole files.
std::string_view IncludeSchemaText();

}  // namespace heald
