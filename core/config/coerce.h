// Checks a YAML value against a schema and types it: interpolation, units, defaults, and a message
// at the very key or value for each thing that is wrong. One validator for the agent's own
// sections, policies, nodes and every plugin's config. Thread rule: one context, one thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/config/environment.h"
#include "core/config/schema.h"
#include "core/config/yaml.h"

namespace heald {

struct LoadContext {
  Report* report;
  const Environment& environment;
  std::string folder;                        // of the pipeline file
  std::map<std::string, Span> marks;         // path -> where to point for it
  std::map<std::string, std::string> shown;  // path -> how to print it: masked, or with its unit
  std::vector<std::string> included_folders = {};  // of the files that it includes, by index - 1
};

struct CoerceRequest {
  const YamlNode* node = nullptr;  // null: absent, all defaults
  const Schema* schema = nullptr;
  std::string path;   // "/detectors/spikes/config"
  std::string where;  // "detector 'spikes' (plugin zscore)", for messages
  Span owner;         // where to report what is missing
  bool allow_runtime = false;
};

struct Typed {
  Value value;
  bool ok = true;          // false: something was reported; `value` is what could be read
  bool templated = false;  // has run-time placeholders; all its texts are then templates
};

Typed Coerce(const CoerceRequest& request, LoadContext* context);

// Where to point for a path: its own mark, or that of the nearest thing around it.
Span MarkOf(const std::map<std::string, Span>& marks, std::string path);

}  // namespace heald
