// What an API server refuses in the objects themselves, in its words.
// Thread rule: pure functions, any thread.
#pragma once

#include <string>
#include <vector>

#include "tests/fakes/kubernetes/status.h"

namespace heald::fakes::kubernetes {

// Throws the 422 or 400 of what is wrong; `old` is null for a new object, `api_version` the one
// the client speaks.
void Validate(const Resource& resource, const Json& object, const Json& old,
              const std::string& api_version);

// Fields of a patch or object that the kind doesn't have ("spec.replicaz"), as far as its spec and
// metadata go.
std::vector<std::string> UnknownFields(const Resource& resource, const Json& object);
// The patch as Go prints a map, for the messages that quote it.
std::string GoMap(const Json& value);
// Throws the 422 of a patch whose values are of the wrong type.
void CheckPatchTypes(const Json& patch);

}  // namespace heald::fakes::kubernetes
