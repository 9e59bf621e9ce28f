#include "demo/services/field.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <sstream>

namespace heald::demo {
namespace {

using nlohmann::json;

std::string Number(double value) {
  std::ostringstream out;
  out << std::defaultfloat << value;
  return value == std::floor(value) && std::fabs(value) < 1e15
             ? std::to_string(static_cast<long long>(value))
             : out.str();
}

bool IsString(Field::Type type) {
  return type == Field::Type::kString || type == Field::Type::kId || type == Field::Type::kEmail;
}

bool LooksLikeId(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return (std::isalnum(c) != 0 && c < 128) || c == '-' || c == '_';
  });
}

bool LooksLikeEmail(const std::string& text) {
  const size_t at = text.find('@');
  return at != std::string::npos && at > 0 && at + 1 < text.size() &&
         text.find('@', at + 1) == std::string::npos && text.find(' ') == std::string::npos;
}

std::optional<std::string> WrongString(const Field& field, const std::string& text) {
  const auto length = static_cast<double>(text.size());
  if (length < field.min || length > field.max)
    return "must be " + Number(field.min) + " to " + Number(field.max) + " bytes long";
  if (field.type == Field::Type::kId && !LooksLikeId(text))
    return "must be letters, digits, '-' and '_' only";
  if (field.type == Field::Type::kEmail && !LooksLikeEmail(text))
    return "must be an address such as ada@example.com";
  if (field.choices.empty() ||
      std::find(field.choices.begin(), field.choices.end(), text) != field.choices.end())
    return std::nullopt;
  std::string list;
  for (const std::string& choice : field.choices) list += (list.empty() ? "" : ", ") + choice;
  return "must be one of " + list;
}

std::optional<std::string> Wrong(const Field& field, const json& value) {
  if (IsString(field.type)) {
    if (!value.is_string()) return "must be a string";
    return WrongString(field, value.get<std::string>());
  }
  if (field.type == Field::Type::kBoolean) {
    if (value.is_boolean()) return std::nullopt;
    return "must be true or false";
  }
  if (field.type == Field::Type::kInteger ? !value.is_number_integer() : !value.is_number())
    return field.type == Field::Type::kInteger ? "must be an integer" : "must be a number";
  const double number = value.get<double>();
  if (!(number >= field.min && number <= field.max))
    return "must be from " + Number(field.min) + " to " + Number(field.max);
  return std::nullopt;
}

json Issue(const std::string& name, const std::string& message) {
  return {{"field", name}, {"message", message}};
}

const Field* Find(const std::vector<Field>& fields, const std::string& name) {
  const auto it = std::find_if(fields.begin(), fields.end(),
                               [&](const Field& field) { return field.name == name; });
  return it == fields.end() ? nullptr : &*it;
}

std::string Names(const std::vector<Field>& fields) {
  std::string list;
  for (const Field& field : fields) list += (list.empty() ? "" : ", ") + field.name;
  return list.empty() ? "none" : list;
}

}  // namespace

json CheckBody(const json& body, const std::vector<Field>& fields) {
  json issues = json::array();
  for (const Field& field : fields) {
    if (!body.contains(field.name)) {
      if (field.required) issues.push_back(Issue(field.name, "is required"));
      continue;
    }
    if (const auto wrong = Wrong(field, body[field.name]))
      issues.push_back(Issue(field.name, *wrong));
  }
  for (const auto& [name, value] : body.items())
    if (Find(fields, name) == nullptr)
      issues.push_back(Issue(name, "is unknown; known are " + Names(fields)));
  return issues;
}

json CheckQuery(const std::map<std::string, std::string>& query, const std::vector<Field>& fields,
                json* parsed) {
  json issues = json::array();
  *parsed = json::object();
  for (const auto& [name, text] : query) {
    const Field* field = Find(fields, name);
    if (field == nullptr) {
      issues.push_back(Issue(name, "is unknown; known are " + Names(fields)));
      continue;
    }
    json value = text;
    if (!IsString(field->type)) {
      int64_t number = 0;
      const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (code == std::errc() && end == text.data() + text.size()) value = number;
    }
    if (const auto wrong = Wrong(*field, value))
      issues.push_back(Issue(name, *wrong));
    else
      (*parsed)[name] = value;
  }
  return issues;
}

json FieldSchema(const Field& field) {
  json schema = {{"description", field.doc}};
  if (!field.example.is_null()) schema["example"] = field.example;
  switch (field.type) {
    case Field::Type::kBoolean:
      schema["type"] = "boolean";
      return schema;
    case Field::Type::kInteger:
      schema["type"] = "integer";
      schema["minimum"] = static_cast<int64_t>(field.min);
      schema["maximum"] = static_cast<int64_t>(field.max);
      return schema;
    case Field::Type::kNumber:
      schema["type"] = "number";
      schema["minimum"] = field.min;
      schema["maximum"] = field.max;
      return schema;
    default:
      schema["type"] = "string";
      schema["minLength"] = static_cast<int>(field.min);
      schema["maxLength"] = static_cast<int>(field.max);
      if (field.type == Field::Type::kEmail) schema["format"] = "email";
      if (field.type == Field::Type::kId) schema["pattern"] = "^[A-Za-z0-9_-]*$";
      if (!field.choices.empty()) schema["enum"] = field.choices;
      return schema;
  }
}

json ExampleBody(const std::vector<Field>& fields) {
  json body = json::object();
  for (const Field& field : fields)
    if (!field.example.is_null()) body[field.name] = field.example;
  return body;
}

}  // namespace heald::demo
