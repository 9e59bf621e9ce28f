// metadata.managedFields: who last wrote which fields. Kept for clients' writes, down to lists.
// Thread rule: pure functions, any thread.
#pragma once

#include <string>

#include "tests/fakes/kubernetes/resources.h"

namespace heald::fakes::kubernetes {

// Notes in `object` what the manager changed of `old` (null: all of it).
void NoteManager(const Json& old, Json& object, const std::string& manager,
                 const std::string& api_version, const std::string& now, const std::string& sub);

}  // namespace heald::fakes::kubernetes
