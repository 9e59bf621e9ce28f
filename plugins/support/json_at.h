// Reading JSON of servers where any part may be missing. Used by what reads Docker's and
// Kubernetes' answers. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace heald::support {

// Null where there is nothing. pointer: RFC 6901.
inline const nlohmann::json& At(const nlohmann::json& object, const char* pointer) {
  static const nlohmann::json none;
  const nlohmann::json::json_pointer at(pointer);
  return object.contains(at) ? object.at(at) : none;
}

inline std::string Text(const nlohmann::json& object, const char* pointer) {
  const nlohmann::json& value = At(object, pointer);
  return value.is_string() ? value.get<std::string>() : "";
}

inline int64_t Number(const nlohmann::json& object, const char* pointer) {
  const nlohmann::json& value = At(object, pointer);
  return value.is_number() ? value.get<int64_t>() : 0;
}

}  // namespace heald::support
