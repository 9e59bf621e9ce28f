// The three patches a client sends to an API server, and the fourth, a server-side apply, as far
// as a merge by key is one.
// Thread rule: pure functions, any thread.
#pragma once

#include <string>

#include "tests/fakes/kubernetes/resources.h"

namespace heald::fakes::kubernetes {

// Lists are merged by their kind's key (containers by name, taints by key…), others replaced;
// null removes; the $patch and $deleteFromPrimitiveList directives hold.
Json StrategicMerge(const Json& object, const Json& patch);

// By the request's Content-Type; throws the Refusal the server would give (400, 415, 422).
Json ApplyPatch(const Json& object, const std::string& content_type, const std::string& body);

}  // namespace heald::fakes::kubernetes
