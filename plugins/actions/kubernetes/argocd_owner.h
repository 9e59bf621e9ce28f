// Is an object deployed by Argo CD, which would set back what heald changes of it? Used by the
// operations that change what Git may hold. Thread rule: pure functions over the API's JSON.
#pragma once

#include <string>

#include "plugins/support/kubernetes/client.h"
#include "plugins/support/kubernetes/resource.h"

namespace heald::kubernetes {

// The application of Argo CD that the object is part of; empty: none, as far as it can be told.
std::string ArgocdApplication(const Json& object, const Resource& resource);

// The application that it may be part of where that can't be told; empty: none.
std::string PossibleArgocdApplication(const Json& object);

// False: what Argo CD has applied leaves the number at `pointer` (of members only) out, so that it
// is whose it is.
bool ArgocdSets(const Json& object, const char* pointer);

}  // namespace heald::kubernetes
