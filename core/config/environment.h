// What loading a file asks of the world: where `${env:…}` and `${file:…}` come from, and whether
// anyone could use the API. An interface, so that tests have their own world.
// Thread rule: const, safe from any thread as long as nobody calls setenv.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace heald {

struct PipelineSpec;

class Environment {
 public:
  virtual ~Environment() = default;
  virtual std::optional<std::string> Variable(const std::string& name) const = 0;
  // A regular file of at most `max_bytes`; the error says what is wrong with `path`.
  virtual Result<std::string> ReadFile(const std::string& path, size_t max_bytes) const = 0;
  // How many of the API's tokens in that state folder are live; 0 also where there is no folder
  // yet. The error says what is wrong with the tokens file.
  virtual Result<size_t> LiveTokens(const std::string& state_dir) const;
  // Sentences about what nodes have left undone that this pipeline doesn't run any more.
  virtual std::vector<std::string> Owed(const PipelineSpec& spec) const;
};

// What a process knows without knowing the API; the agent adds its tokens.
class ProcessEnvironment : public Environment {
 public:
  std::optional<std::string> Variable(const std::string& name) const override;
  Result<std::string> ReadFile(const std::string& path, size_t max_bytes) const override;
};

}  // namespace heald
