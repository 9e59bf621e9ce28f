// The two routes all services share: list the newest records, find one by id.
// Thread rule: `store` outlives the route; handlers from any thread.
#pragma once

#include <string>

#include "demo/services/record_store.h"
#include "demo/services/router.h"

namespace heald::demo {

// Answers {"<plural>": [newest first]}.
Route ListRoute(const std::string& pattern, const std::string& plural, const RecordStore* store);
Route FindRoute(const std::string& pattern, const std::string& singular, const RecordStore* store);

}  // namespace heald::demo
