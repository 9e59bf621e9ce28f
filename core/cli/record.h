// `heald record`: what a pipeline's sources give, into a file: live, or from their past.
// Thread rule: the main thread.
#pragma once

#include <string>
#include <vector>

#include "core/cli/verbs.h"

namespace heald::cli {

struct RecordOptions {
  PipelineOptions pipeline;
  std::string output;
  std::string duration;              // live: so long; empty: until a signal
  std::string from;                  // the past; empty: live
  std::string to;                    // empty: now
  std::vector<std::string> sources;  // by name; empty: all
  bool overwrite = false;
  std::string format = "text";  // text | json
};
int Record(const RecordOptions& options);

}  // namespace heald::cli
