#include "core/config/schema.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/units.h"
#include "core/model/suggest.h"
#include "core/model/template.h"

namespace heald {
namespace {

using Json = nlohmann::ordered_json;
using Type = Schema::Type;
using Unit = Schema::Unit;

constexpr int kMaxDepth = 16;

// Thrown and caught in this file only: a schema is read in one recursive walk.
struct Refused {
  std::string pointer;
  std::string message;
};

[[noreturn]] void Reject(const std::string& pointer, std::string message) {
  throw Refused{pointer, std::move(message)};
}

Type ReadType(const Json& json, const std::string& at) {
  static const std::map<std::string, Type> kTypes = {
      {"object", Type::kObject},   {"array", Type::kArray},   {"string", Type::kString},
      {"integer", Type::kInteger}, {"number", Type::kNumber}, {"boolean", Type::kBoolean}};
  const auto found = json.is_string() ? kTypes.find(json.get<std::string>()) : kTypes.end();
  if (found == kTypes.end())
    Reject(at, "type is one of object, array, string, integer, number, boolean");
  return found->second;
}

Unit ReadUnit(const Json& json, const std::string& at) {
  if (json == "duration") return Unit::kDuration;
  if (json == "size") return Unit::kSize;
  if (json == "ratio") return Unit::kRatio;
  Reject(at, "x-unit is one of duration, size, ratio");
}

std::string ReadText(const Json& json, const std::string& at) {
  if (!json.is_string()) Reject(at, "must be a string");
  return json.get<std::string>();
}

bool ReadBool(const Json& json, const std::string& at) {
  if (!json.is_boolean()) Reject(at, "must be true or false");
  return json.get<bool>();
}

size_t ReadCount(const Json& json, const std::string& at) {
  if (!json.is_number_unsigned()) Reject(at, "must be a whole number");
  return json.get<size_t>();
}

// A default, an enum item or a bound, typed as the schema's values will be.
Value ReadValue(const Schema& schema, const Json& json, const std::string& at) {
  if (schema.unit != Unit::kNone && json.is_string()) {
    const std::string text = json.get<std::string>();
    if (schema.unit == Unit::kRatio) {
      const Result<double> ratio = ParseRatio(text);
      if (!ratio.ok()) Reject(at, ratio.error().message);
      return *ratio;
    }
    const Result<int64_t> amount =
        schema.unit == Unit::kDuration ? ParseDuration(text) : ParseSize(text);
    if (!amount.ok()) Reject(at, amount.error().message);
    return *amount;
  }
  if (schema.unit == Unit::kRatio && json.is_number()) return json.get<double>();
  if (json.is_number_integer() && schema.type != Type::kNumber) return json.get<int64_t>();
  if (json.is_number()) return json.get<double>();
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_array()) {
    Value::List list;
    for (size_t i = 0; i < json.size(); ++i)
      list.push_back(ReadValue(schema.items ? *schema.items : Schema(), json[i],
                               at + "/" + std::to_string(i)));
    return list;
  }
  if (json.is_object()) {
    Value::Map map;
    for (const auto& [key, item] : json.items()) {
      const Schema* property = schema.Find(key);
      if (property == nullptr) property = schema.additional.get();
      map.emplace_back(
          key, ReadValue(property ? *property : Schema(), item, at + "/" + PointerToken(key)));
    }
    return map;
  }
  return Value();
}

double ReadBound(const Schema& schema, const Json& json, const std::string& at) {
  const double bound = NumberOf(ReadValue(schema, json, at));
  if (std::isnan(bound)) Reject(at, "must be a number");
  return bound;
}

bool FitsSchema(const Schema& schema, const Value& value) {
  if (schema.unit != Unit::kNone)
    return schema.unit == Unit::kRatio ? value.AsDouble() != nullptr : value.AsInt() != nullptr;
  switch (schema.type) {
    case Type::kObject:
      return value.AsMap() != nullptr;
    case Type::kArray:
      return value.AsList() != nullptr;
    case Type::kString:
      return value.AsString() != nullptr;
    case Type::kInteger:
      return value.AsInt() != nullptr;
    case Type::kNumber:
      return value.AsDouble() != nullptr;
    case Type::kBoolean:
      return value.AsBool() != nullptr;
    case Type::kAny:
      return true;
  }
  return false;
}

SchemaPtr Read(const Json& json, const std::string& at, int depth);

void ReadObject(const Json& json, const std::string& at, int depth, Schema* schema) {
  if (const auto properties = json.find("properties"); properties != json.end()) {
    if (!properties->is_object()) Reject(at + "/properties", "must be an object");
    for (const auto& [key, item] : properties->items())
      schema->properties.emplace_back(
          key, Read(item, at + "/properties/" + PointerToken(key), depth + 1));
    std::stable_sort(schema->properties.begin(), schema->properties.end(),
                     [](const Schema::Property& a, const Schema::Property& b) {
                       return a.second->order < b.second->order;
                     });
  }
  schema->open = schema->properties.empty();
  if (const auto rest = json.find("additionalProperties"); rest != json.end()) {
    if (rest->is_object())
      schema->additional = Read(*rest, at + "/additionalProperties", depth + 1);
    schema->open = rest->is_object() || ReadBool(*rest, at + "/additionalProperties");
  }
  if (const auto required = json.find("required"); required != json.end()) {
    if (!required->is_array()) Reject(at + "/required", "must be an array");
    for (const Json& name : *required) {
      schema->required.push_back(ReadText(name, at + "/required"));
      if (!schema->open && schema->Find(schema->required.back()) == nullptr)
        Reject(at + "/required", "'" + schema->required.back() + "' is no property");
    }
  }
}

void ReadBounds(const Json& json, const std::string& at, Schema* schema) {
  const auto bound = [&](const char* key, double* value, bool* exclusive, bool is_exclusive) {
    const auto found = json.find(key);
    if (found == json.end()) return;
    *value = ReadBound(*schema, *found, at + "/" + key);
    *exclusive = is_exclusive;
  };
  bound("minimum", &schema->minimum, &schema->above_minimum, false);
  bound("exclusiveMinimum", &schema->minimum, &schema->above_minimum, true);
  bound("maximum", &schema->maximum, &schema->below_maximum, false);
  bound("exclusiveMaximum", &schema->maximum, &schema->below_maximum, true);
  if (json.contains("minItems")) schema->min_items = ReadCount(json["minItems"], at + "/minItems");
  if (json.contains("maxItems")) schema->max_items = ReadCount(json["maxItems"], at + "/maxItems");
  if (json.contains("minLength"))
    schema->min_length = ReadCount(json["minLength"], at + "/minLength");
  if (json.contains("pattern")) {
    schema->pattern_text = ReadText(json["pattern"], at + "/pattern");
    RE2::Options options;
    options.set_log_errors(false);
    auto pattern = std::make_shared<RE2>(schema->pattern_text, options);
    if (!pattern->ok()) Reject(at + "/pattern", pattern->error());
    schema->pattern = std::move(pattern);
  }
}

void CheckWords(const Json& json, const std::string& at) {
  static const std::vector<std::string> kWords = {"type",
                                                  "properties",
                                                  "required",
                                                  "additionalProperties",
                                                  "items",
                                                  "enum",
                                                  "default",
                                                  "minimum",
                                                  "maximum",
                                                  "exclusiveMinimum",
                                                  "exclusiveMaximum",
                                                  "minItems",
                                                  "maxItems",
                                                  "minLength",
                                                  "pattern",
                                                  "description",
                                                  "title",
                                                  "examples",
                                                  "$schema",
                                                  "$id",
                                                  "x-unit",
                                                  "x-secret",
                                                  "x-runtime",
                                                  "x-marked",
                                                  "x-order",
                                                  "x-deprecated",
                                                  "x-reload",
                                                  "x-elsewhere",
                                                  "x-rbac"};
  for (const auto& [key, item] : json.items()) {
    if (std::find(kWords.begin(), kWords.end(), key) != kWords.end()) continue;
    const std::string hint = DidYouMean(key, kWords);
    Reject(at + "/" + PointerToken(key),
           "'" + key + "' isn't in the subset of JSON Schema that heald reads" +
               (hint.empty() ? "" : ": " + hint));
  }
}

SchemaPtr Read(const Json& json, const std::string& at, int depth) {
  if (depth > kMaxDepth) Reject(at, "nested deeper than " + std::to_string(kMaxDepth) + " levels");
  if (json.is_boolean() && json.get<bool>()) return std::make_shared<Schema>();
  if (!json.is_object()) Reject(at, "a schema is an object");
  CheckWords(json, at);
  auto schema = std::make_shared<Schema>();
  if (json.contains("type")) schema->type = ReadType(json["type"], at + "/type");
  if (json.contains("x-unit")) schema->unit = ReadUnit(json["x-unit"], at + "/x-unit");
  if (json.contains("description"))
    schema->description = ReadText(json["description"], at + "/description");
  if (json.contains("x-deprecated"))
    schema->deprecated = ReadText(json["x-deprecated"], at + "/x-deprecated");
  if (json.contains("x-secret")) schema->secret = ReadBool(json["x-secret"], at + "/x-secret");
  if (json.contains("x-runtime")) schema->runtime = ReadBool(json["x-runtime"], at + "/x-runtime");
  if (schema->runtime && schema->type != Type::kString && schema->type != Type::kAny)
    Reject(at + "/x-runtime", "only strings can be filled in at run time");
  if (json.contains("x-marked")) schema->marked = ReadBool(json["x-marked"], at + "/x-marked");
  if (schema->marked && !(schema->runtime && schema->type == Type::kString))
    Reject(at + "/x-marked", "only strings with x-runtime have anything to mark");
  if (json.contains("x-reload")) {
    if (json["x-reload"] != "keep") Reject(at + "/x-reload", "is keep, or left out");
    schema->keeps_state = true;
  }
  if (json.contains("x-order")) {
    if (!json["x-order"].is_number()) Reject(at + "/x-order", "must be a number");
    schema->order = json["x-order"].get<double>();
  }
  if (json.contains("x-elsewhere"))
    for (const auto& [key, hint] : json["x-elsewhere"].items())
      schema->elsewhere[key] = ReadText(hint, at + "/x-elsewhere");
  if (schema->type == Type::kObject || json.contains("properties")) {
    schema->type = Type::kObject;
    ReadObject(json, at, depth, schema.get());
  }
  if (json.contains("items")) schema->items = Read(json["items"], at + "/items", depth + 1);
  ReadBounds(json, at, schema.get());
  if (json.contains("enum")) {
    if (!json["enum"].is_array() || json["enum"].empty())
      Reject(at + "/enum", "must be a list of values");
    for (const Json& choice : json["enum"]) {
      schema->choices.push_back(ReadValue(*schema, choice, at + "/enum"));
      if (!FitsSchema(*schema, schema->choices.back()))
        Reject(at + "/enum", "a value isn't of the type");
    }
  }
  if (json.contains("default") && !json["default"].is_null()) {
    Value value = ReadValue(*schema, json["default"], at + "/default");
    if (!FitsSchema(*schema, value)) Reject(at + "/default", "isn't of the type");
    schema->fallback = std::move(value);
  }
  return schema;
}

}  // namespace

