// The Status bodies an API server refuses with, word for word.
// Thread rule: pure functions, any thread.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "tests/fakes/kubernetes/resources.h"

namespace heald::fakes::kubernetes {

// One field that validation complains about.
struct Cause {
  std::string reason;  // "FieldValueInvalid", "FieldValueRequired"
  std::string message;
  std::string field;
};

Json StatusBody(int code, const std::string& reason, const std::string& message,
                Json details = nullptr);

// A request that is refused: thrown by the parts, answered by the server.
struct Refusal : std::runtime_error {
  Refusal(int code, Json body);
  int code;
  Json body;
  int retry_after_s = 0;
};

Refusal NotFound(const Resource& resource, const std::string& name, const std::string& sub = {});
Refusal NoSuchResource();
Refusal BadRequest(const std::string& message);
Refusal Modified(const Resource& resource, const std::string& name);
Refusal UidMismatch(const Resource& resource, const std::string& name, const std::string& wanted,
                    const std::string& actual);
Refusal VersionMismatch(const Resource& resource, const std::string& name,
                        const std::string& wanted, const std::string& actual);
Refusal AlreadyExists(const Resource& resource, const std::string& name);
// The causes also make the message.
Refusal Invalid(const std::string& kind, const std::string& group, const std::string& name,
                const std::vector<Cause>& causes);
Refusal RequestInvalid();  // 422 without a word of why, as for a JSON patch that does not apply
Refusal Expired(const std::string& message, const std::string& fresh_continue = {});

}  // namespace heald::fakes::kubernetes
