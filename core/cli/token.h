// `heald token create|list|revoke`: who may use the API. Works on the tokens file in the state
// folder, beside a running agent or without one; the agent sees a change by itself. Exit codes as
// in verbs.h. Thread rule: the main thread.
#pragma once

#include <string>

#include "core/cli/verbs.h"

namespace heald::cli {

struct TokenOptions {
  std::string state_dir;  // in place of the file's agent.state_dir
  std::string name;
  std::string role;
  std::string expires;  // "30d"; empty: never
  std::string token;    // to revoke: an id or a name
  std::string format = "text";
};

// The token alone goes to stdout, so that it can be piped to where it is kept.
int TokenCreate(const TokenOptions& options, const PipelineOptions& pipeline);
int TokenList(const TokenOptions& options, const PipelineOptions& pipeline);
int TokenRevoke(const TokenOptions& options, const PipelineOptions& pipeline);

}  // namespace heald::cli
