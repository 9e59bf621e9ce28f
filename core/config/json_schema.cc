#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/config/guard_section.h"
#include "core/config/include.h"
#include "core/config/loader.h"
#include "core/config/pipeline_schema.h"
#include "core/config/tests_section.h"
#include "core/config/vars.h"

namespace heald {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kDuration = "^(0|([0-9.]+(ns|us|ms|s|m|h|d|w))+)$";
constexpr const char* kSize = "^[0-9.]+([kKMGT]?i?B|[kMG])?$";
constexpr const char* kRatio = "^[0-9.]+%?$";
constexpr const char* kVar = "^\\$\\{var\\.[a-z0-9_]+\\}$";
constexpr const char* kPlaceholder = "\\$\\{(env:|file:|var\\.)";

// What an editor has to accept where heald reads text with a unit.
Json InUnit(const std::string& unit) {
  if (unit == "duration")
    return {{"type", Json::array({"string", "integer"})}, {"pattern", kDuration}};
  if (unit == "size") return {{"type", Json::array({"string", "integer"})}, {"pattern", kSize}};
  return {{"type", Json::array({"string", "number"})}, {"pattern", kRatio}};
}

// heald's subset as strict JSON Schema: unknown keys are closed off, text with units is text, and
// any scalar may come from the environment instead.
Json Strict(const Json& in) {
  if (!in.is_object()) return in;
  static const std::vector<std::string> kChecks = {
      "type",    "enum",     "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
      "pattern", "minLength"};
  Json out = Json::object();
  Json checks = Json::object();
  const std::string type = in.value("type", "");
  const bool scalar =
      in.contains("x-unit") || (!type.empty() && type != "object" && type != "array");
  for (const auto& [key, value] : in.items()) {
    if (key == "x-elsewhere") continue;
    if (key == "properties") {
      Json properties = Json::object();
      for (const auto& [name, item] : value.items()) properties[name] = Strict(item);
      out[key] = std::move(properties);
    } else if (key == "items" || key == "additionalProperties") {
      out[key] = Strict(value);
    } else if (scalar && std::find(kChecks.begin(), kChecks.end(), key) != kChecks.end()) {
      checks[key] = value;
    } else {
      out[key] = value;
    }
  }
  if (in.contains("properties") && !in.contains("additionalProperties"))
    out["additionalProperties"] = false;
  if (type == "object" && !in.contains("required"))
    out["type"] = Json::array({"object", "null"});  // a key with nothing below it
  if (type == "array") {                            // or a var that is one
    out["type"] = Json::array({"array", "string"});
    out["pattern"] = kVar;
  }
  if (!scalar) return out;
  if (in.contains("x-unit")) checks = InUnit(in["x-unit"].get<std::string>());
  // Any scalar is text where text is asked for.
  if (type == "string" && !in.contains("x-unit") && !in.contains("enum"))
    checks["type"] = Json::array({"string", "number", "boolean"});
  out["anyOf"] = Json::array({checks, {{"type", "string"}, {"pattern", kPlaceholder}}});
  return out;
}

Json Node(Kind kind, const Catalog& catalog) {
  Json node = Strict(Json::parse(NodeSchemaText(kind)));
  Json names = Json::array();
  Json cases = Json::array();
  for (const Component* component : catalog.All()) {
    if (component->kind != kind) continue;
    names.push_back(component->name);
    const Json config = Json::parse(component->config_schema, nullptr, false);
    if (config.is_discarded()) continue;
    Json strict = Strict(config);
    if (!component->doc.empty() && !strict.contains("description"))
      strict["description"] = component->doc;
    Json then = {{"properties", {{"config", std::move(strict)}}}};
    if (config.contains("required") && !config["required"].empty())
      then["required"] = Json::array({"config"});
    cases.push_back({{"if", {{"properties", {{"plugin", {{"const", component->name}}}}}}},
                     {"then", std::move(then)}});
  }
  Json& plugin = node["properties"]["plugin"];
  plugin.erase("anyOf");
  if (!names.empty()) plugin["enum"] = std::move(names);
  if (!cases.empty()) node["allOf"] = std::move(cases);
  return node;
}

// Exactly one of the two says what to do.
Json Policy() {
  Json policy = Strict(Json::parse(PolicySchemaText()));
  policy["oneOf"] = Json::array(
      {{{"required", Json::array({"action"})}}, {{"required", Json::array({"steps"})}}});
  return policy;
}

Json Section(Json item, const std::string& description) {
  return {{"type", Json::array({"object", "null"})},
          {"description", description},
          {"additionalProperties", std::move(item)}};
}

}  // namespace

std::string PipelineJsonSchema(const Catalog& catalog) {
  Json properties = {
      {"version", {{"const", 1}, {"description", "Of this format"}}},
      {"include", Json::parse(IncludeSchemaText())},
      {"vars", Json::parse(VarsSchemaText())},
      {"agent", Strict(Json::parse(AgentSchemaText()))},
      {"sources", Section(Node(Kind::kSource, catalog), "Where samples and logs come from")},
      {"detectors", Section(Node(Kind::kDetector, catalog), "What makes findings of them")},
      {"policies", Section(Policy(), "When to act on findings, and how")},
      {"inhibit",
       {{"type", "array"},
        {"description", "Which findings mute which"},
        {"items", Strict(Json::parse(InhibitSchemaText()))}}},
      {"actions", Section(Node(Kind::kAction, catalog), "What can be done")},
      {"notifiers", Section(Node(Kind::kNotifier, catalog), "Who is told")},
      {"tests",
       {{"type", "array"},
        {"description", "Unit tests of this pipeline; heald test runs them"},
        {"items", Strict(Json::parse(TestSchemaText()))}}}};
  const Json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"},
                       {"title", "heald pipeline"},
                       {"type", "object"},
                       {"properties", std::move(properties)},
                       {"required", Json::array({"version"})},
                       {"additionalProperties", false}};
  return schema.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace heald
