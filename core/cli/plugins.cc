#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/cli/schema_rows.h"
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

void PrintRows(const Json& schema) {
  for (const SchemaRow& row : RowsOf(schema)) {
    std::string type;
    for (const char c : row.type) type += c == '|' ? "\\|" : std::string(1, c);
    const std::string initial =
        row.initial.empty() || row.required ? row.initial : "`" + row.initial + "`";
    std::printf("| `%s` | %s | %s | %s |\n", row.key.c_str(), type.c_str(), initial.c_str(),
                row.what.c_str());
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
  PrintRows(Json::parse(c.config_schema));
  return kDone;
}

int Schema(const PipelineOptions& options) {
  const plugin::Loader loader(options.plugin_dir, {}, options.program);
  std::puts(PipelineJsonSchema(loader).c_str());
  return kDone;
}

}  // namespace heald::cli
