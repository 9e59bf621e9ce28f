#include "tests/kubernetes/schema.h"

#include <fstream>

namespace heald::kubernetes_test {

ApiSchema::ApiSchema(const std::string& file) {
  std::ifstream in(file);
  definitions_ = Json::parse(in).at("definitions");
}

std::vector<std::string> ApiSchema::Problems(const Json& object) const {
  const std::string kind = object.value("kind", "");
  const std::string api_version = object.value("apiVersion", "");
  const size_t slash = api_version.find('/');
  const std::string group = slash == std::string::npos ? "" : api_version.substr(0, slash);
  const std::string version =
      slash == std::string::npos ? api_version : api_version.substr(slash + 1);
  for (const auto& [name, schema] : definitions_.items())
    for (const Json& one : schema.value("x-kubernetes-group-version-kind", Json::array()))
      if (one["kind"] == kind && one["group"] == group && one["version"] == version) {
        std::vector<std::string> out;
        Check(schema, object, "", out);
        return out;
      }
  return {"the description has no " + api_version + " " + kind};
}

void ApiSchema::Check(const Json& schema, const Json& value, const std::string& at,
                      std::vector<std::string>& out) const {
  if (const auto reference = schema.find("$ref"); reference != schema.end()) {
    const std::string name = reference->get<std::string>();
    return Check(definitions_.at(name.substr(name.rfind('/') + 1)), value, at, out);
  }
  const std::string type = schema.value("type", "");
  const std::string format = schema.value("format", "");
  // Go writes times and lists that were never set as null.
  if (value.is_null() && (format == "date-time" || type == "array")) return;
  const bool fits =
      type.empty() || (type == "object" && value.is_object()) ||
      (type == "array" && value.is_array()) || (type == "string" && value.is_string()) ||
      (format == "int-or-string" && value.is_number_integer()) ||
      (type == "integer" && value.is_number_integer()) || (type == "number" && value.is_number()) ||
      (type == "boolean" && value.is_boolean());
  if (!fits) {
    out.push_back(at + ": is no " + type + ": " + value.dump().substr(0, 100));
  } else if (value.is_object()) {
    CheckObject(schema, value, at, out);
  } else if (value.is_array() && schema.contains("items")) {
    for (size_t i = 0; i < value.size(); ++i)
      Check(schema["items"], value[i], at + "/" + std::to_string(i), out);
  }
}

void ApiSchema::CheckObject(const Json& schema, const Json& value, const std::string& at,
                            std::vector<std::string>& out) const {
  for (const Json& field : schema.value("required", Json::array()))
    if (!value.contains(field.get<std::string>()))
      out.push_back(at + "/" + field.get<std::string>() + ": is required");
  const bool open = !schema.contains("properties");
  for (const auto& [key, member] : value.items()) {
    const std::string path = at + "/" + key;
    if (!open && schema["properties"].contains(key))
      Check(schema["properties"][key], member, path, out);
    else if (schema.contains("additionalProperties"))
      Check(schema["additionalProperties"], member, path, out);
    else if (!open)
      out.push_back(path + ": there is no such field");
  }
}

}  // namespace heald::kubernetes_test
