#include "core/cli/schema_rows.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace heald::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string TypeOf(const Json& schema) {
  if (schema.contains("x-unit")) return schema["x-unit"];
  if (schema.contains("enum")) {
    std::string words;
    for (const Json& word : schema["enum"])
      words += (words.empty() ? "" : " | ") + word.get<std::string>();
    return words;
  }
  const std::string type = schema.value("type", "any");
  if (type == "array") return "list of " + TypeOf(schema.value("items", Json::object()));
  if (type == "object" && schema.contains("additionalProperties") &&
      schema["additionalProperties"].is_object())
    return "map of " + TypeOf(schema["additionalProperties"]);
  return type == "object" ? "map" : type;
}

void AddRows(const Json& schema, const std::string& prefix, std::vector<SchemaRow>* rows) {
  if (!schema.contains("properties")) return;
  const Json required = schema.value("required", Json::array());
  for (const auto& [key, field] : schema["properties"].items()) {
    SchemaRow row{prefix + key, TypeOf(field), "", field.value("description", "")};
    row.required = std::find(required.begin(), required.end(), key) != required.end();
    if (row.required) row.initial = "required";
    if (field.contains("default") && !field["default"].is_object()) {
      const Json& initial = field["default"];
      row.initial = initial.is_string() ? initial.get<std::string>() : initial.dump();
      row.required = false;
    }
    rows->push_back(std::move(row));
    AddRows(field, prefix + key + ".", rows);
    if (field.contains("items")) AddRows(field["items"], prefix + key + "[].", rows);
    if (field.contains("additionalProperties") && field["additionalProperties"].is_object())
      AddRows(field["additionalProperties"], prefix + key + ".*.", rows);
  }
}

}  // namespace

std::vector<SchemaRow> RowsOf(const Json& schema) {
  std::vector<SchemaRow> rows;
  AddRows(schema, "", &rows);
  return rows;
}

}  // namespace heald::cli
