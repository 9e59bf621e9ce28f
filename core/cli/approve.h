// `heald approve` and `heald deny`: a person's answer to a decision that waits in a running agent.
// Thread rule: the main thread.
#pragma once

#include <string>

#include "core/cli/remote.h"

namespace heald::cli {

struct ApproveOptions {
  RemoteOptions remote;
  std::string decision;   // the beginning of its id is enough; empty: lists those that wait
  std::string plan_hash;  // the beginning of the hash that the person saw elsewhere; may be empty
  std::string actor;      // where no tokens are needed; may be empty
  bool deny = false;
  std::string format = "text";  // text | json
};
int Approve(const ApproveOptions& options, const PipelineOptions& pipeline);

}  // namespace heald::cli
