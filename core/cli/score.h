// `heald score`: a detector over a CSV file, a score for each row. Thread rule: the main thread.
#pragma once

#include <string>

#include "core/cli/verbs.h"

namespace heald::cli {

struct ScoreOptions {
  PipelineOptions pipeline;  // its plugin_dir
  std::string plugin;        // a detector's name, or the path of a plugin file
  std::string config;        // YAML file with the plugin's `config:` mapping; empty: defaults
  std::string train;         // fed first, not written; may be empty
  std::string input;
  std::string output;  // "-": stdout
};
int Score(const ScoreOptions& options);

}  // namespace heald::cli
