// Objects of the API as text. Used by Client and Watch. Thread rule: pure functions.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace heald::kubernetes {

// Without managedFields, which are a third of an object and tell nothing about its state. Discarded
// when it isn't JSON.
nlohmann::json ParseObject(std::string_view text);

}  // namespace heald::kubernetes
