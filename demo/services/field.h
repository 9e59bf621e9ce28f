// The fields of a request body or query: one list checks the input, and is printed in /docs and
// /openapi.json. Used by the routes.
// Thread rule: plain values and pure functions.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace heald::demo {

struct Field {
  enum class Type { kString, kId, kEmail, kInteger, kNumber, kBoolean };

  std::string name;
  Type type = Type::kString;
  bool required = false;
  double min = 0;  // of the value; of the length for strings
  double max = 0;
  std::string doc;
  std::vector<std::string> choices;  // strings only; empty: any
  nlohmann::json example;
};

// What is wrong, as a list of {"field", "message"}; empty when `body` is good. Unknown keys are
// wrong too.
nlohmann::json CheckBody(const nlohmann::json& body, const std::vector<Field>& fields);
// The same for query parameters, which arrive as text; the values go to `parsed`.
nlohmann::json CheckQuery(const std::map<std::string, std::string>& query,
                          const std::vector<Field>& fields, nlohmann::json* parsed);

nlohmann::json FieldSchema(const Field& field);
nlohmann::json ExampleBody(const std::vector<Field>& fields);

}  // namespace heald::demo
