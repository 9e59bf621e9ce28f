// `heald silence add|list|expire`: what a running agent is to leave alone.
// Thread rule: the main thread.
#pragma once

#include <string>
#include <vector>

#include "core/cli/remote.h"

namespace heald::cli {

struct SilenceOptions {
  RemoteOptions remote;
  std::vector<std::string> matchers;
  std::string id;        // to expire
  std::string duration;  // "2h"; or
  std::string until;     // RFC 3339
  std::string comment;
  bool all = false;             // also those that ended lately
  std::string format = "text";  // text | json
};
int SilenceAdd(const SilenceOptions& options, const PipelineOptions& pipeline);
int SilenceList(const SilenceOptions& options, const PipelineOptions& pipeline);
int SilenceExpire(const SilenceOptions& options, const PipelineOptions& pipeline);

}  // namespace heald::cli
