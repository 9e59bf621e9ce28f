// Finds the running agent for verbs that talk to it, and asks it. Used by silence and approve.
// Thread rule: the main thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "core/api/client.h"
#include "core/cli/verbs.h"

namespace heald::cli {

struct RemoteOptions {
  std::string url;    // empty: agent.listen of the pipeline file
  std::string token;  // empty: HEALD_TOKEN, else agent.token of the pipeline file
};

// kInvalid: neither the options nor the file say where it is.
Result<api::Client> FindAgent(const RemoteOptions& options, const PipelineOptions& pipeline);

// Asks; prints what went wrong. Returns the exit code, and the answer's JSON where it is kDone.
int AskAgent(const RemoteOptions& options, const PipelineOptions& pipeline, std::string_view method,
             std::string_view path, std::string_view body, nlohmann::ordered_json* answer);

// A part of a path: "a b/c" -> "a%20b%2Fc".
std::string PathPart(std::string_view text);

}  // namespace heald::cli
