// What several verbs say alike.
// Thread rule: the main thread.
#pragma once

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

namespace heald::cli {

// Returns `code`, for the verb to end with.
inline int Complain(int code, const std::string& message) {
  std::fprintf(stderr, "heald: %s\n", message.c_str());
  return code;
}

inline void PrintJson(const nlohmann::ordered_json& json) {
  std::puts(json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
}

// Empty where there is none.
inline std::string Text(const nlohmann::ordered_json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_string() ? at->get<std::string>() : "";
}

}  // namespace heald::cli
