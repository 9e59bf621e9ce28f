// What the agent's listener needs, and what of it a file has: the rule that a listener which other
// machines can reach has a token and TLS, unless that was waived by name. Used by the loader, and
// by the agent for an address from the command line. Thread rule: pure functions.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/config/diagnostic.h"
#include "core/pipeline/spec.h"

namespace heald {

struct ListenerFinding {
  Level level = Level::kError;
  std::string path;  // into the file
  std::string message;
  std::string hint;
};

// `live_tokens` as Environment::LiveTokens says. agent.listen is host:port.
std::vector<ListenerFinding> CheckListener(const AgentSpec& agent,
                                           const Result<size_t>& live_tokens);

// "" or what is wrong with `url` as an http or https URL that is shown to people.
std::string WhyNoUrl(const std::string& url);

}  // namespace heald
