#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/cli/verbs.h"
#include "core/config/loader.h"
#include "core/plugin/loader.h"

namespace heald::cli {
namespace {

using Json = nlohmann::ordered_json;

// Loads the file only for the folders that it names.
void AddFolders(const PluginsOptions& options, const plugin::Loader& loader) {
  if (options.pipeline.file.empty()) return;
  static_cast<void>(LoadPipeline(options.pipeline.file, loader, ProcessEnvironment()));
}

std::string TypeOf(const Json& schema) {
  if (schema.contains("x-unit")) return schema["x-unit"];
  if (schema.contains("enum")) {
    std::string words;
    for (const Json& word : schema["enum"])
      words += (words.empty() ? "" : " \\| ") + word.get<std::string>();
    return words;
  }
  const std::string type = schema.value("type", "any");
  if (type == "array") return "list of " + TypeOf(schema.value("items", Json::object()));
  if (type == "object" && schema.contains("additionalProperties") &&
      schema["additionalProperties"].is_object())
    return "map of " + TypeOf(schema["additionalProperties"]);
  return type == "object" ? "map" : type;
}

void PrintRows(const Json& schema, const std::string& prefix) {
  if (!schema.contains("properties")) return;
  const Json required = schema.value("required", Json::array());
  for (const auto& [key, field] : schema["properties"].items()) {
    const bool needed = std::find(required.begin(), required.end(), key) != required.end();
    std::string initial = needed ? "required" : "";
    if (field.contains("default") && !field["default"].is_object())
      initial = "`" +
                (field["default"].is_string() ? field["default"].get<std::string>()
                                              : field["default"].dump()) +
                "`";
    if (initial == "``") initial.clear();
    std::printf("| `%s%s` | %s | %s | %s |\n", prefix.c_str(), key.c_str(), TypeOf(field).c_str(),
                initial.c_str(), field.value("description", "").c_str());
    PrintRows(field, prefix + key + ".");
    if (field.contains("items")) PrintRows(field["items"], prefix + key + "[].");
    if (field.contains("additionalProperties") && field["additionalProperties"].is_object())
      PrintRows(field["additionalProperties"], prefix + key + ".*.");
  }
}

}  // namespace

int Plugins(const PluginsOptions& options) {
  const plugin::Loader loader(options.pipeline.plugin_dir, {}, options.pipeline.program);
  AddFolders(options, loader);
  const std::vector<const Component*> all = loader.All();
  if (options.format == "json") {
    Json out = Json::array();
    for (const Component* c : all)
      out.push_back({{"kind", ToString(c->kind)},
                     {"name", c->name},
                     {"doc", c->doc},
                     {"version", c->version},
                     {"file", c->file},
                     {"config_schema", Json::parse(c->config_schema)}});
    std::puts(out.dump(2).c_str());
  } else {
    for (const Component* c : all)
      std::printf("%-9s %-12s %-8s %s\n", std::string(ToString(c->kind)).c_str(), c->name.c_str(),
                  c->version.c_str(), c->doc.c_str());
  }
  for (const std::string& error : loader.Errors()) std::fprintf(stderr, "%s\n", error.c_str());
  return loader.Errors().empty() ? kDone : kNo;
}

int PluginDoc(const PluginsOptions& options, const std::string& component) {
  const plugin::Loader loader(options.pipeline.plugin_dir, {}, options.pipeline.program);
  AddFolders(options, loader);
  std::vector<const Component*> found;
  for (const Component* c : loader.All())
    if (c->name == component || std::string(ToString(c->kind)) + "/" + c->name == component)
      found.push_back(c);
  if (found.empty()) {
    std::fprintf(stderr, "heald: there is no plugin '%s'; `heald plugins` lists them\n",
                 component.c_str());
    return kNo;
  }
  if (found.size() > 1) {
    std::fprintf(stderr, "heald: '%s' is both %s/%s and %s/%s; say which\n", component.c_str(),
                 std::string(ToString(found[0]->kind)).c_str(), component.c_str(),
                 std::string(ToString(found[1]->kind)).c_str(), component.c_str());
    return kUsage;
  }
  const Component& c = *found.front();
  std::printf("# %s `%s` %s\n\n%s\n\n| key | type | default | meaning |\n|---|---|---|---|\n",
              std::string(ToString(c.kind)).c_str(), c.name.c_str(), c.version.c_str(),
              c.doc.c_str());
  PrintRows(Json::parse(c.config_schema), "");
  return kDone;
}

int Schema(const PipelineOptions& options) {
  const plugin::Loader loader(options.plugin_dir, {}, options.program);
  std::puts(PipelineJsonSchema(loader).c_str());
  return kDone;
}

}  // namespace heald::cli
