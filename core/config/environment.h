// Where `${env:…}` and `${file:…}` come from; an interface, so that tests have their own world.
// Thread rule: const, safe from any thread as long as nobody calls setenv.
#pragma once

#include <optional>
#include <string>

#include "core/base/result.h"

namespace heald {

class Environment {
 public:
  virtual ~Environment() = default;
  virtual std::optional<std::string> Variable(const std::string& name) const = 0;
  // A regular file of at most `max_bytes`; the error says what is wrong with `path`.
  virtual Result<std::string> ReadFile(const std::string& path, size_t max_bytes) const = 0;
};

class ProcessEnvironment final : public Environment {
 public:
  std::optional<std::string> Variable(const std::string& name) const override;
  Result<std::string> ReadFile(const std::string& path, size_t max_bytes) const override;
};

}  // namespace heald
