// The process's environment as loading a pipeline file sees it, with the API's tokens: here config
// and the API meet. Used wherever a file is loaded to be run or checked. Thread rule: as its base.
#pragma once

#include <algorithm>
#include <string>

#include "core/api/tokens.h"
#include "core/base/clock.h"
#include "core/config/environment.h"
#include "core/pipeline/owed.h"

namespace heald::agent {

class AgentEnvironment final : public ProcessEnvironment {
 public:
  Result<size_t> LiveTokens(const std::string& state_dir) const override {
    const Result<std::vector<api::Token>> tokens = api::ReadTokens(api::TokensFile(state_dir));
    if (!tokens && tokens.error().code == Code::kNotFound) return size_t{0};
    if (!tokens) return tokens.error();
    const int64_t now_ns = SystemClock().NowNs();
    return static_cast<size_t>(
        std::count_if(tokens->begin(), tokens->end(),
                      [&](const api::Token& token) { return token.LiveAt(now_ns); }));
  }
  std::vector<std::string> Owed(const PipelineSpec& spec) const override {
    std::vector<std::string> owed;
    for (const heald::Owed& each : OwedByGone(spec.agent.state_dir, RunningNodes(spec)))
      owed.push_back(each.Sentence());
    return owed;
  }
};

}  // namespace heald::agent