Result<SchemaPtr> ParseSchema(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return MakeError(Code::kInvalid, "the config schema is not JSON");
  try {
    return Read(json, "", 0);
  } catch (const Refused& refused) {
    Error error = MakeError(
        Code::kInvalid, (refused.pointer.empty() ? "/" : refused.pointer) + ": " + refused.message);
    error.json_pointer = refused.pointer;
    return error;
  }
}

double NumberOf(const Value& value) {
  if (const int64_t* integer = value.AsInt()) return static_cast<double>(*integer);
  if (const double* number = value.AsDouble()) return *number;
  return std::numeric_limits<double>::quiet_NaN();
}

std::string FormatInUnit(const Schema& schema, const Value& value) {
  const auto number = [](double v) {
    char buffer[40];
    return std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, v).ptr);
  };
  if (schema.unit == Unit::kDuration && value.AsInt() != nullptr)
    return FormatDuration(*value.AsInt());
  if (schema.unit == Unit::kSize && value.AsInt() != nullptr) {
    constexpr std::pair<int64_t, const char*> kUnits[] = {
        {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}};
    for (const auto& [factor, name] : kUnits)
      if (*value.AsInt() != 0 && *value.AsInt() % factor == 0)
        return std::to_string(*value.AsInt() / factor) + name;
    return std::to_string(*value.AsInt()) + "B";
  }
  if (const std::string* text = value.AsString()) return *text;
  if (const bool* flag = value.AsBool()) return *flag ? "true" : "false";
  if (const int64_t* integer = value.AsInt()) return std::to_string(*integer);
  if (const double* real = value.AsDouble()) return number(*real);
  return value.is_null() ? "null" : "";
}

}  // namespace heald
